import Registry
import Testing

@Suite struct PlanTests {
  @Test func assigningAnUnversionedCommitRegistersFirst() throws {
    let fixture = try Fixture()
    let plan = try fixture.plan(
      WriteRequest(.assign, artifact("models:churn"), commit: Fixture.commit(1), stage: stage("prod")),
      trailers: ["Stagekeeper-Job: w/12"])
    #expect(plan.tags.map(\.ref) == ["models=churn@v0.0.1", "models=churn#prod#1"])
    #expect(
      plan.tags.map(\.message) == [
        "Registering artifact models:churn version v0.0.1\n\nStagekeeper-Job: w/12\n",
        "Assigning stage prod to artifact models:churn version v0.0.1\n\nStagekeeper-Job: w/12\n",
      ])
    #expect(plan.tags[0].time.seconds < plan.tags[1].time.seconds)
    #expect(plan.version == .name(.first))
    #expect(!plan.reasons.isEmpty)
  }

  @Test func tagsAreLaterThanTheLastEventUnderAnyClock() throws {
    let fixture = try Fixture([("a@v1.0.0", 1, 5000)])
    let plan = try fixture.plan(
      WriteRequest(.assign, artifact("a"), version: version("v1.0.0"), stage: stage("prod")), at: 10)
    #expect(plan.tags[0].time.seconds == Fixture.start + 5001)
    let inSync = try fixture.plan(
      WriteRequest(.assign, artifact("a"), version: version("v1.0.0"), stage: stage("prod")), at: 9000)
    #expect(inSync.tags[0].time.seconds == Fixture.start + 9000)
  }

  @Test func aTagAtTheEndOfTimeIsNamed() throws {
    let fixture = try Fixture([("a@v1.0.0", 1, Int64.max - Fixture.start)])
    let request = WriteRequest(
      .assign, try artifact("a"), version: try version("v1.0.0"), stage: try stage("p"))
    let refusal = try #require(throws: Refusal.self) { _ = try fixture.plan(request) }
    #expect(refusal.code == .clock)
    #expect(refusal.message.contains("a@v1.0.0"))
  }

  @Test func aDeprecationIsLaterThanTheCommitsToo() throws {
    var fixture = try Fixture([("a@v1.0.0", 1, 10)])
    let late = Signature(
      name: "A", email: "a@b", time: Timestamp(seconds: Fixture.start + 7000))
    fixture.state.insert(CommitRecord(id: try Fixture.commit(1), author: late, committer: late, message: "m"))
    let plan = try fixture.plan(WriteRequest(.deprecate, artifact("a")), at: 20)
    #expect(plan.tags[0].time.seconds == Fixture.start + 7001)
  }

  @Test func lightweightTagsUseUpCounters() throws {
    var fixture = try Fixture([("a@v1.0.0", 1, 10), ("a#dev#3", 1, 11)])
    fixture.state.insert(TagRecord(ref: "a#x#41", objectID: try Fixture.commit(1), annotation: nil))
    let request = WriteRequest(
      .assign, try artifact("a"), version: try version("v1.0.0"), stage: try stage("p"))
    #expect(try fixture.plan(request).tags[0].ref == "a#p#42")
    fixture.state.remove(ref: "a#x#41")
    #expect(try fixture.plan(request).tags[0].ref == "a#p#4")
  }

  @Test func whatCannotBeReadIsNotChanged() throws {
    var fixture = try Fixture([("a@v1.0.0", 1, 10), ("b@v1.0.0", 1, 11)])
    fixture.state.insert(
      TagRecord(ref: "a#x#41", objectID: try Fixture.commit(1), annotation: nil, unread: .tooLarge))
    let refusal = try #require(throws: Refusal.self) {
      try fixture.plan(WriteRequest(.deprecate, artifact("a")))
    }
    #expect(refusal.code == .tagTooLarge && refusal.message.contains("a#x#41"))
    _ = try fixture.plan(WriteRequest(.deprecate, artifact("b")))
    fixture.state.remove(ref: "a#x#41")
    _ = try fixture.plan(WriteRequest(.deprecate, artifact("a")))
  }

  @Test("a tag is later than one of which nobody knows yet whether it comes")
  func laterThanWhatMayCome() throws {
    let state = try Fixture([("a@v1.0.0", 1, 10)]).state
    let request = WriteRequest(
      .assign, try artifact("a"), version: try version("v1.0.0"), stage: try stage("p"))
    for (unsettled, expected) in [(nil, 1000), (999, 1000), (1000, 1001), (1500, 1501)] as [(Int64?, Int64)] {
      let context = PlanContext(
        now: Fixture.start + 1000, unsettledSeconds: unsettled.map { Fixture.start + $0 })
      #expect(try state.plan(request, context).tags[0].time.seconds == Fixture.start + expected)
    }
  }

  @Test func plansOfOneBatchBuildOnEachOther() throws {
    let fixture = try Fixture()
    var draft = RegistryDraft(fixture.state)
    let context = PlanContext(now: Fixture.start)
    let first = try draft.plan(
      WriteRequest(.assign, artifact("a"), commit: Fixture.commit(1), stage: stage("prod")), context)
    let second = try draft.plan(
      WriteRequest(.assign, artifact("a"), commit: Fixture.commit(2), stage: stage("prod")), context)
    #expect(first.tags.map(\.ref) == ["a@v0.0.1", "a#prod#1"])
    #expect(second.tags.map(\.ref) == ["a@v0.0.2", "a#prod#2"])
    let times = (first.tags + second.tags).map(\.time.seconds)
    #expect(times == Array(Fixture.start..<Fixture.start + 4))
    let again = WriteRequest(
      .assign, try artifact("a"), commit: try Fixture.commit(2), stage: try stage("prod"))
    #expect(throws: Refusal.self) { try draft.plan(again, context) }
    #expect(fixture.state.artifact(try artifact("a")) == nil)
  }

  @Test(arguments: [
    "-----BEGIN PGP SIGNATURE-----", "fine\n-----BEGIN SSH SIGNATURE-----\nx",
    "x\n-----BEGIN SIGNED MESSAGE-----",
    "Stagekeeper-Job: w/1", "x\n\nstagekeeper-job : w/1", "x\r\nSTAGEKEEPER-Anything: y", "Job-Key: 1",
    "nul\0",
  ])
  func messagesCantForge(_ message: String) throws {
    let request = WriteRequest(
      .assign, try artifact("a"), commit: try Fixture.commit(1), stage: try stage("p"), message: message)
    let refusal = try #require(throws: Refusal.self) {
      _ = try Fixture().plan(request, trailers: ["Stagekeeper-Job: w/1", "Job-Key: 7"])
    }
    #expect(refusal.code == .invalidMessage)
  }

  @Test func harmlessMessagesStay() throws {
    let request = WriteRequest(
      .register, try artifact("a"), commit: try Fixture.commit(1),
      message: "  Why\n\nReviewed-by: B <b@c>\n\n")
    let plan = try Fixture().plan(request, trailers: ["Stagekeeper-Job: w/1"])
    #expect(plan.tags[0].message == "Why\n\nReviewed-by: B <b@c>\n\nStagekeeper-Job: w/1\n")
  }

  @Test func compareAndSet() throws {
    let fixture = try Fixture([("a@v1.0.0", 1, 1), ("a@v2.0.0", 2, 2), ("a#prod#1", 1, 3)])
    func request(_ expected: String) throws -> WriteRequest {
      WriteRequest(
        .assign, try artifact("a"), version: try version("v2.0.0"), stage: try stage("prod"),
        ifCurrent: try ExpectedHolder(expected))
    }
    #expect(try fixture.refusal(request("v1.0.0")) == nil)
    #expect(try fixture.refusal(request("v2.0.0")) == .ifCurrentMismatch)
    #expect(try fixture.refusal(request("none")) == .ifCurrentMismatch)
    #expect(try Fixture([("a@v2.0.0", 2, 2)]).refusal(request("none")) == nil)
  }

  @Test func rollbackTakesTheVersionBefore() throws {
    var fixture = try Fixture([
      ("a@v1.0.0", 1, 1), ("a@v2.0.0", 2, 2), ("a@v3.0.0", 3, 3), ("a#prod#1", 1, 4), ("a#prod#2", 2, 5),
      ("a#prod#3", 3, 6),
    ])
    let request = WriteRequest(.rollback, try artifact("a"), stage: try stage("prod"))
    let plan = try fixture.plan(request)
    #expect(plan.tags.map(\.ref) == ["a#prod#4"])
    #expect(plan.version == .name(try version("v2.0.0")))
    #expect(
      plan.tags[0].message == "Rolling back stage prod of artifact a from version v3.0.0 to version v2.0.0\n")
    try fixture.add("a@v2.0.0!", commit: 2, at: 7)
    #expect(try fixture.plan(request).version == .name(try version("v1.0.0")))
    #expect(try Fixture([("a@v1.0.0", 1, 1), ("a#prod#1", 1, 4)]).refusal(request) == .nothingToRollBackTo)
    #expect(try Fixture().refusal(request) == .unknownArtifact)
  }

  @Test("a rollback passes over what was taken out of the stage, unless it is empty")
  func rollbackAfterUnassignments() throws {
    var fixture = try Fixture([
      ("a@v1.0.0", 1, 1), ("a@v2.0.0", 2, 2), ("a@v3.0.0", 3, 3), ("a#prod#1", 1, 4), ("a#prod#2", 2, 5),
      ("a#prod#3", 3, 6), ("a#prod!#4", 3, 7),
    ])
    let request = WriteRequest(.rollback, try artifact("a"), stage: try stage("prod"))
    #expect(try fixture.plan(request).version == .name(try version("v1.0.0")))
    try fixture.add("a#prod!#5", commit: 1, at: 8)
    #expect(fixture.refusal(request) == .nothingToRollBackTo)
    try fixture.add("a#prod!#6", commit: 2, at: 9)
    // Nobody holds it now: the last one that did.
    #expect(try fixture.plan(request).version == .name(try version("v2.0.0")))
  }

  @Test("a version that others moved to another commit is not registered at the first one again")
  func versionAtTwoCommits() throws {
    var fixture = try Fixture([("a@v1.0.0", 1, 1), ("a@v1.0.0!", 1, 2), ("a@v1.0.0#3", 2, 3)])
    for force in [false, true] {
      let request = WriteRequest(
        .register, try artifact("a"), commit: try Fixture.commit(1), force: force, simple: false)
      #expect(fixture.refusal(request) == .versionExists)
    }
    try fixture.add("a@v1.0.0!#4", commit: 2, at: 4)
    let request = WriteRequest(.register, try artifact("a"), commit: try Fixture.commit(1), simple: false)
    #expect(try fixture.plan(request).tags.map(\.ref) == ["a@v1.0.0#5"])
  }

  @Test("the version that a commit has already needs no name beside it")
  func sameVersionAtCommit() throws {
    let fixture = try Fixture([("a@v1.0.0", 1, 1)])
    for (name, code) in [("v1.0.0", Refusal.Code.alreadyRegistered), ("v2.0.0", .otherVersionAtCommit)] {
      let request = WriteRequest(
        .assign, try artifact("a"), commit: try Fixture.commit(1), version: try version(name),
        stage: try stage("prod"))
      #expect(fixture.refusal(request) == code)
    }
  }

  @Test("what a message suggests helps")
  func suggestions() throws {
    let long = try artifact(String(repeating: "x", count: 240))
    let tooLong = try #require(throws: Refusal.self) {
      _ = try Fixture().plan(WriteRequest(.register, long, version: try version("v1.0.0-rc.12345")))
    }
    #expect(tooLong.code == .invalidTagName && !tooLong.message.contains("--simple false"))
    // An artifact of which there is a lightweight tag alone.
    var state = RegistryState()
    state.insert(TagRecord(ref: "lw@v1.0.0", objectID: try Fixture.commit(1), annotation: nil))
    let error = try #require(throws: ReadError.self) {
      _ = try state.summary(of: try ArtifactReference("lw"))
    }
    #expect(!error.message.contains("did you mean"))
  }

  @Test func stagesOutsideTheListAreRefusedButCanBeEmptied() throws {
    let fixture = try Fixture([("a@v1.0.0", 1, 1), ("a#old#1", 1, 2)])
    let allowed = [try stage("prod"), try stage("dev")]
    let assign = WriteRequest(
      .assign, try artifact("a"), version: try version("v1.0.0"), stage: try stage("prd"))
    let refusal = try #require(throws: Refusal.self) { _ = try fixture.plan(assign, allowed: allowed) }
    #expect(refusal.code == .stageNotAllowed)
    #expect(refusal.message.contains("prod, dev") && refusal.message.contains("did you mean 'prod'"))
    let unassign = WriteRequest(
      .unassign, try artifact("a"), version: try version("v1.0.0"), stage: try stage("old"))
    #expect(fixture.refusal(unassign, allowed: allowed) == nil)
  }

  @Test func foldersAndFilesDontCollide() throws {
    var fixture = try Fixture()
    fixture.state.insert(TagRecord(ref: "models", objectID: try Fixture.commit(1), annotation: nil))
    let request = WriteRequest(.register, try artifact("models/churn"), commit: try Fixture.commit(1))
    #expect(fixture.refusal(request) == .tagExists)
    try fixture.add("b#dev/x#1", at: 1)
    try fixture.add("b@v1.0.0", at: 1)
    let simple = WriteRequest(
      .assign, try artifact("b"), version: try version("v1.0.0"), stage: try stage("dev"), simple: true)
    #expect(fixture.refusal(simple) == .tagExists)
  }

  @Test func aVersionNameIsNotUsedTwice() throws {
    // v1.0.1 was registered and taken back; the patch after v1.0.0 would be v1.0.1 at another commit.
    let fixture = try Fixture([("a@v1.0.0", 1, 1), ("a@v1.0.1", 2, 2), ("a@v1.0.1!", 2, 3)])
    let request = WriteRequest(.register, try artifact("a"), commit: try Fixture.commit(3), simple: false)
    #expect(fixture.refusal(request) == .versionExists)
  }

  @Test func optionsMustFitTheAction() throws {
    let fixture = try Fixture([("a@v1.0.0", 1, 1)])
    let name = try artifact("a")
    let wrong = [
      WriteRequest(.assign, name), WriteRequest(.register, name, stage: try stage("p")),
      WriteRequest(.register, name, version: try version("v2.0.0"), bump: .major),
      WriteRequest(.unassign, name, stage: try stage("p")),
      WriteRequest(.deprecate, name, force: true, simple: true),
      WriteRequest(.deregister, name, commit: try Fixture.commit(1), version: try version("v1.0.0")),
      WriteRequest(.register, name, ifCurrent: .nobody),
    ]
    for request in wrong { #expect(fixture.refusal(request) == .invalidRequest, "\(request)") }
  }
}
