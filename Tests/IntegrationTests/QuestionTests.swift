import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// What reads cost, whom, and how old their answers are.
@Suite(.serialized)
struct QuestionTests {
  @Test("a question that fails leaves its lane's place to others")
  func failedQuestion() throws {
    let (one, two) = (try GitFixture(), try GitFixture())
    let worker = try WorkerFixture(
      configuration: """
        repositories: { b: { url: "\(one.path)" }, c: { url: "\(two.path)" } }, \(ownerGrant)
        limits: { lanes: 1 },
        """)
    let refused = try worker.stagekeeper(
      "assign", "model", "--version", "v9.9.9", "--stage", "dev", "--repo", "b", "--dry-run")
    #expect(refused.exit == .exited(code: 65), "\(refused)")
    let unknown = try worker.stagekeeper("describe", "model", "--rev", "nowhere", "--repo", "b")
    #expect(unknown.exit == .exited(code: 65), "\(unknown)")
    try worker.ask("register", "model", "--version", "v1.0.0", "--repo", "c")
    #expect(try two.tags() == ["model@v1.0.0"])
    try worker.stop()
  }

  @Test("tags with long messages, and one that is too long for everybody, keep nothing from being read")
  func longMessages() throws {
    let remote = try GitFixture()
    // Together more than a frame holds; a sanitizer would take minutes for it.
    let text = String(repeating: "m\u{1}", count: Sanitizer.isOn ? 15_000 : 150_000)
    for number in 1...60 { try remote.tag("model@v0.0.\(number)", message: text) }
    try remote.tag("other@v1.0.0", message: String(repeating: "x", count: 3 << 20))
    let worker = try WorkerFixture(["demo": remote.path])
    let versions = try worker.stagekeeper("show", "model", "--json").json.arrayValue?.count
    #expect(versions == 60)
    try worker.ask("assign", "model", "--version", "v0.0.7", "--stage", "dev")
    #expect(try remote.tags().contains("model#dev#1"))
    try worker.stop()
  }

  @Test("the files at more commits than are asked for at once are each read where they are")
  func manyCommits() throws {
    let remote = try GitFixture()
    let count = 600
    var stream = "reset refs/heads/side\nfrom refs/heads/main\n"
    for number in 1...count {
      let text = "model:\n  path: models/\(number).pkl\n"
      stream += """
        commit refs/heads/side
        committer A <a@example.com> \(1_700_000_000 + number) +0000
        data 1
        c
        M 100644 inline artifacts.yaml
        data \(text.utf8.count)
        \(text)
        tag model@v0.0.\(number)
        from refs/heads/side
        tagger A <a@example.com> \(1_700_000_000 + number) +0000
        data 1
        m

        """
    }
    try remote.git("fast-import", "--quiet", input: stream)
    let worker = try WorkerFixture(["demo": remote.path])
    let versions = try worker.stagekeeper("show", "model", "--json").json.arrayValue ?? []
    #expect(versions.count == count)
    for version in versions {
      let number = (version["version"]?.stringValue ?? "").dropFirst("v0.0.".count)
      let artifact = version["enrichments"]?[0]?["enrichments"]?[0]?["artifact"]
      #expect(artifact?["path"]?.stringValue == "models/\(number).pkl", "\(version)")
    }
    try worker.stop()
  }

  @Test("a tag that stands for no commit names none, and costs the repository nothing")
  func noCommits() throws {
    let remote = try GitFixture()
    let blob = try remote.git("hash-object", "-w", "--stdin", input: "text")
    let tree = try remote.git("rev-parse", "main^{tree}")
    for (name, object) in [("blob", blob), ("tree", tree)] {
      try remote.git("tag", "light-\(name)", object)
      try remote.git("tag", "-a", "-m", "m", "\(name)@v1.0.0", object)
    }
    try remote.git("tag", "light", "main")
    let worker = try WorkerFixture(["demo": remote.path])
    try worker.ask("stages")
    func lane() throws -> Int64? {
      try worker.administer("repositories")["repositories"]?[0]?["lanePid"]?.integerValue
    }
    let before = try lane()
    for ref in [
      "blob@v1.0.0", "light-blob", "tree@v1.0.0", "refs/tags/light-tree", blob, String(tree.prefix(9)),
    ] {
      for question in [["describe", "model", "--rev", ref], ["register", "model", ref, "--dry-run"]] {
        let answer = try worker.stagekeeper(question + ["--json"])
        #expect(answer.error["code"] == "unknown_ref", "\(question): \(answer)")
      }
    }
    #expect(try lane() == before && before != nil)
    let registered = try worker.ask("register", "model", "light")
    #expect(try registered["commit"]?.stringValue == remote.git("rev-parse", "main"))
    try worker.stop()
  }

  @Test("a tag that somebody else made is verified without having been shown before")
  func verifiesNewTags() throws {
    let remote = try GitFixture()
    let worker = try WorkerFixture(["demo": remote.path])
    try worker.ask("stages")
    try remote.tag("model@v1.0.0")
    try Eventually.holds("its name is known") {
      try worker.stagekeeper("verify", "model@v1.0.0", "--json").json["ref"] == "model@v1.0.0"
    }
    try remote.tag("model#dev#1", time: 1_700_000_300)
    try Eventually.holds("so is what it does") {
      try worker.stagekeeper("verify", "model#dev", "--json").json["ref"] == "model#dev#1"
    }
    try worker.stop()
  }

  @Test("what is not known is asked for before it is said not to be there")
  func newTags() throws {
    let remote = try GitFixture(files: ["artifacts.yaml": "model:\n  path: first.pkl\n"])
    try remote.tag("model@v1.0.0")
    let worker = try WorkerFixture(["demo": remote.path])
    #expect(try worker.stagekeeper("show", "model", "--json").json.arrayValue?.count == 1)
    try remote.git("branch", "side", "main")
    try remote.commit(files: ["artifacts.yaml": "model:\n  path: second.pkl\n"], branch: "side")
    try remote.tag("model@v2.0.0", at: "side")
    // What the server showed is good for a second.
    try Eventually.holds("a tag that somebody else made is found") {
      try worker.stagekeeper("check-ref", "model@v2.0.0", "--json").json.objectValue?.members.isEmpty == false
    }
    // Also where it is the first that asks: with what the files say there.
    try remote.commit(files: ["artifacts.yaml": "model:\n  path: third.pkl\n"], branch: "side")
    try remote.tag("model@v3.0.0", at: "side", time: 1_700_000_250)
    try remote.tag("model#canary#1", at: "side", time: 1_700_000_300)
    let second = MonotonicTime.after(seconds: 1.1)
    try Eventually.holds("what the server showed is no longer new") { second.hasPassed }
    let canary = try worker.stagekeeper("describe", "model#canary", "--path")
    #expect(canary.text == "third.pkl\n", "\(canary)")
    try remote.git("branch", "feature", "side")
    let branch = try worker.stagekeeper("describe", "model", "--rev", "feature", "--path")
    #expect(branch.text == "third.pkl\n", "\(branch)")
    try worker.stop()
  }
}
