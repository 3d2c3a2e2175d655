import Foundation
import Registry
import StrictJSON
import Testing

@testable import CommandLineTool

/// The deliberate differences of docs/differences-from-gto.md, each shown with the real GTO beside it.
@Suite struct DifferenceTests {
  private let driver: GTODriver

  init() throws { driver = try GTODriver() }

  /// A repository of two commits with tags at given seconds.
  private func repository(
    _ name: String, _ tags: [(ref: String, mark: Int, second: Int)]
  ) throws -> ReadRepository {
    var stream = ""
    for mark in 1...2 {
      stream += "commit refs/heads/main\nmark :\(mark)\ncommitter A <a@b> \(1_700_000_000 + mark) +0000\n"
      stream += "data 1\nm\n" + (mark > 1 ? "from :1\n\n" : "\n")
    }
    for tag in tags {
      stream += "tag \(tag.ref)\nfrom :\(tag.mark)\ntagger A <a@b> \(1_700_001_000 + tag.second) +0000\n"
      stream += "data 1\nm\n"
    }
    let path = driver.directory.appending(path: name).path()
    let answer = try driver.ask("make", [("dir", .string(path)), ("stream", .string(stream))])
    return try ReadRepository(path: path, answer, annotations: [])
  }

  private func gto(
    _ operation: String, _ repository: ReadRepository, _ members: [(key: String, value: JSONValue)] = []
  ) throws -> JSONValue {
    try driver.ask(operation, [("dir", .string(repository.path))] + members)
  }

  @Test func oneSecondGoesByCounter() throws {
    let repository = try repository(
      "second", [("a@v1.0.0", 1, 0), ("a@v2.0.0", 2, 1), ("a#prod#9", 1, 5), ("a#prod#10", 2, 5)])
    #expect(try gto("show", repository)["a"]?["stage"]?["prod"] == "v1.0.0")
    #expect(repository.state.summary().jsonValue["a"]?["stage"]?["prod"] == "v2.0.0")
  }

  @Test func oneSecondLetsAnAssignmentFollowAnUnassignment() throws {
    let repository = try repository(
      "unassigned", [("a@v1.0.0", 1, 0), ("a#prod#1", 1, 1), ("a#prod!#2", 1, 5), ("a#prod#3", 1, 5)])
    #expect(try gto("stages", repository) == [])
    #expect(repository.state.usedStages().map(\.text) == ["prod"])
  }

  @Test func artifactsOfOneSecondStandInAnotherOrder() throws {
    let repository = try repository(
      "across", [("b@v1.0.0", 1, 0), ("a@v1.0.0", 1, 1), ("b#p#2", 1, 5), ("a#p#1", 1, 5)])
    let theirs = try gto("history", repository).arrayValue ?? []
    #expect(theirs.prefix(2).compactMap { $0["ref"]?.stringValue } == ["a#p#1", "b#p#2"])
    #expect(repository.state.history().entries.prefix(2).map(\.event.tag) == ["b#p#2", "a#p#1"])
  }

  @Test func aCommitWithoutVersionIsOneRow() throws {
    let repository = try repository("rows", [("a#dev#1", 1, 0), ("a#dev#2", 1, 1)])
    #expect(try gto("show", repository, [("name", "a")]).arrayValue?.count == 4)
    #expect(try repository.state.summary(of: ArtifactReference("a")).versions.count == 1)
  }

  @Test func aCommitWithoutVersionCanLeaveAStage() throws {
    let repository = try repository("leave", [("a#dev#1", 1, 0), ("a#dev!#2", 1, 1)])
    #expect(try gto("stages", repository) == ["dev"])
    #expect(repository.state.usedStages().isEmpty)
  }

  @Test func longVersionsStayWhole() throws {
    let repository = try repository("long", [("a@v10.20.30", 1, 0)])
    let table = try gto("show", repository, [("table", true)])
    #expect(table["rows"] == [["a", "v10.20."]])
    #expect(Table(shown: repository.state.summary().jsonValue).rows == [["a", "v10.20.30"]])
  }

  @Test func aVersionRegisteredTwiceIsShown() throws {
    let repository = try repository("twice", [("a@v1.0.0", 1, 0), ("a@v1.0.0!", 1, 1), ("a@v1.0.0#1", 1, 2)])
    #expect(throws: GTODriver.Failure.self) { try gto("show", repository, [("name", "a"), ("table", true)]) }
    #expect(try Table(shown: repository.state.summary(of: ArtifactReference("a")).jsonValue).rows.count == 1)
  }

  @Test func twoVersionsOfACommitAreShown() throws {
    let repository = try repository("two", [("a@v1.0.0", 1, 0), ("a@v2.0.0", 1, 1), ("a#prod#1", 1, 2)])
    #expect(throws: GTODriver.Failure.self) { try gto("show", repository) }
    #expect(repository.state.summary().jsonValue["a"]?["stage"]?["prod"] == "v2.0.0")
    #expect(repository.state.doctor(now: 1_700_002_000).map(\.code) == [.severalVersionsAtCommit])
  }

  @Test(arguments: [
    "tagger A <> 1700000500 +0000", "tagger A <a@b> 1700000500 +9999", nil,
  ])
  func gtoFailsOnTagsThatDoctorReports(_ tagger: String?) throws {
    let good = try repository("good", [("a@v1.0.0", 1, 0)])
    let commit = try #require(good.state.artifact(try ArtifactName("a"))?.events.first?.commit)
    let text = "object \(commit)\ntype commit\ntag a#prod#1\n" + (tagger.map { $0 + "\n" } ?? "") + "\nm\n"
    let path = driver.directory.appending(path: "bad").path()
    let stream = "commit refs/heads/main\nmark :1\ncommitter A <a@b> 1700000001 +0000\ndata 1\nm\n\n"
    _ = try driver.ask(
      "make",
      [
        ("dir", .string(path)), ("stream", .string(stream)),
        ("raw", [["ref": "a#prod#1", "text": .string(text)]]),
      ])
    #expect(throws: GTODriver.Failure.self) { try driver.ask("show", [("dir", .string(path))]) }
  }

  @Test func anAssignmentThatFailsLeavesNothing() throws {
    let repository = try repository("half", [("a@v1.0.0", 1, 0), ("a#prod", 1, 1)])
    let commit = try #require(
      repository.commits.max { $0.committer.time.seconds < $1.committer.time.seconds })
    let request = WriteRequest(
      .assign, try ArtifactName("a"), commit: commit.id, stage: try StageName("prod"), simple: true)
    let refusal = try #require(throws: Refusal.self) {
      _ = try repository.state.plan(request, PlanContext(now: 1_700_003_000))
    }
    #expect(refusal.code == .tagExists)
    let theirs = try gto(
      "write", repository,
      [
        ("action", "assign"), ("now", 1_700_003_000),
        ("arguments", ["name": "a", "stage": "prod", "ref": .string(commit.id.description), "simple": true]),
      ])
    #expect(theirs["error"]?["class"] == "TagExists")
    #expect(theirs["undone"] == ["a@v1.0.1"])
  }

  @Test func aCommitInAStageGetsAVersionWithItsAssignment() throws {
    let repository = try repository("late", [("a#dev#1", 1, 0)])
    let commit = try #require(repository.tags.first?.annotation?.commit)
    let (name, stage) = (try ArtifactName("a"), try StageName("dev"))
    let context = PlanContext(now: 1_700_003_000)
    let removal = WriteRequest(.unassign, name, commit: commit, stage: stage)
    let refusal = try #require(throws: Refusal.self) { _ = try repository.state.plan(removal, context) }
    #expect(refusal.code == .noVersionAtCommit)
    let request = WriteRequest(
      .assign, name, commit: commit, version: try VersionName("v1.0.0"), stage: stage)
    #expect(try repository.state.plan(request, context).tags.map(\.ref) == ["a@v1.0.0", "a#dev#2"])
    func gto(_ action: JSONValue, _ arguments: JSONValue) throws -> JSONValue {
      try self.gto(
        "write", repository, [("action", action), ("now", 1_700_003_000), ("arguments", arguments)])
    }
    let ref = JSONValue.string(commit.description)
    let unassigned = try gto("unassign", ["name": "a", "stage": "dev", "ref": ref])
    #expect(unassigned["error"]?["class"] == "VersionRequired", "\(unassigned)")
    let assigned = try gto("assign", ["name": "a", "stage": "dev", "ref": ref, "name_version": "v1.0.0"])
    #expect(assigned["error"]?["class"] == "WrongArgs" && assigned["undone"] == ["a@v1.0.0"], "\(assigned)")
  }

  @Test func aTagOfATagIsFollowed() throws {
    let repository = try repository("nested", [("a@v1.0.0", 1, 0)])
    let inner = try #require(repository.tags.first)
    let stageTag = TagRecord(
      ref: "a#prod#1", objectID: inner.objectID,
      annotation: .init(
        name: "a#prod#1", commit: inner.annotation?.commit, isNested: true, tagger: inner.annotation?.tagger,
        message: "m"))
    var state = repository.state
    state.insert(stageTag)
    #expect(state.summary().jsonValue["a"]?["stage"]?["prod"] == "v1.0.0")
    let path = driver.directory.appending(path: "nested").path()
    _ = try driver.ask(
      "tag",
      [
        ("dir", .string(path)), ("ref", "a#prod#1"),
        (
          "text",
          .string("object \(inner.objectID)\ntype tag\ntag a#prod#1\ntagger A <a@b> 1700001009 +0000\n\nm\n")
        ),
      ])
    #expect(try gto("show", repository)["a"]?["stage"]?["prod"] == .string(inner.objectID.description))
  }
}
