import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// What is sent again after a push that nobody answered, and what is not.
@Suite(.serialized)
struct SettlingTests {
  /// A repository by its path whose first push waits in a hook until its lane is killed: before it does anything, or
  /// when all is done but the answer.
  private final class CutPush {
    let remote: GitFixture
    let worker: WorkerFixture
    private let directory: TemporaryDirectory

    /// - Parameters:
    ///   - setUp: what is in the repository before the worker starts.
    ///   - hasLanded: whether all is done.
    ///   - limits: members of the configuration's `limits`.
    init(hasLanded: Bool = false, limits: String = "", _ setUp: (GitFixture) throws -> Void) throws {
      remote = try GitFixture()
      directory = try TemporaryDirectory()
      try setUp(remote)
      let late = directory.appending("late")
      try remote.installHook(
        hasLanded ? "reference-transaction" : "pre-receive",
        """
        \(hasLanded ? "[ $1 = committed ] &&" : "") mkdir \(directory.path)/held 2>/dev/null || exit 0
        while [ ! -e \(late) ]; do sleep 0.05; done
        exit 1
        """)
      worker = try WorkerFixture(
        configuration: """
          repositories: { demo: { url: "\(remote.path)", allowDelete: true } }, \(ownerGrant)
          limits: { attempts: 5, backoffMilliseconds: 10, \(limits) },
          """)
    }

    /// Has requests accepted as one batch, whose push is cut; then the remote is changed, and they end.
    func ends(_ requests: [[String]], meanwhile: () throws -> Void) throws -> [JSONValue] {
      try worker.administer("pause", "demo")
      let jobs = try requests.map { try #require(try worker.ask($0 + ["--no-wait"])["job"]?.stringValue) }
      try worker.administer("resume", "demo")
      let held = directory.appending("held")
      try Eventually.holds("a push is held") { try Files.kind(of: held) != nil }
      try worker.administer("pause", "demo")
      ProcessTable.kill(try #require(try worker.lane(of: "demo")))
      try meanwhile()
      try directory.write("late", "")
      try worker.administer("resume", "demo")
      return try jobs.map { try worker.waitForEnd(of: $0) }
    }
  }

  private static let both = [
    ["register", "model", "--version", "v1.0.0"],
    ["assign", "model", "--version", "v1.0.0", "--stage", "prod"],
  ]

  private func isUnknown(_ job: JSONValue) -> Bool { job["error"]?["details"]?["outcomeUnknown"] == true }

  @Test("where somebody else has a job's name by now, what was planned on it is planned anew")
  func taken() throws {
    let cut = try CutPush { _ in }
    let other = try cut.remote.commit(files: ["a": "b"], branch: "other")
    let ends = try cut.ends(Self.both) { try cut.remote.tag("model@v1.0.0", at: "other") }
    #expect(ends.map { $0["state"] } == ["rejected", "succeeded"], "\(ends)")
    #expect(ends[1]["commit"]?.stringValue == other && ends[1]["version"] == "v1.0.0", "\(ends)")
    #expect(try cut.remote.tags() == ["model#prod#1", "model@v1.0.0"])
    try cut.worker.stop()
  }

  @Test("what was planned on a job that the server refuses now is not sent without it")
  func refused() throws {
    let cut = try CutPush { _ in }
    let ends = try cut.ends(Self.both + [["register", "other", "--version", "v1.0.0"]]) {
      try cut.remote.installHook("update", "case $1 in */model@*) echo 'no versions' >&2; exit 1;; esac")
    }
    #expect(ends.map { $0["state"] } == ["rejected", "rejected", "succeeded"], "\(ends)")
    #expect(
      ends.prefix(2).allSatisfy { $0["error"]?["code"] == "remote_refused" && isUnknown($0) }, "\(ends)")
    #expect(ends[1]["error"]?["message"]?.stringValue?.contains("job 1") == true, "\(ends)")
    #expect(try cut.remote.tags() == ["other@v1.0.0"])
    try cut.worker.stop()
  }

  @Test("what has landed is the job's, although what it was planned on was changed since")
  func landedBehindChanged() throws {
    let cut = try CutPush(hasLanded: true) { _ in }
    let ends = try cut.ends(Self.both) { try cut.remote.tag("model@v1.0.0", message: "Anew") }
    #expect(ends[1]["state"] == "succeeded", "\(ends)")
    let object = try cut.remote.ref("refs/tags/model#prod#1")
    #expect(ends[1]["objectId"]?.stringValue == object && object != nil, "\(ends)")
    #expect(try cut.remote.tags() == ["model#prod#1", "model@v1.0.0"])
    try cut.worker.stop()
  }

  @Test("of a job with two tags, a refusal of one is the refusal, whatever the server says of the other")
  func refusedPair() throws {
    let cut = try CutPush { _ in }
    let ends = try cut.ends([["assign", "model", "main", "--version", "v1.0.0", "--stage", "prod"]]) {
      try cut.remote.installHook("update", "case $1 in *#prod#*) echo 'prod is closed' >&2; exit 1;; esac")
    }
    #expect(ends[0]["error"]?["code"] == "remote_refused" && isUnknown(ends[0]), "\(ends)")
    #expect(ends[0]["error"]?["message"]?.stringValue?.contains("prod is closed") == true, "\(ends)")
    #expect(ends[0]["attempts"] == 2, "\(ends)")
    #expect(try cut.remote.tags().isEmpty)
    try cut.worker.stop()
  }

  @Test("without atomic pushes, a job is not planned anew while one of its tags may still land")
  func pending() throws {
    let cut = try CutPush { try $0.git("config", "receive.advertiseAtomic", "false") }
    let ends = try cut.ends([["assign", "model", "main", "--version", "v1.0.0", "--stage", "prod"]]) {
      try cut.remote.tag("model#prod#1")
    }
    #expect(ends[0]["state"] == "rejected" && isUnknown(ends[0]), "\(ends)")
    #expect(try cut.remote.tags() == ["model#prod#1"])
    try cut.worker.stop()
  }

  @Test("without atomic pushes, what has landed before the server stopped answering is said and recorded")
  func unanswered() throws {
    let remote = try GitFixture()
    try remote.git("config", "receive.advertiseAtomic", "false")
    try remote.installHook("update", "case $1 in *#prod#*) kill -9 $PPID;; esac")
    let worker = try WorkerFixture(
      configuration: """
        repositories: { demo: { url: "\(remote.path)" } }, \(ownerGrant)
        limits: { attempts: 2, backoffMilliseconds: 10 },
        """)
    let run = try worker.stagekeeper(
      "assign", "model", "main", "--version", "v1.0.0", "--stage", "prod", "--json")
    #expect(run.errorCode == "remote_unreachable" && isUnknown(run.json), "\(run)")
    let landed = run.error["details"]?["landedTags"]?.arrayValue ?? []
    #expect(landed.map { $0["ref"] } == ["model@v1.0.0"], "\(run)")
    let lines = try worker.administer("audit", "show", "--event", "effect")["lines"]?.arrayValue ?? []
    #expect(lines.map { $0["outcome"] } == ["pushed", "failed"], "\(lines)")
    try remote.installHook("update", "")
    try worker.administer("retry", "1")
    try worker.waitForJob("1", state: "succeeded")
    let tags = try worker.ask("job", "status", "1")["tags"]?.arrayValue ?? []
    #expect(tags.map { $0["ref"] } == ["model@v1.0.0", "model#prod#1"], "\(tags)")
    #expect(try remote.tags() == ["model#prod#1", "model@v1.0.0"])
    try worker.stop()
  }

  @Test("a tag that somebody makes anew after it was deleted stays")
  func deletedOnce() throws {
    let cut = try CutPush(hasLanded: true) { try $0.tag("model@v1.0.0") }
    let old = try #require(try cut.remote.ref("refs/tags/model@v1.0.0"))
    let ends = try cut.ends([["deregister", "model", "v1.0.0", "--delete"]]) {
      try cut.remote.tag("model@v1.0.0", message: "Anew")
    }
    let deleted = ends[0]["deletedTags"]?.arrayValue ?? []
    #expect(deleted.map { $0["objectId"]?.stringValue } == [old], "\(ends)")
    #expect(try cut.remote.tags() == ["model@v1.0.0"])
    try cut.worker.stop()
  }

  @Test("what has to be planned anew after its deadline is not pushed any more")
  func late() throws {
    let cut = try CutPush { try $0.tag("model@v1.0.0") }
    let request = [
      "assign", "model", "--version", "v1.0.0", "--stage", "prod", "--force", "--deadline", "+15",
    ]
    let ends = try cut.ends([request]) {
      try cut.remote.tag("model#prod#1")
      let end = WallClock.milliseconds + 15_000
      try Eventually.holds("the deadline passes") { WallClock.milliseconds > end }
    }
    #expect(ends[0]["error"]?["code"] == "deadline_passed", "\(ends)")
    #expect(try cut.remote.tags() == ["model#prod#1", "model@v1.0.0"])
    try cut.worker.stop()
  }
}
