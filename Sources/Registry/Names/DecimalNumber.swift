/// A natural number of any size, as GTO's counters and version numbers are (Python has no largest
/// integer): `v99999999999999999999.0.0` is a valid version and must compare and count correctly.
public struct DecimalNumber: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// ASCII digits without leading zeros; zero is "0".
  private let digits: String

  public static let zero = DecimalNumber(0)

  public init(_ value: UInt64) { digits = String(value) }

  /// Reads one or more ASCII digits; leading zeros are allowed and dropped. Nil for anything else.
  public init?(_ text: some StringProtocol) {
    guard !text.isEmpty, text.utf8.allSatisfy(\.isDigit) else { return nil }
    let significant = text.utf8.drop { $0 == UInt8(ascii: "0") }
    digits = significant.isEmpty ? "0" : String(decoding: significant, as: UTF8.self)
  }

  public var description: String { digits }

  /// The next larger number.
  public var successor: DecimalNumber {
    var next = Array(digits.utf8)
    for index in next.indices.reversed() {
      if next[index] != UInt8(ascii: "9") {
        next[index] += 1
        return DecimalNumber(normalized: next)
      }
      next[index] = UInt8(ascii: "0")
    }
    return DecimalNumber(normalized: [UInt8(ascii: "1")] + next)
  }

  public static func < (left: DecimalNumber, right: DecimalNumber) -> Bool {
    let (a, b) = (left.digits.utf8, right.digits.utf8)
    return a.count != b.count ? a.count < b.count : a.lexicographicallyPrecedes(b)
  }

  private init(normalized: [UInt8]) { digits = String(decoding: normalized, as: UTF8.self) }
}

extension UInt8 {
  var isDigit: Bool { UInt8(ascii: "0") <= self && self <= UInt8(ascii: "9") }

  var isLetter: Bool {
    (UInt8(ascii: "a") <= self && self <= UInt8(ascii: "z"))
      || (UInt8(ascii: "A") <= self && self <= UInt8(ascii: "Z"))
  }

  var isLetterOrDigit: Bool { isLetter || isDigit }
}
