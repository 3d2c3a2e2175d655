/// The name of a Git object: the SHA-1 of its kind, length and content, 20 bytes.
public struct ObjectID: Hashable, Comparable, Sendable, CustomStringConvertible {
  private let first: UInt64
  private let second: UInt64
  private let third: UInt32

  /// The id that stands for "no object" on the wire: forty zeros.
  public static let zero = ObjectID(first: 0, second: 0, third: 0)

  public var isZero: Bool { self == .zero }

  private init(first: UInt64, second: UInt64, third: UInt32) {
    self.first = first
    self.second = second
    self.third = third
  }

  /// Reads forty hexadecimal digits of either case; nil for anything else.
  public init?(hex: some StringProtocol) {
    var text = String(hex)
    let parsed = text.withUTF8 { $0.count == 40 ? ObjectID(hexDigits: UnsafeRawBufferPointer($0)) : nil }
    guard let parsed else { return nil }
    self = parsed
  }

  /// Reads the first forty bytes, which must be hexadecimal digits.
  init?(hexDigits digits: UnsafeRawBufferPointer) {
    guard digits.count >= 40, let first = Self.word(digits, 0, 16), let second = Self.word(digits, 16, 16),
      let third = Self.word(digits, 32, 8)
    else { return nil }
    self.init(first: first, second: second, third: UInt32(third))
  }

  /// Takes the first twenty bytes.
  init(bytes: UnsafeRawBufferPointer) {
    self.init(
      first: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
      second: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
      third: UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self)))
  }

  private static func word(_ digits: UnsafeRawBufferPointer, _ start: Int, _ count: Int) -> UInt64? {
    var value: UInt64 = 0
    var faulty: UInt8 = 0
    for index in start..<start + count {
      let nibble = hexValue(digits[index])
      faulty |= nibble
      value = value << 4 | UInt64(nibble & 0xf)
    }
    return faulty > 0xf ? nil : value
  }

  /// The 20 bytes.
  var bytes: [UInt8] {
    func bigEndian(_ value: some FixedWidthInteger) -> [UInt8] {
      withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }
    return bigEndian(first) + bigEndian(second) + bigEndian(third)
  }

  /// Forty lowercase hexadecimal digits.
  public var description: String { String(decoding: hexDigits, as: UTF8.self) }

  /// Forty lowercase hexadecimal digits as ASCII.
  var hexDigits: [UInt8] {
    let digits: StaticString = "0123456789abcdef"
    return bytes.flatMap { [digits.utf8Start[Int($0 >> 4)], digits.utf8Start[Int($0 & 0xf)]] }
  }

  public static func < (left: ObjectID, right: ObjectID) -> Bool {
    (left.first, left.second, left.third) < (right.first, right.second, right.third)
  }
}

/// The value of a hexadecimal digit; 0xff for any other byte.
@inline(__always)
func hexValue(_ digit: UInt8) -> UInt8 {
  switch digit {
  case 0x30...0x39: digit - 0x30
  case 0x61...0x66: digit - 0x61 + 10
  case 0x41...0x46: digit - 0x41 + 10
  default: 0xff
  }
}
