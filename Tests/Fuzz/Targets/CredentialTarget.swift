import SystemCalls

@testable import GitRemote

extension FuzzTarget {
  /// What a credential command answers is a password of one line and bounded length, or an error that tells nothing of
  /// what it said. What follows the empty line changes nothing.
  static let credential = FuzzTarget("credential") { input in
    let reply = Reply(input)
    try check(Reply(input + Array("\n\npassword=other\nquit=1\n".utf8)) == reply, "it reads behind the end")
    if let problem = reply.problem {
      return try check(problem.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "it quotes: \(problem)")
    }
    for value in [reply.username ?? [], reply.password] {
      try check(value.count <= CredentialCommand.valueLimit, "a value of \(value.count) bytes")
      try check(!value.contains { $0 == 0 || $0 == 0x0A }, "a value of several lines")
    }
    try check(!reply.password.isEmpty, "no password")
    var text = Array("password=".utf8) + reply.password + [0x0A]
    if let username = reply.username { text += Array("username=".utf8) + username + [0x0A] }
    if let expiry = reply.expiry { text += Array("password_expiry_utc=\(expiry)\n".utf8) }
    try check(Reply(text) == reply, "it reads differently")
  }
}

private struct Reply: Equatable {
  private(set) var username: [UInt8]?
  private(set) var password: [UInt8] = []
  private(set) var expiry: Int64?
  private(set) var problem: String?

  init(_ bytes: [UInt8]) {
    do throws(GitRemoteError) {
      let reply = try CredentialReply(SecretBytes(copying: bytes)) { problem in
        GitRemoteError(.credentialCommandFailed, "connect", problem)
      }
      username = reply.username.map { Array($0.utf8) }
      password = reply.password.withUnsafeBytes { Array($0) }
      expiry = reply.expiry
    } catch {
      problem = error.message
    }
  }
}
