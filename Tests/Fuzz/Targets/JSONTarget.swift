import FoundationEssentials
import StrictJSON

extension FuzzTarget {
  /// What is read is written so that it reads the same, in either dialect; JSON is JSON5; and what is accepted
  /// as JSON Foundation accepts too, with the same values.
  static let json = FuzzTarget("json") { input in
    let strict = try roundTripped(input, .json)
    let lax = try roundTripped(input, .json5)
    guard let strict else { return }
    try check(lax == strict, "JSON is read as something else where JSON5 is allowed")
    // Foundation refuses 0e1, which RFC 8259 allows, and 1e-400.
    if zip(input, input.dropFirst()).contains(where: { (0x30...0x39).contains($0) && $1 | 0x20 == 0x65 }) {
      return
    }
    let second = try JSONDecoder().decode(FoundationValue.self, from: Data(input))
    try check(second.agrees(with: strict), "Foundation reads another value")
  }

  private static func roundTripped(_ input: [UInt8], _ dialect: JSONDialect) throws -> JSONValue? {
    guard let value = try? JSONValue(parsing: input, dialect: dialect) else { return nil }
    let text = value.serialized()
    try check(text.count == value.serializedCount, "the counted size is not the size")
    try check(try JSONValue(parsing: text) == value, "what was written reads differently")
    try check(
      try JSONValue(parsing: value.serialized(indentation: 2)) == value, "indented, it reads differently")
    return value
  }
}

/// A value as Foundation reads it.
private enum FoundationValue: Decodable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([FoundationValue])
  case object([String: FoundationValue])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([FoundationValue].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: FoundationValue].self))
    }
  }

  func agrees(with value: JSONValue) -> Bool {
    switch (self, value) {
    case (.null, .null): true
    case (.bool(let own), .bool(let other)): own == other
    case (.number(let own), .integer(let other)): own == Double(other)
    case (.number(let own), .number(let other)): own == other
    case (.string(let own), .string(let other)): own.utf8.elementsEqual(other.utf8)
    case (.array(let own), .array(let other)):
      own.count == other.count && zip(own, other).allSatisfy { $0.agrees(with: $1) }
    // Keys in NFC and NFD are one key to a Swift dictionary, which of the values counts is chance.
    case (.object(let own), .object(let other)):
      own.count < other.members.count
        || other.members.allSatisfy { own[$0.key]?.agrees(with: $0.value) ?? false }
    default: false
    }
  }
}
