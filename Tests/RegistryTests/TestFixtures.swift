import Registry
import Testing

/// Short ways to write tags in tests.
struct Fixture {
  static let start: Int64 = 1_700_000_000
  var state = RegistryState()

  /// A made-up commit, the same for the same number.
  static func commit(_ number: Int) throws -> ObjectID {
    let digits = String(number, radix: 16)
    return try #require(ObjectID(String(repeating: "0", count: 40 - digits.count) + digits))
  }

  static func record(
    _ ref: String, inside name: String? = nil, commit: Int? = 1, at second: Int64,
    email: String = "a@example.com",
    zone: Int = 0, message: String = "m\n", hasTagger: Bool = true, isNested: Bool = false
  ) throws -> TagRecord {
    let tagger = Signature(
      name: "A", email: email, time: Timestamp(seconds: start + second, zoneMinutes: zone))
    return TagRecord(
      ref: ref, objectID: try Self.commit(0xFFFF),
      annotation: .init(
        name: name ?? ref, commit: try commit.map { number in try Self.commit(number) }, isNested: isNested,
        tagger: hasTagger ? tagger : nil, message: message))
  }

  init(_ tags: [(ref: String, commit: Int, second: Int64)] = []) throws {
    for tag in tags { try add(tag.ref, commit: tag.commit, at: tag.second) }
  }

  mutating func add(_ ref: String, commit: Int = 1, at second: Int64) throws {
    state.insert(try Self.record(ref, commit: commit, at: second))
  }

  /// What a request comes to at a second.
  func plan(
    _ request: WriteRequest, at second: Int64 = 1000, trailers: [String] = [], allowed: [StageName]? = nil
  ) throws(Refusal) -> Plan {
    let context = PlanContext(
      now: Self.start + second, allowedStages: allowed,
      defaultBranchTip: ObjectID(String(repeating: "e", count: 40)),
      trailers: trailers)
    return try state.plan(request, context)
  }

  /// The code with which a request is refused; nil where it is planned.
  func refusal(_ request: WriteRequest, allowed: [StageName]? = nil, at second: Int64 = 1000) -> Refusal.Code?
  {
    do throws(Refusal) {
      _ = try plan(request, at: second, allowed: allowed)
      return nil
    } catch { return error.code }
  }
}

func artifact(_ name: String) throws -> ArtifactName { try ArtifactName(name) }
func stage(_ name: String) throws -> StageName { try StageName(name) }
func version(_ name: String) throws -> VersionName { try VersionName(name) }
