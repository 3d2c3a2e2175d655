package import StrictJSON

extension String {
  /// The text with every character escaped that could steer a terminal or break a line: control characters,
  /// direction marks, line separators. What the worker or a Git server said goes through here.
  package var escapedForTerminal: String { escaped(keepingLines: false) }

  /// The same, but line ends stay, for text of several lines.
  package var escapedLinesForTerminal: String { escaped(keepingLines: true) }

  private func escaped(keepingLines: Bool) -> String {
    guard unicodeScalars.contains(where: \.needsEscape) else { return self }
    var text = ""
    for scalar in unicodeScalars {
      if scalar.needsEscape, !(keepingLines && scalar == "\n") {
        text += scalar == "\n" ? "\\n" : "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}

extension Unicode.Scalar {
  fileprivate var needsEscape: Bool {
    if isASCII { return value < 0x20 || value == 0x7F }
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: return true
    default: return false
    }
  }
}

extension JSONValue {
  /// JSON in which everything but printable ASCII is escaped, as Python's `json.dumps` writes it: the same
  /// bytes as GTO's, and safe on any terminal.
  package func asciiText(indentation: Int?) -> String {
    let text = text(indentation: indentation)
    guard text.utf8.contains(where: { $0 > 0x7E }) else { return text }
    var ascii = ""
    for scalar in text.unicodeScalars {
      if scalar.value <= 0x7E {
        ascii.unicodeScalars.append(scalar)
      } else {
        for unit in String(scalar).utf16 {
          let digits = String(unit, radix: 16)
          ascii += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
      }
    }
    return ascii
  }

  /// The value as one cell of a table; nil where it is missing.
  package var cell: String? {
    switch self {
    case .null: nil
    case .bool(let value): value ? "yes" : "no"
    case .integer(let value): String(value)
    case .number(let value): String(value)
    case .string(let value): value
    case .array(let values): values.compactMap(\.cell).joined(separator: ", ")
    case .object: asciiText(indentation: nil)
    }
  }
}
