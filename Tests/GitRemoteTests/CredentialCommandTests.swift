import GitRemote
import SystemCalls
import TestSupport
import Testing

/// A program that gives out tokens, against a real server whose token changes.
@Suite struct CredentialCommandTests {
  /// A server, and a command that gives out what stands in a file and notes what it is asked.
  final class Setting {
    let server: HTTPSGitServer
    let remote: TestRemote

    init(_ script: String? = nil) throws {
      server = try HTTPSGitServer()
      remote = try TestRemote(https: server, GitFixture())
      let own = """
        cd "$(dirname "$0")"; echo "== $*" >> log; cat >> log; env | cut -d= -f1 | sort | tr '\\n' ' ' > names
        [ "$1" = get ] && cat answer
        exit 0
        """
      let program = try remote.directory.write("give", "#!/bin/sh\n\(script ?? own)\n", mode: 0o755)
      remote.configuration.https = .init(command: [program], caFile: server.caFile)
      try answer(server.token)
    }

    func answer(_ token: String, _ more: String = "") throws {
      try remote.directory.write("answer", "username=ci\npassword=\(token)\n\(more)unknown=1\n")
    }

    /// The actions that the command was asked for, in order.
    func actions() throws -> [String] {
      try log().split(separator: "\n").filter { $0.hasPrefix("== ") }.map { String($0.dropFirst(3)) }
    }

    func log() throws -> String {
      let path = remote.directory.appending("log")
      return String(decoding: try Files.read(path, limit: 1 << 20), as: UTF8.self)
    }
  }

  @Test func isAskedOnceAndToldOfSuccess() throws {
    let setting = try Setting()
    try setting.remote.use { repository in
      for _ in 0..<3 { _ = try repository.fetchTags() }
    }
    #expect(try setting.actions() == ["get", "store"])
    let host = "host=localhost:\(setting.server.port)"
    let question = "== get\nprotocol=https\n\(host)\n\n"
    let praise = "== store\nprotocol=https\n\(host)\nusername=ci\npassword=\(setting.server.token)\n\n"
    #expect(try setting.log() == question + praise)
  }

  @Test func startsWithAClosedEnvironment() throws {
    let setting = try Setting()
    try setting.remote.use { _ = try $0.fetchTags() }
    let names = try Files.read(setting.remote.directory.appending("names"), limit: 4096)
    let allowed = ["GIT_TERMINAL_PROMPT", "HOME", "LC_ALL", "PATH", "PWD", "OLDPWD", "SHLVL", "TMPDIR", "_"]
    let found = String(decoding: names, as: UTF8.self).split(separator: " ").map(String.init)
    #expect(found.contains("PATH") && Set(found).isSubset(of: allowed), "\(found)")
  }

  @Test func isAskedAgainWhenTheTokenIsRefused() throws {
    let setting = try Setting()
    try setting.remote.use { repository in
      _ = try repository.fetchTags()
      try setting.server.accept("rotated-token")
      try setting.answer("rotated-token")
      _ = try repository.fetchTags()
    }
    #expect(try setting.actions() == ["get", "store", "erase", "get", "store"])
  }

  @Test func isAskedAgainForTheNextPush() throws {
    let setting = try Setting()
    let tip = try #require(ObjectID(hex: setting.remote.fixture.git("rev-parse", "main")))
    try setting.remote.use { repository in
      _ = try repository.fetchTags()
      try setting.server.accept("rotated-token")
      try setting.answer("rotated-token")
      let made = try repository.makeTag("churn@v1.0.0", at: tip)
      #expect(try repository.push([made], known: nil).outcomes == [made.name: .accepted])
    }
  }

  @Test func failsWhenTheNextTokenIsRefusedToo() throws {
    let setting = try Setting()
    try setting.server.accept("rotated-token")
    let error = #expect(throws: GitRemoteError.self) {
      try setting.remote.use { _ = try $0.fetchTags() }
    }
    #expect(error?.code == .authenticationFailed)
    #expect(error?.description.contains(setting.server.token) == false)
    #expect(try setting.actions() == ["get", "erase", "get", "erase"])
  }

  /// One that is good for less than a minute is not kept.
  @Test(arguments: [(-10, 3), (30, 3), (3600, 1)])
  func isAskedAgainWhenTheTokenExpires(seconds: Int64, asked: Int) throws {
    let setting = try Setting()
    try setting.answer(setting.server.token, "password_expiry_utc=\(WallClock.seconds + seconds)\n")
    try setting.remote.use { repository in
      for _ in 0..<3 { _ = try repository.fetchTags() }
    }
    #expect(try setting.actions().filter { $0 == "get" }.count == asked)
  }

  // MARK: - Commands that fail

  struct Failure: CustomTestStringConvertible, Sendable {
    let script: String
    let words: String
    var testDescription: String { words }
  }

  static let failures = [
    Failure(script: "sleep 1000", words: "did not end within"),
    Failure(script: "yes password=hunter22222", words: "said more than 65536 bytes"),
    Failure(script: "yes hunter22222 | head -c 300", words: "answered line 1 that is not key=value"),
    Failure(script: "echo hunter22222; exit 3", words: "exited with status 3"),
    Failure(script: "echo 'the key is broken' >&2; exit 1", words: "it said: the key is broken"),
    Failure(script: "kill -9 $$", words: "was ended by signal 9"),
    Failure(script: "true", words: "gave no password"),
    Failure(script: "echo quit=1", words: "says that there is no credential"),
    Failure(script: "printf 'password='; head -c 20000 /dev/zero | tr '\\0' x", words: "too long in line 1"),
  ]

  @Test(arguments: failures)
  func aFailureNamesTheCommand(_ failure: Failure) throws {
    let setting = try Setting(failure.script)
    setting.remote.configuration.timeouts.total = 3
    let error = #expect(throws: GitRemoteError.self) {
      try setting.remote.use { _ = try $0.fetchTags() }
    }
    #expect(error?.code == .credentialCommandFailed)
    #expect(error?.message.contains(failure.words) == true, "\(String(describing: error))")
    #expect(error?.message.contains("/give\"") == true, "\(String(describing: error))")
    #expect(error?.message.contains("hunter") == false, "\(String(describing: error))")
  }

  @Test func aCommandThatIsNotThereIsNamed() throws {
    let setting = try Setting()
    setting.remote.configuration.https.command = ["/nonexistent/command"]
    let error = #expect(throws: GitRemoteError.self) {
      try setting.remote.use { _ = try $0.fetchTags() }
    }
    #expect(error?.code == .credentialFileUnusable)
    #expect(error?.message == "reading /nonexistent/command: No such file or directory")
  }

  /// What it says on its standard error goes through the same words as a server's.
  @Test func itsWordsAreScrubbed() throws {
    let setting = try Setting()
    try setting.remote.use { _ = try $0.fetchTags() }
    let token = setting.server.token
    try setting.remote.directory.write(
      "give", "#!/bin/sh\nprintf 'refused \\033[1m\(token) at https://ci:x@host/\\n' >&2; exit 1\n",
      mode: 0o755)
    let error = #expect(throws: GitRemoteError.self) {
      try setting.remote.use { _ = try $0.fetchTags() }
    }
    #expect(
      error?.message.hasSuffix("it said: refused [1m*** at https://***@host/") == true,
      "\(String(describing: error))")
  }
}
