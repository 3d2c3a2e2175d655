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
