import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// What the server does after its client has given up, left or died: it counts once.
@Suite(.serialized)
struct LateLandingTests {
  /// Gives up soon, and tries again for as long as it takes.
  private static let patient =
    "attemptSeconds: 3, attempts: 1000, backoffMilliseconds: 50, backoffMaximumSeconds: 1"

  /// A remote over ssh whose first push is held by a hook until the gate is opened, and says when it came.
  private final class HeldRemote {
    let remote: GitFixture
    let server: SSHServer
    let worker: WorkerFixture
    private let directory: TemporaryDirectory

    /// - Parameters:
    ///   - hook: which one holds the first push.
    ///   - condition: a shell command; the hook does nothing where it fails.
    ///   - others: what the hook does with all other pushes; `$tag` is the path of the tag's ref.
    init(hook: String, condition: String = ":", others: String) throws {
      remote = try GitFixture()
      directory = try TemporaryDirectory()
      server = try SSHServer()
      // A word to a client that has left would end the push that is held.
      try remote.git("config", "receive.keepAlive", "0")
      try remote.installHook(
        hook,
        """
        \(condition) || exit 0
        tag=\(remote.path)/refs/tags/model@v1.0.0
        if mkdir \(directory.path)/first 2>/dev/null; then
          while [ ! -e \(directory.path)/gate ]; do sleep 0.05; done; echo x >> \(directory.path)/released
        else
          echo x >> \(directory.path)/others; \(others)
        fi
        """)
      worker = try WorkerFixture(
        configuration: sshConfiguration(
          ["demo": server.url(remote.path)], server, limits: LateLandingTests.patient))
    }

    func open() throws { try directory.write("gate", "") }

    func waitFor(_ file: String) throws {
      let path = directory.appending(file)
      try Eventually.holds("\(file) is there; \(worker.output.suffix(2000))") {
        try Files.kind(of: path) != nil
      }
    }

    /// Asks for the tag, and waits until the first push is held.
    func begin() throws {
      try worker.ask("register", "model", "--version", "v1.0.0", "--no-wait")
      try waitFor("first")
    }

    /// The job has succeeded, and its tag is the only one and the object that it reports.
    func expectOnce() throws {
      try worker.waitForJob("1", state: "succeeded")
      let status = try worker.ask("job", "status", "1")
      #expect(try remote.tags() == ["model@v1.0.0"])
      #expect(try remote.ref("refs/tags/model@v1.0.0") == status["objectId"]?.stringValue)
      let check = ExactlyOnceCheck(worker: worker, remote: remote, repository: "demo")
      #expect(try check.problems().isEmpty)
    }

    deinit { try? open() }
  }

  @Test(
    "a push that a hook holds while the worker gives up, is killed and restarted, lands late",
    arguments: ["pre-receive", "update"])
  func lateAfterCrash(hook: String) throws {
    // Whoever comes next waits until the first one has landed.
    let held = try HeldRemote(hook: hook, others: "while [ ! -e \"$tag\" ]; do sleep 0.05; done")
    try held.begin()
    try held.waitFor("others")
    try held.worker.crash()
    try held.worker.start()
    try held.open()
    try held.expectOnce()
    try held.worker.stop()
  }

  @Test("a push that lands after the worker has given it up counts, and the server is not called unreachable")
  func lateWithoutCrash() throws {
    let held = try HeldRemote(hook: "pre-receive", others: "while [ ! -e \"$tag\" ]; do sleep 0.05; done")
    try held.begin()
    try held.waitFor("others")
    func repository() throws -> JSONValue? {
      try held.worker.administer("repositories")["repositories"]?[0]
    }
    try Eventually.holds("it is called unreachable meanwhile") { try repository()?["error"] != nil }
    try held.open()
    try held.expectOnce()
    let end = try #require(try repository())
    #expect(end["state"] == "idle" && end["error"] == nil, "\(end)")
    try held.worker.stop()
  }

  @Test(
    "the push of the next worker lands first; the held one comes late and changes nothing",
    arguments: ["pre-receive", "update"])
  func lateAndOvertaken(hook: String) throws {
    let held = try HeldRemote(hook: hook, others: ":")
    try held.begin()
    try held.worker.crash()
    try held.worker.start()
    try held.worker.waitForJob("1", state: "succeeded")
    let before = try RemoteTags(of: held.remote).ids
    try held.open()
    try held.waitFor("released")
    try Eventually.holds("the late push has ended") { held.server.process.child.children.count <= 2 }
    #expect(try RemoteTags(of: held.remote).ids == before)
    try held.expectOnce()
    try held.worker.stop()
  }

  @Test("while the first push holds the tag's lock, the next worker waits for it and plans nothing anew")
  func lateAndLocked() throws {
    let held = try HeldRemote(hook: "pre-receive", others: ":")
    try held.begin()
    let intent = try #require(try held.worker.administer("job", "1")["intents"]?[0]?["objectId"]?.stringValue)
    try held.worker.crash()
    // What the first push would do next, seen by the second.
    let lock = "\(held.remote.path)/refs/tags/model@v1.0.0.lock"
    try Files.replace(lock, with: [])
    try held.worker.start()
    for attempt in 1...2 {
      try Eventually.holds("it is tried: \(held.worker.output.suffix(2000))") {
        try held.worker.ask("job", "status", "1")["attempts"]?.integerValue ?? 0 > attempt
      }
      let job = try held.worker.administer("job", "1")
      #expect(job["intents"]?[0]?["objectId"]?.stringValue == intent, "\(job)")
    }
    try Files.remove(lock)
    try held.open()
    try held.expectOnce()
    #expect(try held.remote.ref("refs/tags/model@v1.0.0") == intent)
    try held.worker.stop()
  }

  @Test(
    "the late push lands after its names, or one of them, were taken by somebody else meanwhile",
    arguments: [["model@v0.0.1", "model#dev#1", "model#dev#2"], ["model#dev#1"], ["model@v0.0.1"]])
  func lateAndTaken(names: [String]) throws {
    let held = try HeldRemote(hook: "pre-receive", others: ":")
    try held.worker.ask("assign", "model", "main", "--stage", "dev", "--no-wait")
    try held.waitFor("first")
    try held.worker.crash()
    // Another program registers and assigns with the very names that are on their way.
    for name in names { try held.remote.tag(name) }
    let foreign = try RemoteTags(of: held.remote).ids
    try held.worker.start()
    try Eventually.holds("the job ends: \(held.worker.output.suffix(2000))") {
      let state = try held.worker.ask("job", "status", "1")["state"]?.stringValue
      return state == "rejected" || state == "succeeded"
    }
    try held.open()
    try held.waitFor("released")
    try Eventually.holds("the late push has ended") { held.server.process.child.children.count <= 2 }
    let after = try RemoteTags(of: held.remote)
    for (name, id) in foreign { #expect(after.ids[name] == id, "\(name) was overwritten") }
    // It is in that stage already, or was assigned once more: never both, never twice.
    let status = try held.worker.ask("job", "status", "1")
    #expect(after.jobs.count == (status["tags"]?.arrayValue?.count ?? 0), "\(status) \(after)")
    try held.worker.stop()
  }

  @Test("what the server refuses while an earlier push may still land is not said to have done nothing")
  func refusedMeanwhile() throws {
    let held = try HeldRemote(hook: "pre-receive", others: "echo frozen >&2; exit 1")
    try held.begin()
    let end = try held.worker.waitForEnd(of: "1")
    #expect(end["state"] == "rejected", "\(end)")
    #expect(end["error"]?["details"]?["outcomeUnknown"] == true, "\(end)")
    #expect(try held.remote.tags() == [])
    try held.open()
    try Eventually.holds("it lands") { try held.remote.tags() == ["model@v1.0.0"] }
    try held.worker.stop()
  }

  @Test("the server has made the tag, and answers only after the client left")
  func lateAnswer() throws {
    let held = try HeldRemote(
      hook: "reference-transaction", condition: "[ \"$1\" = committed ] && grep -q refs/tags/",
      others: ":")
    try held.begin()
    // The tag is there, and the worker does not know.
    #expect(try held.remote.tags() == ["model@v1.0.0"])
    try held.worker.crash()
    try held.worker.start()
    try held.expectOnce()
    try held.open()
    try held.waitFor("released")
    try held.expectOnce()
    try held.worker.stop()
  }

  @Test("the network drops for a while, again and again")
  func networkDrops() throws {
    let remote = try GitFixture()
    try remote.tag("model@v1.0.0")
    let server = try SSHServer()
    let proxy = try NetworkProxy(to: server.port)
    let directory = try TemporaryDirectory()
    let known = String(decoding: try Files.read(server.knownHostsFile, limit: 1 << 20), as: UTF8.self)
    let knownHosts = try directory.write(
      "known_hosts", known.replacing(":\(server.port) ", with: ":\(proxy.port) "))
    let url = server.url(remote.path).replacing(":\(server.port)/", with: ":\(proxy.port)/")
    let worker = try WorkerFixture(
      configuration: """
        repositories: { demo: { url: "\(url)",
          ssh: { keyFile: "\(server.keyFile)", knownHostsFile: "\(knownHosts)" } } },
        \(ownerGrant) limits: { \(Self.patient) },
        """)
    let check = ExactlyOnceCheck(worker: worker, remote: remote, repository: "demo")
    let client = try PromotionLoop("client", worker: worker)
    for drop in 1...3 {
      try Eventually.holds("tags are made; \(worker.output.suffix(2000))") {
        try remote.tags().count > drop * 4
      }
      proxy.cut()
      try Eventually.holds("the worker notices; \(worker.output.suffix(2000))") {
        let row = try worker.administer("repositories")["repositories"]?[0]
        return row?["waiting"]?.integerValue ?? 0 > 0 && row?["error"]?["code"] != nil
      }
      if drop == 2 {
        try worker.crash()
        try worker.start()
      }
      proxy.restore()
    }
    try client.stop()
    try check.waitUntilNothingIsInLine()
    #expect(try check.problems().isEmpty)
    try worker.stop()
    proxy.end()
  }
}
