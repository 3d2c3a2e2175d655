/// The id of a Git object: 20 bytes (SHA-1) or 32 (SHA-256).
public struct ObjectID: Hashable, Sendable, Comparable, CustomStringConvertible {
  private let words: (UInt64, UInt64, UInt64, UInt64)
  private let byteCount: UInt8

  /// Reads 40 or 64 hexadecimal digits, upper or lower case; nil for anything else.
  public init?(_ text: some StringProtocol) {
    let count = text.utf8.count
    guard count == 40 || count == 64 else { return nil }
    var words: [UInt64] = [0, 0, 0, 0]
    for (index, byte) in text.utf8.enumerated() {
      guard let digit = byte.hexDigit else { return nil }
      words[index / 16] |= UInt64(digit) << UInt64(60 - index % 16 * 4)
    }
    self.words = (words[0], words[1], words[2], words[3])
    byteCount = UInt8(count / 2)
  }

  /// Lower-case hexadecimal digits.
  public var description: String {
    var digits: [UInt8] = []
    digits.reserveCapacity(64)
    for word in [words.0, words.1, words.2, words.3] {
      for shift in stride(from: 60, through: 0, by: -4) {
        digits.append(UInt8(hexDigit: word >> UInt64(shift) & 15))
      }
    }
    return String(decoding: digits.prefix(Int(byteCount) * 2), as: UTF8.self)
  }

  /// The first seven digits, as GTO's tables show commits.
  public var abbreviated: String { String(description.prefix(7)) }

  public static func == (left: ObjectID, right: ObjectID) -> Bool {
    left.words == right.words && left.byteCount == right.byteCount
  }

  public static func < (left: ObjectID, right: ObjectID) -> Bool { left.words < right.words }

  public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
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
