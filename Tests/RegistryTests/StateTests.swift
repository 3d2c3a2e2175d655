import Registry
import StrictJSON
import Testing

@testable import CommandLineTool

@Suite struct StateTests {
  @Test func eventsOfOneSecondGoByCounter() throws {
    let fixture = try Fixture([
      ("a@v1.0.0", 1, 1), ("a@v2.0.0", 2, 2), ("a#prod#9", 1, 10), ("a#prod#10", 2, 10),
    ])
    let found = try #require(fixture.state.artifact(try artifact("a")))
    #expect(found.holder(of: try stage("prod"))?.version == .name(try version("v2.0.0")))
    #expect(
      fixture.state.history().entries.map(\.event.tag) == ["a#prod#10", "a#prod#9", "a@v2.0.0", "a@v1.0.0"])
  }

  @Test func everyChangeOfATagIsInTheHistory() throws {
    var state = try Fixture([("a@v1.0.0", 1, 1), ("b@v1.0.0", 1, 2)]).state
    let before = state
    #expect(state.history().entries.map(\.event.tag) == ["b@v1.0.0", "a@v1.0.0"])
    state.insert(try Fixture.record("a#prod#1", at: 3))
    #expect(state.history().entries.map(\.event.tag) == ["a#prod#1", "b@v1.0.0", "a@v1.0.0"])
    state.remove(ref: "b@v1.0.0")
    #expect(state.history().entries.map(\.event.tag) == ["a#prod#1", "a@v1.0.0"])
    #expect(state.history(ascending: true).entries.map(\.event.tag) == ["a@v1.0.0", "a#prod#1"])
    #expect(before.history().entries.map(\.event.tag) == ["b@v1.0.0", "a@v1.0.0"])
  }

  @Test func anAssignmentCanFollowAnUnassignmentInOneSecond() throws {
    let fixture = try Fixture([
      ("a@v1.0.0", 1, 1), ("a#prod#1", 1, 2), ("a#prod!#2", 1, 10), ("a#prod#3", 1, 10),
    ])
    #expect(fixture.state.artifact(try artifact("a"))?.holder(of: try stage("prod")) != nil)
  }

  @Test func aStageThatIsListedTwiceIsOneColumn() throws {
    let state = try Fixture([("a@v1.0.0", 1, 1), ("a#dev#1", 1, 2)]).state
    let summary = state.summary(allowedStages: [try stage("dev"), try stage("dev"), try stage("prod")])
    #expect(summary.stages == [try stage("dev"), try stage("prod")])
    #expect(summary.jsonValue["a"]?["stage"] == ["dev": "v1.0.0", "prod": .null])
    #expect(Table(shown: summary.jsonValue).headings == ["name", "latest", "#dev", "#prod"])
  }

  /// GTO reads `artifacts.yaml` and no `dvc.yaml`.
  @Test(arguments: [true, false])
  func whatDVCAnnotatesBringsNothingBackThatTagsEnded(_ isFromDVC: Bool) throws {
    var state = try Fixture([("a@v1.0.0", 1, 1), ("a#dev#1", 1, 2), ("a@deprecated", 1, 3)]).state
    let head = try Fixture.commit(2)
    let author = Signature(name: "A", email: "a@b", time: Timestamp(seconds: Fixture.start + 9))
    state.insert(CommitRecord(id: head, author: author, committer: author, message: "m"))
    state.head = head
    let annotation = ArtifactAnnotation(type: "model", isFromDVC: isFromDVC)
    state.setAnnotations([(try artifact("a"), annotation), (try artifact("b"), annotation)], at: head)
    let found = try #require(state.artifact(try artifact("a")))
    #expect(found.isActive == !isFromDVC)
    #expect(found.versions.count == (isFromDVC ? 1 : 2))
    #expect(try state.summary(of: ArtifactReference("a#dev")).versions.isEmpty == isFromDVC)
    let request = WriteRequest(.deprecate, try artifact("a"))
    var fixture = try Fixture()
    fixture.state = state
    #expect(fixture.refusal(request) == (isFromDVC ? .alreadyDeprecated : .tagExists))
    // What no tag knows is listed all the same.
    #expect(state.artifact(try artifact("b"))?.isActive == true)
  }

  @Test func unassigningACommitWithoutVersionWorks() throws {
    let fixture = try Fixture([("a#dev#1", 1, 1), ("a#dev!#2", 1, 2)])
    #expect(fixture.state.artifact(try artifact("a"))?.holder(of: try stage("dev")) == nil)
    #expect(try fixture.state.summary(of: ArtifactReference("a")).versions.count == 1)
  }

  /// However tags arrive and leave, the state is that of the tags that are there.
  @Test(arguments: 0..<8)
  func deltasLeadToTheSameState(_ seed: Int) throws {
    var random = SeededRandom(seed: seed)
    var expected: [String: TagRecord] = [:]
    var state = RegistryState()
    for step in 0..<300 {
      let name = random.pick(["a", "m=a", "b/c"])
      let subject = random.pick([
        "@v1.0.0", "@v1.0.0!", "@v2.0.0", "#p", "#p!", "@deprecated", "x", "@created",
      ])
      let ref = name + subject + (random.chance(60) ? "#\(Int.random(in: 1...9, using: &random))" : "")
      if random.chance(35) {
        state.remove(ref: ref)
        expected[ref] = nil
        continue
      }
      let inside = random.chance(10) ? "a#q#\(step)" : ref
      let record =
        random.chance(10)
        ? TagRecord(ref: ref, objectID: try Fixture.commit(step), annotation: nil)
        : try Fixture.record(
          ref, inside: inside, commit: Int.random(in: 1...3, using: &random), at: Int64(step / 3),
          message: "\(step)")
      state.insert(record)
      expected[ref] = record
    }
    let fresh = RegistryState(tags: expected.values)
    #expect(state.tagCount == fresh.tagCount)
    #expect(state.history().jsonValue.text() == fresh.history().jsonValue.text())
    #expect(state.summary().jsonValue.text() == fresh.summary().jsonValue.text())
    #expect(state.doctor(now: Fixture.start) == fresh.doctor(now: Fixture.start))
    for name in fresh.artifactNames {
      let request = WriteRequest(.assign, name, commit: try Fixture.commit(9), stage: try stage("z"))
      let context = PlanContext(now: Fixture.start)
      #expect((try? state.plan(request, context)) == (try? fresh.plan(request, context)))
    }
  }

  @Test func commitsAreTakenInAfterTheirTags() throws {
    var fixture = try Fixture([("a@v1.0.0", 1, 1)])
    #expect(
      try fixture.state.summary(of: ArtifactReference("a")).jsonValue.arrayValue?[0]["enrichments"] == [])
    let author = Signature(name: "A", email: "a@b", time: Timestamp(seconds: 1))
    fixture.state.insert(
      CommitRecord(id: try Fixture.commit(1), author: author, committer: author, message: "m"))
    let row = try fixture.state.summary(of: ArtifactReference("a")).jsonValue.arrayValue?[0]
    #expect(row?["enrichments"]?.arrayValue?.first?["message"] == "m")
  }

  @Test func recordsSurviveTheTripBetweenProcesses() throws {
    let records = [
      try Fixture.record("a@v1.0.0", at: 1, zone: -480, message: "ä\n\n✓"),
      try Fixture.record("a#x", inside: "b#y", commit: nil, at: 2, hasTagger: false, isNested: true),
      TagRecord(ref: "light", objectID: try Fixture.commit(3), annotation: nil),
      TagRecord(ref: "large", objectID: try Fixture.commit(3), annotation: nil, unread: .tooLarge),
    ]
    for record in records {
      let bytes = record.jsonValue.serialized()
      #expect(try TagRecord(JSONValue(parsing: bytes)) == record)
    }
    #expect(throws: JSONShapeError.self) { try TagRecord(["ref": "a", "object": "12"]) }
    #expect(throws: JSONShapeError.self) {
      try TagRecord(["ref": "a", "object": .string(String(repeating: "0", count: 40)), "more": 1])
    }
  }

  @Test func aStateOfManyTagsAnswersFromOneArtifact() throws {
    // The cost is measured in the benchmarks; here it only has to be right.
    var records: [TagRecord] = []
    for index in 0..<3000 {
      records.append(
        try Fixture.record("a\(index % 50)#prod#\(index / 50 + 1)", commit: index % 7, at: Int64(index)))
    }
    let state = RegistryState(tags: records.shuffled())
    #expect(state.tagCount == 3000)
    #expect(state.history(of: try artifact("a7")).entries.count == 60)
    #expect(state.history(of: try artifact("a7")).entries.first?.event.tag == "a7#prod#60")
  }
}
