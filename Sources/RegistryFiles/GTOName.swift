/// What GTO accepts as a name (`gto/constants.py`, `name` and `dirname`), by bytes. A line feed at the
/// end, which GTO lets through by accident, is refused.
enum GTOName {
  /// Artifacts, types, stages: letters and digits at both ends, inside also `-`, `/` and `_`.
  static func isValid(_ name: String) -> Bool {
    guard let first = name.utf8.first, let last = name.utf8.last else { return false }
    let inner = [UInt8(ascii: "-"), UInt8(ascii: "/"), UInt8(ascii: "_")]
    return isAlphanumeric(first) && isAlphanumeric(last)
      && name.utf8.allSatisfy { isAlphanumeric($0) || inner.contains($0) }
  }

  /// A folder before the `:` of a full name.
  static func isValidFolder(_ folder: String) -> Bool {
    let others = [UInt8(ascii: "-"), UInt8(ascii: "/"), UInt8(ascii: "_"), UInt8(ascii: ".")]
    return !folder.isEmpty && folder.utf8.allSatisfy { isAlphanumeric($0) || others.contains($0) }
  }

  static let rule = "letters and digits, and inside also '-', '_' and '/'"

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }
}
