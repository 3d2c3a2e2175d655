extension JSONValue {
  /// How many bytes ``serialized(indentation:)`` gives without indentation. Nothing is written for it.
  public var serializedCount: Int {
    switch self {
    case .null: 4
    case .bool(let value): value ? 4 : 5
    case .integer(let value): String(value).utf8.count
    case .number(let value): String(value).utf8.count
    case .string(let value): Self.count(value)
    case .array(let elements): Self.listCount(elements.count) + elements.reduce(0) { $0 + $1.serializedCount }
    case .object(let object):
      object.members.reduce(Self.listCount(object.members.count)) { count, member in
        count + Self.count(member.key) + 1 + member.value.serializedCount
      }
    }
  }

  /// The brackets and the commas.
  private static func listCount(_ elements: Int) -> Int { 2 + max(elements - 1, 0) }

  private static func count(_ string: String) -> Int {
    string.utf8.reduce(2) { count, byte in
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), 0x0A, 0x0D, 0x09, 0x08, 0x0C: count + 2
      case 0..<0x20, 0x7F: count + 6
      default: count + 1
      }
    }
  }
}
