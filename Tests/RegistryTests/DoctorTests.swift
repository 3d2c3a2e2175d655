import Registry
import StrictJSON
import Testing

/// Tags that `gto` fails on or that mislead people: each is reported, none does harm.
@Suite struct DoctorTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let code: TagProblem.Code
    let hasEvent: Bool
    let record: TagRecord
    var testDescription: String { code.description }
  }

  static func cases() throws -> [Case] {
    let ref = "a#prod#7"
    return [
      Case(
        code: .lightweight, hasEvent: false,
        record: TagRecord(ref: ref, objectID: try Fixture.commit(1), annotation: nil)),
      Case(
        code: .tooLarge, hasEvent: false,
        record: TagRecord(ref: ref, objectID: try Fixture.commit(1), annotation: nil, unread: .tooLarge)),
      Case(
        code: .hidden, hasEvent: false,
        record: TagRecord(ref: ref, objectID: try Fixture.commit(1), annotation: nil, unread: .hidden)),
      Case(code: .unparseable, hasEvent: false, record: try Fixture.record("a#prod#x", at: 50)),
      Case(code: .reserved, hasEvent: false, record: try Fixture.record("a@created", at: 50)),
      Case(code: .otherName, hasEvent: false, record: try Fixture.record(ref, inside: "what", at: 50)),
      Case(code: .otherName, hasEvent: true, record: try Fixture.record(ref, inside: "b#x#1", at: 50)),
      Case(code: .noTagger, hasEvent: false, record: try Fixture.record(ref, at: 50, hasTagger: false)),
      Case(code: .noCommit, hasEvent: false, record: try Fixture.record(ref, commit: nil, at: 50)),
      Case(code: .emptyTagger, hasEvent: true, record: try Fixture.record(ref, at: 50, email: "")),
      Case(code: .nested, hasEvent: true, record: try Fixture.record(ref, at: 50, isNested: true)),
      Case(code: .badTime, hasEvent: true, record: try Fixture.record(ref, at: 50, zone: 5999)),
      Case(code: .badTime, hasEvent: true, record: try Fixture.record(ref, at: Int64.max - Fixture.start)),
      Case(code: .badTime, hasEvent: true, record: try Fixture.record(ref, at: Int64.min + 1)),
      Case(code: .futureTime, hasEvent: true, record: try Fixture.record(ref, at: 90_000)),
      Case(code: .noVersion, hasEvent: true, record: try Fixture.record(ref, commit: 77, at: 50)),
      Case(
        code: .duplicateCounter, hasEvent: true, record: try Fixture.record("a#prod#1", commit: 2, at: 50)),
      Case(code: .sameSecond, hasEvent: true, record: try Fixture.record("a#dev!#9", at: 3)),
      Case(
        code: .versionAtSeveralCommits, hasEvent: true,
        record: try Fixture.record("a@v1.0.0#5", commit: 8, at: 50)),
      Case(
        code: .severalVersionsAtCommit, hasEvent: true,
        record: try Fixture.record("a@v3.0.0", commit: 1, at: 50)),
      Case(code: .stageNotAllowed, hasEvent: true, record: try Fixture.record("a#gone#8", at: 50)),
    ]
  }

  @Test(arguments: try cases())
  func reports(_ testCase: Case) throws {
    var fixture = try Fixture([("a@v1.0.0", 1, 1), ("a@v2.0.0", 2, 2), ("a#dev#1", 1, 3)])
    let allowed = [try stage("dev"), try stage("prod"), try stage("x")]
    #expect(fixture.state.doctor(now: Fixture.start + 100, allowedStages: allowed).isEmpty)
    let before = fixture.state.history().entries.count
    fixture.state.insert(testCase.record)

    let problems = fixture.state.doctor(now: Fixture.start + 100, allowedStages: allowed)
    #expect(problems.contains { $0.code == testCase.code }, "\(problems)")
    #expect(problems.allSatisfy { !$0.refs.isEmpty && !$0.advice.isEmpty })
    #expect(fixture.state.history().entries.count == before + (testCase.hasEvent ? 1 : 0))
    // Every read goes on.
    _ = fixture.state.summary(ShowOptions(includeDeprecated: true)).jsonValue.text()
    _ = try fixture.state.summary(of: ArtifactReference("a")).jsonValue.text()
    _ = try fixture.state.check(ref: testCase.record.ref)

    fixture.state.remove(ref: testCase.record.ref)
    #expect(fixture.state.doctor(now: Fixture.start + 100, allowedStages: allowed).isEmpty)
  }

  @Test func autoRegistrationInOneSecondIsFine() throws {
    let fixture = try Fixture([("a@v1.0.0", 1, 5), ("a#prod#1", 1, 5)])
    #expect(fixture.state.doctor(now: Fixture.start + 100).isEmpty)
  }

  @Test func tagsOfPeoplesOwnAreLeftAlone() throws {
    let fixture = try Fixture([("v1.0.0", 1, 5), ("release/2024", 1, 5), ("nightly@home", 1, 6)])
    #expect(fixture.state.doctor(now: Fixture.start + 100).isEmpty)
  }
}
