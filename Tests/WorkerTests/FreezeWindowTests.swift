import LaneProtocol
import Testing

@testable import Worker

struct FreezeWindowTests {
  private func windows(_ text: String) throws -> [FreezeWindow] {
    let file = "{ repositories: {}, conditions: [{ repositories: ['*'], stages: ['*'], freeze: [\(text)] }] }"
    return try #require(try Configuration(json5: Array(file.utf8)).conditions[0].freeze)
  }

  private func problem(_ text: String) -> String {
    do {
      _ = try windows(text)
      return "none"
    } catch { return "\(error)" }
  }

  /// 2026-01-02 was a Friday; 1,767,312,000 is its midnight in UTC.
  private let friday: Int64 = 1_767_312_000

  @Test func weekly() throws {
    let evening = try windows("{ days: ['fri'], from: '16:00', until: '24:00', utcOffset: '+02:00' }")
    let begin = friday + 14 * 3600
    for (time, end) in [
      (begin - 1, nil), (begin, begin + 8 * 3600), (begin + 8 * 3600 - 1, begin + 8 * 3600),
      (begin + 8 * 3600, nil), (begin + 7 * 86_400, begin + 7 * 86_400 + 8 * 3600),
    ] as [(Int64, Int64?)] {
      #expect(evening.inForce(at: time)?.end == end, "\(time - friday)")
    }
  }

  @Test("over midnight, and before 1970 came to be")
  func overMidnight() throws {
    let night = try windows("{ days: ['fri'], from: '22:00', until: '06:00' }")
    #expect(night.inForce(at: friday + 23 * 3600)?.end == friday + 30 * 3600)
    #expect(night.inForce(at: friday + 29 * 3600)?.end == friday + 30 * 3600)
    #expect(night.inForce(at: friday + 5 * 3600) == nil)
    #expect(night.inForce(at: friday + 23 * 3600 - 2800 * 7 * 86_400)?.window == night[0])
  }

  @Test("windows that follow each other end together; those that never end say so")
  func joined() throws {
    let weekend = try windows("{ days: ['sat'] }, { days: ['fri'], from: '16:00' }, { days: ['sun'] }")
    #expect(weekend.inForce(at: friday + 17 * 3600)?.end == friday + 3 * 86_400)
    let always = try windows("{ days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] }")
    let found = try #require(always.inForce(at: friday))
    #expect(found.end == nil)
  }

  @Test func once() throws {
    let window = try windows("{ from: '2026-01-02T00:00:00+01:00', until: '2026-01-02T00:00:00Z' }")
    #expect(window.inForce(at: friday - 3600)?.end == friday)
    #expect(window.inForce(at: friday - 3601) == nil && window.inForce(at: friday) == nil)
  }

  @Test("mistakes are named with their place")
  func mistakes() {
    for (text, words) in [
      ("{ days: ['friday'] }", "conditions[0].freeze[0].days"), ("{ days: [] }", "names no day"),
      ("{ days: ['fri'], from: '24:00' }", "00:00"), ("{ days: ['fri'], until: '24:01' }", "24:00"),
      ("{ days: ['fri'], from: '8:00' }", "hours and minutes"),
      ("{ days: ['fri'], from: '08:00', until: '08:00' }", "the same as from"),
      ("{ days: ['fri'], utcOffset: '2' }", "utcOffset"), ("{ from: '2026-01-01T00:00:00Z' }", "until"),
      ("{ from: '2026-02-30T00:00:00Z', until: '2027-01-01T00:00:00Z' }", "expected a time"),
      ("{ from: '2026-01-01 00:00:00Z', until: '2027-01-01T00:00:00Z' }", "expected a time"),
      ("{ from: '2026-01-02T00:00:00Z', until: '2026-01-01T00:00:00Z' }", "not later than from"),
      ("{ from: '2026-01-01T00:00:00Z', until: '2027-01-01T00:00:00Z', utcOffset: 'Z' }", "goes with days"),
      ("{ days: ['fri'], untill: '10:00' }", "did you mean \"until\""),
    ] {
      #expect(problem(text).contains(words), "\(text): \(problem(text))")
    }
  }

  @Test("a condition that demands nothing, or that nothing could fulfil, is an error")
  func emptyConditions() {
    for (members, words) in [
      ("", "demands nothing"), (", from: []", "from"), (", types: []", "types"),
      (", signed: false", "nothing"),
      (", freeze: []", "freeze"), (", form: ['dev']", "did you mean \"from\""),
    ] {
      let text = "{ repositories: {}, conditions: [{ repositories: ['*'], stages: ['*']\(members) }] }"
      let error = #expect(throws: ConfigurationError.self) { try Configuration(json5: Array(text.utf8)) }
      #expect(error?.message.contains(words) == true, "\(members): \(error?.message ?? "")")
    }
  }
}
