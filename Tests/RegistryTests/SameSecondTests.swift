import Registry
import TestSupport
import Testing

/// Tags of one second, be they few or many.
@Suite struct SameSecondTests {
  private func record(_ ref: String, inside tag: String, at second: Int64, message: String) throws
    -> TagRecord
  {
    try Fixture.record(ref, inside: tag, at: second, message: message)
  }

  private func ties(_ state: RegistryState) -> [[String]] {
    state.doctor(now: Fixture.start + 1_000_000).filter { $0.code == .sameSecond }.map(\.refs)
  }

  /// Whether it matters which came first, said of two tags.
  private func compete(_ left: Event, _ right: Event) -> Bool {
    if left.time.seconds != right.time.seconds || left.ref == right.ref { return false }
    if left.kind == .deprecation || right.kind == .deprecation { return left.kind != right.kind }
    return left.name.stage == right.name.stage && left.name.version == right.name.version
  }

  @Test(
    "tags that compete are those that compete with another one, whatever else there is", arguments: 1...300)
  func ties(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var tags: [TagRecord] = []
    for counter in 1...Int.random(in: 2...9, using: &random) {
      let name = ["a@v1.0.0", "a@v1.0.0!", "a@v2.0.0", "a#dev", "a#dev!", "a#prod", "a@deprecated"]
        .randomElement(using: &random)
      let tag = "\(try #require(name))#\(counter)"
      tags.append(
        try record(tag, inside: tag, at: Int64.random(in: 1...2, using: &random), message: ""))
    }
    let state = RegistryState(tags: tags)
    let events = try #require(state.artifact(try artifact("a"))).events
    let expected = (1...2).compactMap { (second: Int64) -> [String]? in
      let tied = events.filter { event in
        event.time.seconds == Fixture.start + second && events.contains { compete(event, $0) }
      }
      return tied.isEmpty ? nil : tied.map(\.ref)
    }
    let found = ties(state)
    #expect(found.count == expected.count)
    for refs in expected { #expect(found.contains(refs), "\(found)") }
  }

  @Test("one tag object under several refs is one event, that of the first", arguments: 1...100)
  func twins(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var objects: Set<[String]> = []
    var tags: [TagRecord] = []
    for counter in 1...12 {
      let second = Int64.random(in: 1...2, using: &random)
      let tag = Bool.random(using: &random) ? "a#prod#1" : "a#prod#2"
      let message = ["e\u{301}", "\u{e9}", "e"].randomElement(using: &random) ?? ""
      objects.insert(["\(second)", tag, "\(Array(message.utf8))"])
      tags.append(try record("a#dev#\(counter)", inside: tag, at: second, message: message))
    }
    let events = try #require(RegistryState(tags: tags).artifact(try artifact("a"))).events
    #expect(events.count == objects.count)
    #expect(
      Set(events.map { ["\($0.time.seconds - Fixture.start)", $0.tag, "\(Array($0.message.utf8))"] })
        == objects)
    for event in events {
      let twins = tags.filter { tag in
        tag.annotation?.name == event.tag && tag.annotation?.tagger?.time == event.time
          && Array((tag.annotation?.message ?? "").utf8) == Array(event.message.utf8)
      }
      #expect(twins.map(\.ref).min { $0.utf8.lexicographicallyPrecedes($1.utf8) } == event.ref)
    }
  }

  /// Takes minutes where each is compared with each.
  @Test func many() throws {
    let count = 20_000
    let tags = try (1...count).map { number in
      try record("a#prod#\(number)", inside: "a#prod#1", at: 1, message: "\(number)")
    }
    let state = RegistryState(tags: tags)
    #expect(try #require(state.artifact(try artifact("a"))).events.count == count)
    #expect(ties(state).map(\.count) == [count])
  }
}
