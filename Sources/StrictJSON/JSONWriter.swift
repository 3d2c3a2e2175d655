extension JSONValue {
  /// The value as JSON text in UTF-8. Members keep their order.
  ///
  /// - Parameter indentation: spaces per level; nil writes everything on one line without spaces.
  public func serialized(indentation: Int? = nil) -> [UInt8] {
    var writer = JSONWriter(indentation: indentation)
    writer.output.reserveCapacity(512)
    writer.write(self, level: 0)
    return writer.output
  }

  /// The same as ``serialized(indentation:)``, as a string.
  public func text(indentation: Int? = nil) -> String {
    String(decoding: serialized(indentation: indentation), as: UTF8.self)
  }
}

private struct JSONWriter {
  let indentation: Int?
  var output: [UInt8] = []

  mutating func write(_ value: JSONValue, level: Int) {
    switch value {
    case .null: append("null")
    case .bool(let value): append(value ? "true" : "false")
    case .integer(let value): append(String(value))
    case .number(let value): append(String(value))
    case .string(let value): writeString(value)
    case .array(let elements):
      output.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        beginElement(index, level)
        write(element, level: level + 1)
      }
      if !elements.isEmpty { breakLine(level) }
      output.append(UInt8(ascii: "]"))
    case .object(let object):
      output.append(UInt8(ascii: "{"))
      for (index, member) in object.members.enumerated() {
        beginElement(index, level)
        writeString(member.key)
        output.append(UInt8(ascii: ":"))
        if indentation != nil { output.append(0x20) }
        write(member.value, level: level + 1)
      }
      if !object.isEmpty { breakLine(level) }
      output.append(UInt8(ascii: "}"))
    }
  }

  private mutating func beginElement(_ index: Int, _ level: Int) {
    if index > 0 { output.append(UInt8(ascii: ",")) }
    breakLine(level + 1)
  }

  private mutating func breakLine(_ level: Int) {
    guard let indentation else { return }
    output.append(0x0A)
    output += repeatElement(0x20, count: indentation * level)
  }

  private mutating func writeString(_ string: String) {
    var string = string
    output.append(UInt8(ascii: "\""))
    string.withUTF8 { bytes in
      var start = 0
      for place in 0..<bytes.count where bytes[place].mustBeEscaped {
        output.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start..<place]))
        append(bytes[place].escaped)
        start = place + 1
      }
      output.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start...]))
    }
    output.append(UInt8(ascii: "\""))
  }

  private mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { output.append(contentsOf: $0) }
  }
}

extension UInt8 {
  /// Whether a byte does not stand for itself in a string.
  fileprivate var mustBeEscaped: Bool {
    self < 0x20 || self == UInt8(ascii: "\"") || self == UInt8(ascii: "\\") || self == 0x7F
  }

  fileprivate var escaped: String {
    switch self {
    case UInt8(ascii: "\""): return "\\\""
    case UInt8(ascii: "\\"): return "\\\\"
    case 0x0A: return "\\n"
    case 0x0D: return "\\r"
    case 0x09: return "\\t"
    case 0x08: return "\\b"
    case 0x0C: return "\\f"
    default:
      let hex = String(self, radix: 16)
      return "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
    }
  }
}

extension String {
  /// The text with control characters escaped and cut to a length that fits a message.
  public var escapedForMessage: String {
    let shown = unicodeScalars.prefix(80)
    let escaped = shown.map { scalar in
      scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar.isInvisibleFormat
        ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
    }.joined()
    return unicodeScalars.count > 80 ? escaped + "…" : escaped
  }
}

extension Unicode.Scalar {
  /// Characters that change how the text around them is shown: direction marks, joiners, line breaks.
  fileprivate var isInvisibleFormat: Bool {
    switch properties.generalCategory {
    case .format, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }
}
