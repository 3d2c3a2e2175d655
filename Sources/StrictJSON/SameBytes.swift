extension String {
  /// Whether both have the same bytes. Swift's own `==` takes canonically equivalent strings (NFC and NFD) for the
  /// same, while Git, policies and JSON's keys do not.
  public func hasSameBytes(as other: String) -> Bool {
    // Most differ in their lengths, which are known.
    guard utf8.count == other.utf8.count else { return false }
    var (left, right) = (self, other)
    return left.withUTF8 { left in right.withUTF8 { right in left.elementsEqual(right) } }
  }
}

/// A string compared, sorted and hashed by its bytes: Swift's own `==` takes canonically equivalent strings (NFC and NFD)
/// for the same, but to Git, policies and request keys they are two.
public struct BytewiseString: Hashable, Comparable, Sendable {
  public let string: String

  public init(_ string: String) { self.string = string }

  public static func == (left: BytewiseString, right: BytewiseString) -> Bool {
    left.string.hasSameBytes(as: right.string)
  }

  public static func < (left: BytewiseString, right: BytewiseString) -> Bool {
    left.string.utf8.lexicographicallyPrecedes(right.string.utf8)
  }

  public func hash(into hasher: inout Hasher) {
    var string = string
    string.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    // So that no two neighbours hash as two others with the same bytes together.
    hasher.combine(0xFF as UInt8)
  }
}
