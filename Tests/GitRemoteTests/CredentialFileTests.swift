import GitRemote
import SystemCalls
import TestSupport
import Testing

/// Files with keys and tokens that the wrong people can read are not used.
@Suite struct CredentialFileTests {
  private func problem(_ remote: TestRemote) throws -> GitRemoteError? {
    #expect(throws: GitRemoteError.self) { try remote.use { _ = try $0.fetchTags() } }
  }

  @Test(arguments: [
    (0o644, "everybody can read or write it (chmod 600)"), (0o660, "its group can read or write it"),
  ])
  func aTokenThatOthersCanRead(mode: UInt32, words: String) throws {
    let server = try HTTPSGitServer()
    let remote = try TestRemote(https: server, GitFixture())
    let file = try remote.directory.write("token", server.token)
    try Program.check("chmod", [String(mode, radix: 8), file])
    remote.configuration.https.tokenFile = file
    let error = try problem(remote)
    #expect(error?.code == .credentialFileUnusable)
    #expect(error?.message.hasPrefix("reading \(file): \(words)") == true, "\(String(describing: error))")
  }

  @Test func anSSHKeyThatOthersCanRead() throws {
    let remote = try TestRemote(ssh: SSHServer(), GitFixture())
    let key = try Files.read(try #require(remote.configuration.ssh.keyFile), limit: 65_536)
    let file = try remote.directory.write("key", String(decoding: key, as: UTF8.self))
    remote.configuration.ssh.keyFile = file
    #expect(try problem(remote)?.message == "reading \(file): everybody can read or write it (chmod 600)")
  }

  @Test func listsOfTrustThatEverybodyCanWrite() throws {
    let remote = try TestRemote(ssh: SSHServer(), GitFixture())
    let known = try Files.read(try #require(remote.configuration.ssh.knownHostsFile), limit: 65_536)
    let file = try remote.directory.write("known", String(decoding: known, as: UTF8.self))
    try Program.check("chmod", ["666", file])
    remote.configuration.ssh.knownHostsFile = file
    #expect(try problem(remote)?.message.contains("everybody can write it (chmod o-w)") == true)
  }

  @Test func filesThatAreNotThere() throws {
    let remote = try TestRemote(https: HTTPSGitServer(), GitFixture())
    remote.configuration.https.tokenFile = "/nonexistent/token"
    #expect(try problem(remote)?.message == "reading /nonexistent/token: No such file or directory")
  }
}
