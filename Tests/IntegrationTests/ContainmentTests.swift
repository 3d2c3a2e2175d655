import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// What a running lane, and what it starts, can see, use and reach.
@Suite(.serialized)
struct ContainmentTests {
  static let grants = """
    tenants: { me: { uids: [\(ThisProcess.uid)] } },
    grants: [ { tenants: ["me"], repositories: ["*"], actions: ["*"] } ],
    limits: { attempts: 1 },
    """

  private static func text(_ pid: Int32, _ name: String) throws -> String {
    String(decoding: try Files.read("/proc/\(pid)/\(name)", limit: 1 << 20), as: UTF8.self)
  }

  /// A line of `status` or `limits`, its name taken off, with single spaces.
  private static func line(_ text: String, _ name: String) -> String? {
    let found = text.split(separator: "\n").first { $0.hasPrefix(name) }
    return found?.dropFirst(name.count).split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  private func worker(_ repositories: String) throws -> WorkerFixture {
    try WorkerFixture(configuration: "repositories: { \(repositories) }, \(Self.grants)")
  }

  // MARK: What it has

  @Test func startsWithNothingButWhatItNeeds() throws {
    let remote = try GitFixture()
    try remote.tag("churn@v1.0.0")
    let worker = try worker("demo: { url: \"\(remote.path)\" }")
    try worker.ask("assign", "churn", "--version", "v1.0.0", "--stage", "dev", "--repo", "demo")
    let lane = try #require(try worker.lane(of: "demo"))
    let variables = try Self.text(lane, "environ").split(separator: "\0").map { $0.prefix { $0 != "=" } }
    #expect(variables.sorted() == ["HOME", "LC_ALL", "PATH"])
    let status = try Self.text(lane, "status")
    #expect(Self.line(status, "NoNewPrivs:") == "1")
    #expect(Self.line(status, "Threads:") == "1")
    let limits = try Self.text(lane, "limits")
    #expect(Self.line(limits, "Max core file size") == "0 0 bytes")
    #expect(Sanitizer.isOn || Self.line(limits, "Max data size") == "4294967296 4294967296 bytes")
    #expect(Self.line(limits, "Max file size") == "17179869184 17179869184 bytes")
    #expect(Self.line(limits, "Max open files")?.hasPrefix("4096 ") == true)
  }

  /// Null, null, the log, the socket to the worker. All else it has opened by itself: its mirror, and the last
  /// conversation with Git, where that has not ended.
  @Test func hasNoOtherDescriptors() throws {
    let remote = try GitFixture()
    let worker = try worker("demo: { url: \"\(remote.path)\" }")
    try worker.ask("show", "--repo", "demo")
    let lane = try #require(try worker.lane(of: "demo"))
    let names = try Files.names(in: "/proc/\(lane)/fd").sorted { (Int($0) ?? 0) < (Int($1) ?? 0) }
    let targets = try names.map { try Program.check("readlink", ["/proc/\(lane)/fd/\($0)"]).dropLast() }
    #expect(targets.prefix(2) == ["/dev/null", "/dev/null"])
    #expect(targets[2].hasSuffix("/worker-1.log"))
    #expect(targets[3].hasPrefix("socket:"))
    let own = targets.dropFirst(4).filter { !$0.hasPrefix("\(worker.stateDirectory)/mirrors/") }
    let kinds = own.map { String($0.prefix { $0 != ":" }) }.sorted()
    #expect(kinds.isEmpty || kinds == ["pipe", "socket"], "\(targets)")
  }

  @Test func isGivenTheConfiguredBounds() throws {
    let remote = try GitFixture()
    let worker = try worker(
      "demo: { url: \"\(remote.path)\", containment: { memoryBytes: 1073741824, fileBytes: 1048576, openFiles: 99 } }"
    )
    try worker.ask("show", "--repo", "demo")
    let limits = try Self.text(try #require(try worker.lane(of: "demo")), "limits")
    #expect(Sanitizer.isOn || Self.line(limits, "Max data size") == "1073741824 1073741824 bytes")
    #expect(Self.line(limits, "Max file size") == "1048576 1048576 bytes")
    #expect(Self.line(limits, "Max open files") == "99 99 files")
  }

  /// Neither the token nor the content of the key is where other processes can look.
  @Test func secretsAreInNoCommandLineAndNoEnvironment() throws {
    let (remote, https, ssh) = (try GitFixture(), try HTTPSGitServer(), try SSHServer())
    try remote.tag("churn@v1.0.0")
    let worker = try worker(
      """
      web: { url: "\(https.url(remote.path))",
             https: { username: "ci", tokenFile: "\(https.tokenFile)", caFile: "\(https.caFile)" } },
      shell: { url: "\(ssh.url(remote.path))",
               ssh: { keyFile: "\(ssh.keyFile)", knownHostsFile: "\(ssh.knownHostsFile)" } },
      """)
    for (repository, stage) in [("web", "dev"), ("shell", "prod")] {
      try worker.ask("assign", "churn", "--version", "v1.0.0", "--stage", stage, "--repo", repository)
    }
    let key = String(decoding: try Files.read(ssh.keyFile, limit: 65_536), as: UTF8.self)
    let secrets = [https.token] + key.split(separator: "\n").dropFirst().dropLast().map(String.init)
    var seen = 0
    for pid in [worker.pid] + ProcessTable.descendants(of: worker.pid) {
      // One that has ended meanwhile shows nothing any more.
      guard let shown = try? Self.text(pid, "cmdline") + Self.text(pid, "environ") else { continue }
      seen += 1
      for secret in secrets { #expect(!shown.contains(secret), "process \(pid)") }
    }
    #expect(seen >= 4, "the worker, two lanes, a shared connection")
    for secret in secrets { #expect(!worker.output.contains(secret)) }
  }

  @Test func sharesNoConnections() throws {
    let (remote, server) = (try GitFixture(), try SSHServer())
    let worker = try WorkerFixture(
      configuration: sshConfiguration(
        ["one": server.url(remote.path), "two": server.url(remote.path)], server))
    for repository in ["one", "two"] { try worker.ask("show", "--repo", repository) }
    let folders = try Files.names(in: "\(worker.stateDirectory)/ssh")
    #expect(folders.count == 2)
    for folder in folders {
      let names = try Files.names(in: "\(worker.stateDirectory)/ssh/\(folder)")
      #expect(names == [], "the sockets have lost their names")
    }
  }

  // MARK: What it reaches

  static let hasLandlock = Landlock.kernelVersion > 0

  /// A program of the lane's tells what it can reach: another repository's token, the state directory, the
  /// configuration, other folders.
  @Test(.enabled(if: hasLandlock, "the kernel has no Landlock"))
  func reachesNothingOfOthers() throws {
    let directory = try TemporaryDirectory()
    let other = try directory.write("other-token", "secret of another", mode: 0o600)
    let own = try directory.write("own-secret", "own", mode: 0o600)
    let script = """
      #!/bin/sh
      try() { name=$1; shift; if "$@" >/dev/null 2>&1; then echo "$name" >&2; fi; }
      try own cat \(own)
      try other cat \(other)
      try list ls \(directory.path)
      try shadow cat /etc/shadow
      try journal ls \(directory.path)/../*/state/journal
      try write touch \(directory.path)/new
      try temporary touch /tmp/sk-contained
      try signal kill -0 $(awk '/PPid/ {print $2}' /proc/$PPID/status)
      try passwd cat /etc/passwd
      exit 1
      """
    let program = try directory.write("give", script, mode: 0o755)
    let server = try HTTPSGitServer()
    let remote = try GitFixture()
    let worker = try worker(
      """
      demo: { url: "\(server.url(remote.path))",
              https: { credentialCommand: ["\(program)"], caFile: "\(server.caFile)" },
              containment: { landlock: "required", read: ["\(own)"] } },
      """)
    let run = try worker.stagekeeper("register", "churn", "--version", "v1.0.0", "--repo", "demo", "--json")
    #expect(run.errorCode == "credential_command", "\(run)")
    #expect(run.error["message"]?.stringValue?.hasSuffix("it said: own\npasswd") == true, "\(run)")
  }

  /// A rule holds for the file that was there; a rotated one is read all the same.
  @Test func aRotatedTokenIsRead() throws {
    let server = try HTTPSGitServer()
    let remote = try GitFixture()
    let directory = try TemporaryDirectory()
    let file = try directory.write("token", server.token, mode: 0o600)
    let worker = try worker(
      "demo: { url: \"\(server.url(remote.path))\", https: { username: \"ci\", tokenFile: \"\(file)\", caFile: \"\(server.caFile)\" } }"
    )
    try worker.ask("register", "churn", "--version", "v1.0.0", "--repo", "demo")
    try server.accept("another-token")
    try directory.write("token", "another-token", mode: 0o600)
    try worker.ask("register", "fraud", "--version", "v1.0.0", "--repo", "demo")
  }

  @Test func aTokenThatOthersCanReadIsNamedByTheCheck() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write("token", "x")
    let configuration = try directory.write(
      "c.json5", "{ repositories: { demo: { url: 'https://h/x', https: { tokenFile: '\(file)' } } } }")
    let output = try Program.run(
      try BuiltProgram.path("stagekeeperd"), ["--config", configuration, "--check"])
    #expect(output.exit == .exited(code: 78))
    #expect(output.errorText.contains("code=credential_file"))
    #expect(output.errorText.contains("\(file): everybody can read or write it (chmod 600)"))
  }

  /// As systemd hands over credentials.
  @Test func aPathMayBeginWithTheCredentialsDirectory() throws {
    let directory = try TemporaryDirectory()
    try directory.write("token", "x", mode: 0o400)
    let configuration = try directory.write(
      "c.json5",
      "{ repositories: { demo: { url: 'https://h/x', https: { tokenFile: '$CREDENTIALS_DIRECTORY/token' } } } }"
    )
    let arguments = ["--config", configuration, "--check"]
    let program = try BuiltProgram.path("stagekeeperd")
    let good = try Program.run(program, arguments, environment: ["CREDENTIALS_DIRECTORY=\(directory.path)"])
    #expect(good.exit == .exited(code: 0), "\(good.errorText)")
    let bad = try Program.run(program, arguments)
    #expect(bad.errorText.contains("https.tokenFile: $CREDENTIALS_DIRECTORY is not set"), "\(bad.errorText)")
  }
}
