import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// Kills at the worst moment: accepted jobs survive and take effect exactly once.
@Suite(.serialized)
struct CrashTests {
  /// A remote whose pushes wait until the gate is opened; every push that came that far has left a line.
  final class GatedRemote {
    let remote: GitFixture
    private let directory: TemporaryDirectory

    init() throws {
      remote = try GitFixture()
      directory = try TemporaryDirectory()
      try remote.installHook(
        "pre-receive",
        "echo x >> \(directory.path)/pushes; while [ ! -e \(directory.path)/gate ]; do sleep 0.05; done")
    }

    func open() throws { try directory.write("gate", "") }

    func waitForPush(_ number: Int) throws {
      let path = directory.appending("pushes")
      try Eventually.holds("push \(number) has come to the hook") {
        ((try? Files.read(path, limit: 1 << 20)) ?? []).count >= number * 2
      }
    }

    deinit { try? open() }
  }

  @Test("kill -9 of a lane during a push")
  func killLane() throws {
    let gated = try GatedRemote()
    let worker = try WorkerFixture(["demo": gated.remote.path])
    let client = try worker.begin(["register", "model", "--version", "v1.0.0", "--json"])
    try gated.waitForPush(1)
    let lane = try #require(try worker.lane(of: "demo"))
    ProcessTable.kill(lane)
    try gated.waitForPush(2)
    try gated.open()
    let run = try client.finish()
    #expect(run.exit == .success, "\(run)")
    #expect(try gated.remote.tags() == ["model@v1.0.0"])
    #expect(try gated.remote.ref("refs/tags/model@v1.0.0") == run.json["objectId"]?.stringValue)
    try worker.stop()
  }

  @Test("a Git service on this disk whose lane was killed finishes what it was told, and is not signalled")
  func finishesItself() throws {
    let remote = try GitFixture()
    let directory = try TemporaryDirectory()
    let signalled = directory.appending("signalled")
    try remote.installHook(
      "pre-receive",
      "trap ': > \(signalled)' TERM; echo x >> \(directory.path)/pushes; sleep 0.2; cat >/dev/null")
    let worker = try WorkerFixture(["demo": remote.path])
    let client = try worker.begin(["register", "model", "--version", "v1.0.0", "--json"])
    let pushes = directory.appending("pushes")
    try Eventually.holds("a push has come") { try Files.kind(of: pushes) != nil }
    ProcessTable.kill(try #require(try worker.lane(of: "demo")))
    let run = try client.finish()
    #expect(run.exit == .success, "\(run)")
    #expect(try remote.tags() == ["model@v1.0.0"])
    #expect(try Files.read(pushes, limit: 100) == Array("x\n".utf8))
    #expect(try Files.kind(of: signalled) == nil)
    try worker.stop()
  }

  @Test("kill -9 of the worker during a push and with jobs in line")
  func killWorker() throws {
    let gated = try GatedRemote()
    let worker = try WorkerFixture(["demo": gated.remote.path])
    try worker.ask("register", "model", "--version", "v1.0.0", "--no-wait", "--request-key", "first")
    try gated.waitForPush(1)
    for number in 1...5 {
      try worker.ask(
        "assign", "model", "--version", "v1.0.0", "--stage", "prod", "--force", "--no-wait",
        "--request-key", "assign-\(number)")
    }
    try worker.crash()
    try gated.open()
    try worker.start()
    for job in 1...6 { try worker.waitForJob(String(job), state: "succeeded") }
    #expect(
      Set(try gated.remote.tags()) == Set(["model@v1.0.0"] + (1...5).map { "model#prod#\($0)" }))
    for job in 1...6 {
      let status = try worker.ask("job", "status", String(job))
      let ref = try #require(status["ref"]?.stringValue)
      #expect(try gated.remote.ref("refs/tags/\(ref)") == status["objectId"]?.stringValue)
    }
    // The request key outlives the crash.
    let again = try worker.ask("register", "model", "--version", "v1.0.0", "--request-key", "first")
    #expect(again["job"] == "1")
    try worker.stop()
  }

  @Test("kill -9 again and again while clients promote: each acknowledged job takes effect exactly once")
  func killRepeatedly() throws {
    let remote = try GitFixture()
    try remote.tag("model@v1.0.0")
    let worker = try WorkerFixture(["demo": remote.path])
    var accepted = 0
    for round in 0..<4 {
      for number in 0..<5 {
        try worker.ask(
          "assign", "model", "--version", "v1.0.0", "--stage", "prod", "--force", "--no-wait",
          "--request-key", "\(round)-\(number)")
        accepted += 1
      }
      if round > 0 {
        try Eventually.holds(
          "something was pushed since the start: \(worker.output.suffix(3000)) \((try? worker.administer("repositories"))?.text() ?? "")"
        ) {
          try remote.tags().count > round * 2
        }
      }
      try worker.crash()
      try worker.start()
    }
    for job in 1...accepted { try worker.waitForJob(String(job), state: "succeeded") }
    #expect(Set(try remote.tags()) == Set(["model@v1.0.0"] + (1...accepted).map { "model#prod#\($0)" }))
    let trailers = try remote.git("for-each-ref", "--format=%(contents)", "refs/tags/model#prod*")
      .split(separator: "\n").filter { $0.hasPrefix("Stagekeeper-Job: ") }
    #expect(Set(trailers).count == accepted)
    #expect(trailers.count == accepted)
    try worker.stop()
  }

  @Test("SIGTERM parks what is in flight; clients that wait survive the restart")
  func terminate() throws {
    let gated = try GatedRemote()
    let worker = try WorkerFixture(
      configuration: """
        repositories: { demo: { url: "\(gated.remote.path)" } }, \(ownerGrant) limits: { shutdownSeconds: 1 },
        """)
    let client = try worker.begin(["register", "model", "--version", "v1.0.0", "--json"])
    try gated.waitForPush(1)
    let raw = try RawConnection(worker.clientSocket)
    raw.request(1, "job.wait", ["job": "1"])
    #expect(try raw.reply()?["event"]?["job"]?["state"] == "running")
    try worker.stop()
    // Who speaks the protocol itself is told; the client library waits for the worker to come back.
    let error = try raw.end()?["error"]
    #expect(
      error?["code"] == "shutting_down" && error?["details"] == ["pendingJob": "1"], "\(error ?? .null)")
    #expect(try raw.reply() == nil)
    try gated.open()
    try worker.start()
    let run = try client.finish()
    #expect(run.exit == .success, "\(run)")
    #expect(run.json["job"] == "1")
    #expect(try gated.remote.tags() == ["model@v1.0.0"])
    #expect(try gated.remote.ref("refs/tags/model@v1.0.0") == run.json["objectId"]?.stringValue)
    try worker.stop()
  }
}
