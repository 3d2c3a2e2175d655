import LaneProtocol
import Registry
import StrictJSON
import SystemCalls
import TestSupport
import Testing

@testable import Lane

/// What a lane reports of a repository's default branch and of its files.
struct RepositoryFactsTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func lane(_ remote: GitFixture, defaultBranch: String? = nil) throws -> LaneRepository {
    let number = try ThisProcess.randomBytes(8).map { String($0, radix: 16) }.joined()
    var configuration = LaneConfiguration(
      repository: "demo", url: remote.path, mirrorDirectory: directory.appending(number), taggerName: "T",
      taggerEmail: "t@example.com", operationSeconds: 60)
    configuration.defaultBranch = defaultBranch
    return try LaneRepository(configuration)
  }

  private func facts(_ lane: LaneRepository) throws -> RepositoryFacts {
    try RepositoryFacts(try lane.answer(.synchronize) { _ in })
  }

  private func annotations(_ remote: GitFixture) throws -> CommitAnnotations {
    let tip = try remote.git("rev-parse", "main")
    let commit = try #require(ObjectID(tip))
    var reader = try ObjectReader(try lane(remote).answer(.annotations([commit])) { _ in }, path: "answer")
    return try #require(try reader.elements("annotations", CommitAnnotations.init).first)
  }

  /// A commit in which the path is something else than a regular file: a mode and what Git's fast-import wants.
  private static func entry(_ path: String, _ kind: String) -> String {
    switch kind {
    case "a folder": "M 100644 inline \(path)/x\ndata 0\n\n"
    case "a symbolic link": "M 120000 inline \(path)\ndata 4\nreal\n"
    default: "M 160000 0123456789012345678901234567890123456789 \(path)\n"
    }
  }

  private func remote(_ path: String, _ kind: String) throws -> GitFixture {
    let remote = try GitFixture(files: ["real": "stages: [dev]\n"])
    try remote.git(
      "fast-import", "--quiet",
      input: """
        commit refs/heads/main
        committer A <a@b> 1700000000 +0000
        data 1
        m
        from refs/heads/main^0
        \(Self.entry(path, kind))
        """)
    return remote
  }

  @Test(
    "what is called .gto and is no regular file is a problem, not the lack of rules",
    arguments: [
      "a folder", "a symbolic link", "a submodule",
    ])
  func irregularConfiguration(_ kind: String) throws {
    let remote = try remote(".gto", kind)
    let facts = try facts(try lane(remote))
    #expect(facts.fileProblem == ".gto: it is \(kind) and not a regular file; mend it on branch main")
  }

  @Test("so is an artifacts.yaml that is none", arguments: ["a folder", "a symbolic link"])
  func irregularAnnotations(_ kind: String) throws {
    let problems = try annotations(try remote("artifacts.yaml", kind)).problems
    #expect(problems == ["artifacts.yaml: it is \(kind) and not a regular file"])
  }

  @Test("a default branch that is not there is a problem as long as it is not there")
  func missingBranch() throws {
    let remote = try GitFixture()
    let lane = try lane(remote, defaultBranch: "mian")
    #expect(
      try facts(lane).fileProblem == "the default branch 'mian' does not exist on the server")
    try remote.commit(files: [".gto": "stages: [dev]\n"], branch: "mian")
    let found = try facts(lane)
    #expect(found.fileProblem == nil && found.stages == ["dev"])
  }

  @Test("so is a HEAD whose branch is gone, but not an empty repository")
  func missingHead() throws {
    let remote = try GitFixture(files: [:])
    let lane = try lane(remote)
    #expect(try facts(lane).fileProblem == nil)
    try remote.commit(files: [".gto": "stages: [dev]\n"], branch: "other")
    let problem = try #require(try facts(lane).fileProblem)
    #expect(problem.contains("exist"), "\(problem)")
    try remote.git("symbolic-ref", "HEAD", "refs/heads/other")
    #expect(try facts(lane).fileProblem == nil)
  }

  @Test("index: may be spelt as GTO takes it, and must name a file")
  func index() throws {
    let file = "churn: {type: model, virtual: no}\n"
    let remote = try GitFixture(files: [".gto": "index: ./meta//a.yaml\n", "meta/a.yaml": file])
    let found = try annotations(remote)
    #expect(found.artifacts.map(\.name.text) == ["churn"] && found.problems.isEmpty, "\(found)")
    #expect(found.artifacts.first?.annotation.isVirtual == false)
    try remote.commit(files: [".gto": "index: ../metta/a.yaml\n"])
    #expect(try annotations(remote).problems == [".gto: index names metta/a.yaml, which is not there"])
    try remote.commit(files: [".gto": ""])
    #expect(try annotations(remote).problems.isEmpty)
  }

  @Test("what a dvc.yaml says is told apart from what GTO reads")
  func source() throws {
    let dvc = "artifacts:\n  churn: {path: a}\n  fraud: {path: b}\n"
    let found = try annotations(try GitFixture(files: ["dvc.yaml": dvc, "artifacts.yaml": "churn: {}\n"]))
    #expect(found.artifacts.map(\.name.text) == ["churn", "fraud", "churn"])
    #expect(found.artifacts.map(\.annotation.isFromDVC) == [true, true, false])
  }

  @Test(
    "a zone that can't be read is UTC, as Git reads it",
    arguments: [
      ("+0530", 330), ("-0130", -90), ("+5", 5), ("+00000", 0), ("-10", -10), ("+", 0), ("", 0), ("zone", 0),
      ("0530", 0), ("+99999", 5999), ("-9999999", -5999), ("+99999999999999999999", 0),
    ])
  func zones(_ text: String, _ minutes: Int) { #expect(Timestamp.zoneMinutes(text) == minutes) }

  @Test("a tag with an odd zone has an effect")
  func oddZone() throws {
    let remote = try GitFixture()
    let commit = try remote.git("rev-parse", "main")
    for (number, zone) in [" +5", " +00000", ""].enumerated() {
      let name = "churn@v\(number).0.0"
      try remote.rawTag(
        name, "object \(commit)\ntype commit\ntag \(name)\ntagger A <a@b> 1700000000\(zone)\n\nm\n")
    }
    var minutes: [Int?] = []
    _ = try lane(remote).answer(.synchronize) { delta in
      minutes += delta.tags.map { $0.annotation?.tagger?.time.zoneMinutes }
    }
    #expect(minutes == [5, 0, 0])
  }

  @Test("texts are read in the encoding that their object names", arguments: ["ISO-8859-1", "latin1"])
  func encoding(_ name: String) throws {
    let remote = try GitFixture()
    let commit = try remote.git("rev-parse", "main")
    let tree = try remote.git("rev-parse", "main^{tree}")
    let who = "J\\374rgen <j@b> 1700000000 +0000"
    let made = try remote.rawObject(
      "commit", "tree \(tree)\nauthor \(who)\ncommitter \(who)\nencoding \(name)\n\nF\\374r alle\n")
    let tag = try remote.rawObject(
      "tag",
      "object \(commit)\ntype commit\ntag a@v1.0.0\ntagger \(who)\nencoding \(name)\n\nGr\\374n\n")
    try remote.git("update-ref", "refs/heads/main", made)
    try remote.git("update-ref", "refs/tags/a@v1.0.0", tag)
    let lane = try lane(remote)
    var tags: [TagRecord] = []
    _ = try lane.answer(.synchronize) { tags += $0.tags }
    #expect(tags.first?.annotation?.tagger?.name == "Jürgen" && tags.first?.annotation?.message == "Grün\n")
    // GTO fails on such a tag, and doctor says so.
    #expect(tags.first?.annotation?.isUTF8 == false)
    let id = try #require(ObjectID(made))
    let record = try #require(try lane.commits([id]).first)
    #expect(record.author.name == "Jürgen" && record.message == "Für alle\n")
  }
}

extension GitFixture {
  /// Makes an object of bytes that printf makes of the text: `\\374` is one byte.
  fileprivate func rawObject(_ kind: String, _ text: String) throws -> String {
    let script = "printf \"$1\" | git -C \"$2\" hash-object -t \"$3\" -w --literally --stdin"
    let id = try Program.check("sh", ["-c", script, "sh", text, path, kind])
    return String(id.dropLast())
  }
}
