extension String {
  /// Whether both have the same bytes. Swift's own `==` takes canonically equivalent strings (NFC and NFD) for the
  /// same, while Git, policies and JSON's keys do not.
  public func hasSameBytes(as other: String) -> Bool {
    // Most differ in their lengths, which are known.
    utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
  }
}
