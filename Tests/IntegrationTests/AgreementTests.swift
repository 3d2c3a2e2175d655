import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// After a scenario GTO says of a clone of the remote what the worker says.
@Suite(.serialized)
struct AgreementTests {
  @Test func scenario() throws {
    let remote = try GitFixture()
    let first = try remote.git("rev-parse", "main")
    let worker = try WorkerFixture(["demo": remote.path])
    try worker.ask("register", "churn")
    try worker.ask("assign", "churn", "--version", "v0.0.1", "--stage", "dev")
    let second = try remote.commit(files: ["README": "better\n"], time: 1_700_000_500)
    try worker.ask("register", "churn", "--bump-minor", "-m", "A better model")
    try worker.ask("assign", "churn", "--version", "v0.1.0", "--stage", "prod")
    try worker.ask("assign", "churn", "--version", "v0.0.1", "--stage", "prod")
    try worker.ask("assign", "nlp/sentiment", first, "--stage", "dev")
    try worker.ask("register", "models:fraud", second, "--version", "v3.1.4-rc.1")
    try worker.ask("assign", "models:fraud", "--version", "v3.1.4-rc.1", "--stage", "dev")
    try worker.ask("unassign", "churn", "--version", "v0.0.1", "--stage", "dev")
    try worker.ask("register", "old", "--version", "v1.0.0")
    try worker.ask("deprecate", "old")
    let gto = try GTO(cloneOf: remote.path)
    try expectEqual(worker.ask("show"), gto.json("show"), "show")
    for name in ["churn", "nlp/sentiment", "models:fraud"] {
      try expectEqual(worker.ask("show", name), gto.json("show", name), "show \(name)")
      try expectEqual(worker.ask("history", name), gto.json("history", name), "history \(name)")
    }
    // Events of different artifacts in one second have no order that GTO would keep.
    for ascending in [[], ["--ascending"]] {
      let ours = try worker.ask(["history"] + ascending)
      expectEqual(sorted(ours), sorted(try gto.json(["history"] + ascending)), "history \(ascending)")
      let times = (ours.arrayValue ?? []).compactMap { $0["timestamp"]?.stringValue }
      #expect(times == (ascending.isEmpty ? times.sorted(by: >) : times.sorted()))
    }
    try worker.stop()
  }

  /// Every tag says which job made it and who asked, and times rise strictly within an artifact.
  @Test func trailersAndTimes() throws {
    let remote = try GitFixture()
    try remote.tag("model@v1.0.0", time: Int(WallClock.seconds) + 1000)
    let worker = try WorkerFixture(["demo": remote.path])
    for number in 1...4 {
      try worker.ask(
        "assign", "model", "--version", "v1.0.0", "--stage", "prod", "--force", "--request-key",
        "key \(number)")
    }
    let lines = try remote.git(
      "for-each-ref", "--sort=taggerdate",
      "--format=%(refname:short) %(taggerdate:unix) %(contents:trailers:only)",
      "refs/tags/model*"
    ).split(separator: "\n").filter { $0.hasPrefix("model") }
    let times = lines.compactMap { Int($0.split(separator: " ")[1]) }
    #expect(lines.map { $0.prefix { $0 != " " } } == ["model@v1.0.0"] + (1...4).map { "model#prod#\($0)" })
    #expect(zip(times, times.dropFirst()).allSatisfy { $0 < $1 }, "\(times)")
    let id = String(decoding: try Files.read(worker.stateDirectory + "/worker-id", limit: 100), as: UTF8.self)
      .filter { !$0.isWhitespace }
    for number in 1...4 {
      let text = try remote.git("cat-file", "tag", "model#prod#\(number)")
      let user = Accounts.userName(ThisProcess.uid).map { "user \($0), " } ?? ""
      let ours = """
        Stagekeeper-Job: \(id)/\(number)
        Stagekeeper-Requested-By: owner (\(user)uid \(ThisProcess.uid))
        Stagekeeper-Request-Key: key%20\(number)
        """
      #expect(text.hasSuffix("\n\n" + ours), "\(text)")
      #expect(try remote.git("interpret-trailers", "--parse", input: text + "\n") == ours)
    }
    try worker.stop()
  }

  private func sorted(_ rows: JSONValue) -> JSONValue {
    .array((rows.arrayValue ?? []).sorted { ($0["ref"]?.stringValue ?? "") < ($1["ref"]?.stringValue ?? "") })
  }

  private func expectEqual(
    _ ours: JSONValue, _ theirs: JSONValue, _ what: String, location: SourceLocation = #_sourceLocation
  ) {
    #expect(
      ours == theirs, "\(what)\nours:   \(ours.text())\ntheirs: \(theirs.text())", sourceLocation: location)
  }
}
