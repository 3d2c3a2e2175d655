import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// A configuration that is read again while a Git server hangs: what it says is in force at once, for everybody.
@Suite(.serialized)
struct ReloadTests {
  /// Two repositories; a push to the first is held until the gate is opened.
  private final class TwoRepositories {
    let held: GitFixture
    let other: GitFixture
    let worker: WorkerFixture
    private let directory: TemporaryDirectory

    init() throws {
      (held, other, directory) = (try GitFixture(), try GitFixture(), try TemporaryDirectory())
      try held.installHook(
        "pre-receive",
        "echo x > \(directory.path)/held; while [ ! -e \(directory.path)/gate ]; do sleep 0.05; done")
      worker = try WorkerFixture(configuration: Self.text(held.path, other.path))
    }

    static func text(
      _ held: String, _ other: String, actions: String = "\"*\"", more: String = ""
    ) -> String {
      """
      repositories: { a: { url: "\(held)", \(more) }, b: { url: "\(other)" } },
      tenants: { ci: { uids: [\(ThisProcess.uid)] } },
      grants: [
        { tenants: ["ci"], repositories: ["a"], actions: ["*"] },
        { tenants: ["ci"], repositories: ["b"], actions: [\(actions)] },
      ],
      """
    }

    /// Another configuration in the file, read or not.
    func write(_ text: String) throws {
      let file = worker.directory.appending("stagekeeper.json5")
      let old = String(decoding: try Files.read(file, limit: 1 << 20), as: UTF8.self)
      let start = try #require(old.firstRange(of: "repositories:")).lowerBound
      try Files.replace(file, with: Array((old[..<start] + text + "\n}\n").utf8))
    }

    /// Has a push to the first one begin, which then waits.
    func hold() throws {
      try worker.ask("register", "slow", "--version", "v1.0.0", "--repo", "a", "--no-wait")
      let path = directory.appending("held")
      try Eventually.holds("the push is held") { try Files.kind(of: path) != nil }
    }

    func open() throws { try directory.write("gate", "") }

    deinit { try? open() }
  }

  @Test("a grant that is taken away is gone for jobs that wait, whatever other repositories' servers do")
  func revoked() throws {
    let both = try TwoRepositories()
    let worker = both.worker
    try both.hold()
    try worker.administer("pause", "b")
    try worker.ask("register", "model", "--version", "v1.0.0", "--repo", "b", "--no-wait")
    // The first one is changed as well, so that its lane has to be another.
    try both.write(
      TwoRepositories.text(both.held.path, both.other.path, actions: "\"read\"", more: "tagsPerPush: 5"))
    try worker.administer("reload")
    try worker.administer("resume", "b")
    let end = try worker.waitForEnd(of: "2")
    #expect(end["state"] == "rejected" && end["error"]?["code"] == "not_allowed", "\(end)")
    #expect(try both.other.tags().isEmpty)
    #expect(try worker.ask("job", "status", "1")["state"] == "running")
    try both.open()
    #expect(try worker.waitForEnd(of: "1")["state"] == "succeeded")
    try worker.stop()
  }

  @Test("of two reloads the newer one's file is in force")
  func overlapping() throws {
    let both = try TwoRepositories()
    let worker = both.worker
    try both.hold()
    let wrong = try GitFixture()
    try both.write(TwoRepositories.text(wrong.path, both.other.path))
    try worker.administer("reload")
    #expect(try worker.administer("repositories")["repositories"]?[0]?["url"] == .string(wrong.path))
    try both.write(TwoRepositories.text(both.held.path, both.other.path))
    try worker.administer("reload")
    try both.open()
    #expect(try worker.waitForEnd(of: "1")["state"] == "succeeded")
    try worker.ask("register", "model", "--version", "v1.0.0", "--repo", "a")
    #expect(try both.held.tags() == ["model@v1.0.0", "slow@v1.0.0"])
    #expect(try wrong.tags().isEmpty)
    try worker.stop()
  }

  @Test("a reload while a server hangs delays no end of the worker")
  func ending() throws {
    let both = try TwoRepositories()
    try both.hold()
    try both.write(TwoRepositories.text(both.held.path, both.other.path, more: "tagsPerPush: 5"))
    try Program.check("kill", ["-HUP", "\(both.worker.pid)"])
    try Eventually.holds("it is read") { both.worker.output.contains("the configuration was read again") }
    try both.worker.stop()
  }

  @Test("settings that only a restart applies are named until the file says again what is in force")
  func needRestart() throws {
    let both = try TwoRepositories()
    let worker = both.worker
    let text = TwoRepositories.text(both.held.path, both.other.path)
    try both.write(text + "limits: { lanes: 3, idleSeconds: 7, attempts: 5 },")
    for _ in 1...2 {
      #expect(try worker.administer("reload")["needRestart"] == ["limits.idleSeconds", "limits.lanes"])
    }
    #expect(worker.output.contains("settings=\"limits.idleSeconds limits.lanes\""), "\(worker.output)")
    let words = try worker.command("stagekeeper-admin", "reload")
    #expect(words.text.contains("Only a restart applies: limits.idleSeconds, limits.lanes"), "\(words)")
    try both.write(text)
    #expect(try worker.administer("reload")["needRestart"] == [])
    try worker.stop()
  }

  @Test("jobs of a repository that comes back go on by themselves")
  func comesBack() throws {
    let both = try TwoRepositories()
    let worker = both.worker
    try both.hold()
    let all = TwoRepositories.text(both.held.path, both.other.path)
    try both.write(all.replacing("a: { url: \"\(both.held.path)\",  },", with: ""))
    try worker.administer("reload")
    #expect(try worker.ask("job", "status", "1")["error"]?["code"] == "repository_removed")
    try both.open()
    try both.write(all)
    try worker.administer("reload")
    #expect(try worker.waitForEnd(of: "1")["state"] == "succeeded")
    try worker.stop()
  }
}
