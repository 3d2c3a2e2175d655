/// The id of a Git object: 20 bytes (SHA-1) or 32 (SHA-256).
public struct ObjectID: Hashable, Sendable, Comparable, CustomStringConvertible {
  private let words: (UInt64, UInt64, UInt64, UInt64)
  private let byteCount: UInt8

  /// Reads 40 or 64 hexadecimal digits, upper or lower case; nil for anything else.
  public init?(_ text: String) {
    let digits = Array(text.utf8)
    guard digits.count == 40 || digits.count == 64 else { return nil }
    var words: [UInt64] = [0, 0, 0, 0]
    for index in digits.indices {
      guard let digit = digits[index].hexDigit else { return nil }
      words[index / 16] |= UInt64(digit) << UInt64(60 - index % 16 * 4)
    }
    self.words = (words[0], words[1], words[2], words[3])
    byteCount = UInt8(digits.count / 2)
  }

  /// Lower-case hexadecimal digits.
  public var description: String {
    let words = [words.0, words.1, words.2, words.3]
    let count = Int(byteCount) * 2
    return String(unsafeUninitializedCapacity: count) { digits in
      for index in 0..<count {
        digits[index] = UInt8(hexDigit: words[index / 16] >> UInt64(60 - index % 16 * 4) & 15)
      }
      return count
    }
  }

  /// The first seven digits, as GTO's tables show commits.
  public var abbreviated: String { String(description.prefix(7)) }

  public static func == (left: ObjectID, right: ObjectID) -> Bool {
    left.words == right.words && left.byteCount == right.byteCount
  }

  public static func < (left: ObjectID, right: ObjectID) -> Bool { left.words < right.words }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(words.0)
    hasher.combine(words.1)
    hasher.combine(words.2)
    hasher.combine(words.3)
  }
}

extension UInt8 {
  fileprivate var hexDigit: UInt8? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  fileprivate init(hexDigit: UInt64) {
    let digit = UInt8(truncatingIfNeeded: hexDigit)
    self = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
  }
}
