internal import StrictJSON

/// The folders that the refs stand in, counted. Git can't hold `a` beside `a/b`, and a server says so
/// only after the push.
struct RefDirectories: Sendable {
  private var counts: [BytewiseString: Int] = [:]

  mutating func insert(_ ref: String) {
    for parent in Self.parents(of: ref) { counts[parent, default: 0] += 1 }
  }

  mutating func remove(_ ref: String) {
    for parent in Self.parents(of: ref) {
      guard let count = counts[parent] else { continue }
      counts[parent] = count > 1 ? count - 1 : nil
    }
  }

  func contains(_ name: String) -> Bool { counts[BytewiseString(name)] != nil }

  /// The folders above a ref: `a` and `a/b` for `a/b/c`.
  static func parents(of ref: String) -> [BytewiseString] {
    ref.utf8.indices.filter { ref.utf8[$0] == UInt8(ascii: "/") }
      .map { BytewiseString(String(ref[..<$0])) }
  }
}
