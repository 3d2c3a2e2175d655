extension JSONValue {
  /// The value as JSON text in UTF-8. Members keep their order.
  ///
  /// - Parameter indentation: spaces per level; nil writes everything on one line without spaces.
  public func serialized(indentation: Int? = nil) -> [UInt8] {
    var writer = JSONWriter(indentation: indentation)
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
      writeList("[", "]", elements, level: level) { writer, element in
        writer.write(element, level: level + 1)
      }
    case .object(let object):
      writeList("{", "}", object.members, level: level) { writer, member in
        writer.writeString(member.key)
        writer.append(writer.indentation == nil ? ":" : ": ")
        writer.write(member.value, level: level + 1)
      }
    }
  }

  private mutating func writeList<Element>(
    _ open: String, _ close: String, _ elements: [Element], level: Int,
    _ writeElement: (inout JSONWriter, Element) -> Void
  ) {
    append(open)
    for (index, element) in elements.enumerated() {
      if index > 0 { append(",") }
      breakLine(level + 1)
      writeElement(&self, element)
    }
    if !elements.isEmpty { breakLine(level) }
    append(close)
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
      var rest = bytes[...]
      while let place = rest.firstIndex(where: { $0.mustBeEscaped }) {
        output += rest[..<place]
        append(rest[place].escaped)
        rest = rest[(place + 1)...]
      }
      output += rest
    }
    output.append(UInt8(ascii: "\""))
  }

  private mutating func append(_ text: String) { output += text.utf8 }
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
