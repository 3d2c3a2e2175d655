import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// How the worker starts and ends: sockets, the lock on its state, systemd.
@Suite(.serialized)
struct LifecycleTests {
  @Test("a second worker on the same state directory is refused, and the first is not disturbed")
  func secondOnState() throws {
    let remote = try GitFixture()
    let worker = try WorkerFixture(["demo": remote.path])
    let output = try run(
      "--repo", "demo=\(remote.path)", "--state", worker.stateDirectory, "--socket",
      worker.directory.appending("other.sock"), "--admin-socket", worker.directory.appending("other-a.sock"))
    #expect(output.exit == .exited(code: 75), "\(output)")
    try worker.ask("register", "model", "--version", "v1.0.0")
    try worker.stop()
  }

  @Test("a live socket is never replaced")
  func liveSocket() throws {
    let remote = try GitFixture()
    let worker = try WorkerFixture(["demo": remote.path])
    let output = try run(
      "--repo", "demo=\(remote.path)", "--state", worker.directory.appending("other-state"), "--socket",
      worker.clientSocket, "--admin-socket", worker.directory.appending("other-a.sock"))
    #expect(output.exit == .exited(code: 75), "\(output)")
    #expect(output.errorText.contains(worker.clientSocket))
    try worker.ask("register", "model", "--version", "v1.0.0")
    try worker.stop()
    #expect(try Files.kind(of: worker.clientSocket) == nil)
    #expect(try Files.kind(of: worker.adminSocket) == nil)
  }

  @Test("a dead socket is replaced")
  func deadSocket() throws {
    let remote = try GitFixture()
    let worker = try WorkerFixture(["demo": remote.path])
    try worker.crash()
    #expect(try Files.kind(of: worker.clientSocket) == .socket)
    try worker.start()
    try worker.ask("register", "model", "--version", "v1.0.0")
    try worker.stop()
  }

  @Test("something else than a socket is not touched")
  func fileInTheWay() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write("precious", "content")
    let output = try run(
      "--repo", "demo=/nonexistent", "--state", directory.appending("state"), "--socket", file)
    #expect(output.exit == .exited(code: 71), "\(output)")
    #expect(try Files.read(file, limit: 100) == Array("content".utf8))
  }

  @Test("wrong command lines and configurations: the status and the words")
  func wrongStart() throws {
    let directory = try TemporaryDirectory()
    let misspelt = try directory.write("misspelt.json5", "{ repositories: {}, tennants: {} }")
    for (arguments, status, words) in [
      ([], 64, "nothing to serve"), (["--rpeo", "x=/y"], 64, "did you mean --repo"),
      (["--repo", "x"], 64, "ID=URL"), (["--config", directory.appending("none")], 78, "No such file"),
      (["--config", misspelt], 78, "did you mean \"tenants\""),
    ] as [([String], Int32, String)] {
      let output = try Program.run(try BuiltProgram.path("stagekeeperd"), arguments)
      #expect(output.exit == .exited(code: status), "\(arguments): \(output)")
      #expect(output.errorText.contains(words), "\(arguments): \(output.errorText)")
    }
  }

  @Test("sd_notify: ready when clients can connect, stopping at the end")
  func notify() throws {
    let remote = try GitFixture()
    let directory = try TemporaryDirectory()
    let receiver = try Program.start(
      "python3", ["-c", Self.receiver, directory.appending("notify")], log: directory.appending("received"))
    try Eventually.holds("the receiver listens") {
      try Files.kind(of: directory.appending("notify")) == .socket
    }
    let worker = try WorkerFixture(
      options: ["--repo", "demo=\(remote.path)"],
      environment: ["NOTIFY_SOCKET=\(directory.appending("notify"))"])
    try worker.start()
    try Eventually.holds("READY=1 arrives") { receiver.output.contains("READY=1") }
    #expect(receiver.output.contains("STATUS=ready: 1 repository"))
    #expect(!receiver.output.contains("STOPPING=1"))
    try worker.stop()
    try Eventually.holds("STOPPING=1 arrives") { receiver.output.contains("STOPPING=1") }
  }

  @Test("socket activation: the sockets are the manager's, before and after", arguments: [true, false])
  func activation(nonBlocking: Bool) throws {
    let remote = try GitFixture()
    let directory = try TemporaryDirectory()
    let client = directory.appending("w.sock")
    let admin = directory.appending("a.sock")
    let launcher = try Program.start(
      "python3",
      [
        "-c", Self.launcher, "client=\(client),admin=\(admin)", nonBlocking ? "1" : "0",
        try BuiltProgram.path("stagekeeperd"),
        "--repo",
        "demo=\(remote.path)", "--state", directory.appending("state"),
      ], log: directory.appending("log"))
    try Eventually.holds("the launcher listens") { launcher.output.contains("listening") }
    for _ in 0..<2 {
      let answer = try Program.run(
        try BuiltProgram.path("stagekeeper"),
        ["--socket", client, "register", "model", "--version", "v1.0.0", "--request-key", "k", "--json"])
      #expect(answer.exit == .success, "\(answer.errorText) \(launcher.output)")
    }
    let stats = try Program.check(
      try BuiltProgram.path("stagekeeper-admin"), ["--socket", admin, "stats", "--json"])
    #expect(stats.contains("\"succeeded\": 1"))
    launcher.child.sendToItself(.terminate)
    let exit = try launcher.wait(until: .after(seconds: 60))
    #expect(exit == .success, "\(launcher.output)")
    // They belong to the manager, which may start the next worker on them.
    #expect(try Files.kind(of: client) == .socket)
    #expect(try Files.kind(of: admin) == .socket)
  }

  @Test("of several passed client sockets, each is the one that the configuration has at its path")
  func severalPassed() throws {
    let remote = try GitFixture()
    let directory = try TemporaryDirectory()
    let file = try directory.write(
      "stagekeeper.json5",
      """
      {
        sockets: { clients: [
          { path: "\(directory.path)/a.sock", tenant: "a" }, { path: "\(directory.path)/b.sock", tenant: "b" },
          { path: "\(directory.path)/c.sock", tenant: "c" },
        ], admin: { path: "\(directory.path)/admin.sock" } },
        stateDirectory: "\(directory.path)/state",
        repositories: { demo: { url: "\(remote.path)" } }, tenants: { a: {}, b: {}, c: {} },
      }
      """)
    func start(_ passed: String...) throws -> RunningProgram {
      let names = passed.map { "client=\(directory.appending($0))" }.joined(separator: ",")
      return try Program.start(
        "python3",
        ["-c", Self.launcher, names, "1", try BuiltProgram.path("stagekeeperd"), "--config", file],
        log: directory.appending("log-\(passed[0])"))
    }
    let worker = try start("c.sock", "b.sock")
    try Eventually.holds("it is ready: \(worker.output)") { worker.output.contains("ready: ") }
    for tenant in ["a", "b", "c"] {
      let answer = try Program.check(
        try BuiltProgram.path("stagekeeper"),
        ["--socket", directory.appending("\(tenant).sock"), "whoami", "--json"])
      #expect(try JSONValue(parsing: Array(answer.utf8))["tenant"]?.stringValue == tenant)
    }
    worker.child.sendToItself(.terminate)
    #expect(try worker.wait(until: .after(seconds: 60)) == .success)
    #expect(try Files.kind(of: directory.appending("a.sock")) == nil)
    // One that the configuration does not have could be anybody's.
    let wrong = try start("d.sock")
    #expect(try wrong.wait(until: .after(seconds: 60)) == .exited(code: 78))
    #expect(wrong.output.contains("d.sock\", which sockets.clients does not have"), "\(wrong.output)")
  }

  @Test("a worker that is started without standard descriptors has no socket in their place")
  func closedDescriptors() throws {
    let remote = try GitFixture()
    let worker = try WorkerFixture(options: ["--repo", "demo=\(remote.path)"])
    worker.launcher = ["/bin/sh", "-c", "exec \"$@\" <&- >&- 2>&-", "sh"]
    _ = try worker.launch()
    try Eventually.holds("the worker answers") {
      (try? worker.stagekeeper("register", "model", "--version", "v1.0.0"))?.exit == .success
    }
    for number in 0...2 {
      #expect(try Program.check("readlink", ["/proc/\(worker.pid)/fd/\(number)"]) == "/dev/null\n")
    }
    #expect(try remote.tags() == ["model@v1.0.0"])
    try worker.stop()
  }

  @Test("lanes end when idle, and start again; their number is bounded")
  func idleLanes() throws {
    let remotes = try (0..<3).map { _ in try GitFixture() }
    let entries = remotes.enumerated().map { "r\($0): { url: \"\($1.path)\" }," }.joined()
    let worker = try WorkerFixture(
      configuration: "repositories: { \(entries) }, \(ownerGrant) limits: { lanes: 1, laneIdleSeconds: 1 },")
    let clients = try (0..<3).map {
      try worker.begin(["register", "model", "--version", "v1.0.0", "--repo", "r\($0)"])
    }
    for client in clients {
      let run = try client.finish()
      #expect(run.exit == .success, "\(run)")
    }
    try Eventually.holds("no lane is left when nothing is to be done") {
      try worker.administer("stats")["lanes"]?["running"] == 0
    }
    try worker.ask("assign", "model", "--version", "v1.0.0", "--stage", "dev", "--repo", "r0")
    #expect(try remotes[0].tags() == ["model#dev#1", "model@v1.0.0"])
    try worker.stop()
  }

  private func run(_ arguments: String...) throws -> Program.Output {
    try Program.run(try BuiltProgram.path("stagekeeperd"), arguments)
  }

  /// Prints the datagrams that arrive at a socket.
  private static let receiver = """
    import socket, sys
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1])
    while True: print(s.recv(4096).decode(), flush=True)
    """

  /// Opens sockets (`NAME=PATH,…`) as systemd does and becomes the worker.
  private static let launcher = """
    import os, socket, sys
    listeners = []
    names, paths = zip(*[p.split("=") for p in sys.argv[1].split(",")])
    for path in paths:
        if os.path.exists(path): os.remove(path)
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM); s.bind(path); s.listen(16)
        s.setblocking(sys.argv[2] == "0")
        listeners.append(s)
    moved = [os.dup2(s.fileno(), number + 40, inheritable=True) for number, s in enumerate(listeners)]
    for number, s in enumerate(moved): os.dup2(s, number + 3, inheritable=True); os.close(s)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(names)), LISTEN_FDNAMES=":".join(names))
    print("listening", flush=True)
    os.execv(sys.argv[3], sys.argv[3:])
    """
}
