import GitRemote
import SystemCalls
import TestSupport
import Testing

/// A hostile server repeats what it was told.
@Suite struct SecretTextTests {
  /// What a hook of the server says, and what comes of it, with TOKEN for the token.
  static let words = [
    ("echo TOKEN", "***"),
    ("echo \"basic $(printf 'ci:TOKEN' | base64)\"", "basic ***"),
    ("printf 'TO\\033KEN\\n' | sed 's/TO.KEN/TOKEN/'", "***"),
    ("echo TOKEN | sed 's/./&\\x07/3'", "***"),
    (
      "echo 'see https://ci:TOKEN@host/x and ssh://git@host/x'", "see https://***@host/x and ssh://git@host/x"
    ),
    ("echo 'ssh://git:hunter2@host/x'", "ssh://***@host/x"),
    ("echo 'https://hunter2@host/x?a@b'", "https://***@host/x?a@b"),
    ("printf 'cut off: TOKEN' | head -c 20", "cut off: ***"),
  ]

  private func tip(_ fixture: GitFixture) throws -> ObjectID {
    try #require(ObjectID(hex: fixture.git("rev-parse", "main")))
  }

  private func said(_ remote: TestRemote, _ command: String, _ token: String) throws -> String? {
    try remote.fixture.installHook("pre-receive", "(\(command.replacing("TOKEN", with: token))) >&2; exit 1")
    let tip = try tip(remote.fixture)
    return try remote.use { repository in
      let made = try repository.makeTag("churn@v1.0.0", at: tip)
      guard case .done(let report) = try repository.push([made], known: nil) else { return nil }
      return report.serverWords
    }
  }

  @Test(arguments: words) func overHTTPS(_ command: String, _ expected: String) throws {
    let server = try HTTPSGitServer()
    let remote = try TestRemote(https: server, GitFixture())
    let said = try said(remote, command, server.token)
    #expect(said == expected || said?.hasPrefix(expected) == true, "\(said ?? "nothing")")
    #expect(said?.contains(server.token) == false)
  }

  /// The lane of an ssh repository has no token; addresses with one are a server's all the same.
  @Test func overSSH() throws {
    let server = try SSHServer()
    let remote = try TestRemote(ssh: server, GitFixture())
    let said = try said(remote, "printf 'https://x:hunter2@host/ \\033[2Jgone\\r\\nmore\\n'", "")
    #expect(said == "https://***@host/ [2Jgone\nmore")
  }

  @Test func percentEncoded() throws {
    let server = try HTTPSGitServer()
    let token = "a/b+c d%e"
    try server.accept(token)
    let remote = try TestRemote(https: server, GitFixture())
    remote.configuration.https.tokenFile = try remote.directory.write("odd", token, mode: 0o600)
    #expect(try said(remote, "echo 'x=a%2Fb%2Bc%20d%25e&y'", token) == "x=***&y")
  }
}
