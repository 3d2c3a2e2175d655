import TestSupport
import Testing

@testable import GitRemote

@Suite struct RefListTests {
  private static let id = ObjectID(hex: String(repeating: "a", count: 40))

  @Test("what only one of two lists has is found as sets find it")
  func namesInOne() throws {
    let id = try #require(Self.id)
    var random = SeededGenerator(seed: 7)
    for _ in 0..<200 {
      func names() -> Set<String> {
        let all = (0..<12).map { "refs/tags/\(["a", "a/b", "a-b", "é", ""][$0 % 5])\($0)" }
        return Set(all.filter { _ in Bool.random(using: &random) })
      }
      func list(_ names: Set<String>) -> RefList { RefList(names.map { AdvertisedRef(name: $0, id: id) }) }
      let (mine, theirs) = (names(), names())
      #expect(list(mine).namesInOne(of: list(theirs)) == mine.symmetricDifference(theirs))
    }
  }
}
