import StrictJSON

extension YAMLParser {
  /// `'text'`, in which `''` is a quote.
  mutating func singleQuoted() throws(RegistryFileError) -> String {
    let start = mark
    var value = YAMLTextBuffer()
    advance()
    while true {
      switch peek() {
      case "'" where peek(1) == "'":
        value.append("'")
        advance(2)
      case "'":
        advance()
        return value.string
      default: try quotedCharacter(into: &value, start: start)
      }
    }
  }

  /// `"text"` with escapes.
  mutating func doubleQuoted() throws(RegistryFileError) -> String {
    let start = mark
    var value = YAMLTextBuffer()
    advance()
    while true {
      switch peek() {
      case "\"":
        advance()
        return value.string
      case "\\": try escape(into: &value)
      default: try quotedCharacter(into: &value, start: start)
      }
    }
  }

  private mutating func quotedCharacter(
    into value: inout YAMLTextBuffer, start: YAMLMark
  ) throws(RegistryFileError) {
    let character = peek()
    guard character.isYAMLBlank else {
      if isAtEnd { throw error(.syntax, "the quoted text that starts here has no end", at: start) }
      value.append(character)
      advance()
      return
    }
    let spaces = position
    skipWhiteSpace()
    if peek().isYAMLBreak {
      value.append(contentsOf: folded(try quotedBreaks()))
    } else {
      value.append(contentsOf: text[spaces..<position])
    }
  }

  private mutating func skipWhiteSpace() {
    while peek() == " " || peek() == "\t" { advance() }
  }

  /// Takes line breaks and the white space after each; returns how many there were.
  private mutating func quotedBreaks() throws(RegistryFileError) -> Int {
    var count = 0
    while peek().isYAMLBreak {
      takeBreak()
      count += 1
      if isAtDocumentMarker { throw error(.syntax, "a document marker stands inside quoted text") }
      skipWhiteSpace()
    }
    return count
  }

  private mutating func escape(into value: inout YAMLTextBuffer) throws(RegistryFileError) {
    let start = mark
    advance()
    let character = peek()
    if character.isYAMLBreak {
      // An escaped break joins the lines; blank lines after it still count.
      let blank = try quotedBreaks() - 1
      value.append(contentsOf: repeatElement("\n", count: blank))
      return
    }
    if isAtEnd { throw error(.syntax, "the quoted text has no end") }
    advance()
    if let simple = Self.escapes[character] {
      value.append(simple)
    } else if let digits = Self.escapeDigits[character] {
      value.append(try codePoint(digits: digits, start: start))
    } else {
      throw error(
        .syntax, "\\\(String(character).escapedForMessage) is no escape; write \\\\ for a backslash",
        at: start)
    }
  }

  private mutating func codePoint(digits: Int, start: YAMLMark) throws(RegistryFileError) -> Unicode.Scalar {
    var code: UInt32 = 0
    for _ in 0..<digits {
      guard let digit = peek().hexadecimalValue else {
        throw error(.syntax, "expected \(digits) hexadecimal digits in this escape", at: start)
      }
      code = code << 4 | digit
      advance()
    }
    guard let scalar = Unicode.Scalar(code) else {
      throw error(
        .unsupported, "the escape is no Unicode character; write \\U with the code point", at: start)
    }
    return scalar
  }

  private static let escapes: [Unicode.Scalar: Unicode.Scalar] = [
    "0": "\0", "a": "\u{07}", "b": "\u{08}", "t": "\t", "\t": "\t", "n": "\n", "v": "\u{0B}", "f": "\u{0C}",
    "r": "\r", "e": "\u{1B}", " ": " ", "\"": "\"", "/": "/", "\\": "\\", "N": "\u{85}", "_": "\u{A0}",
    "L": "\u{2028}", "P": "\u{2029}",
  ]

  private static let escapeDigits: [Unicode.Scalar: Int] = ["x": 2, "u": 4, "U": 8]
}

extension Unicode.Scalar {
  fileprivate var hexadecimalValue: UInt32? {
    switch self {
    case "0"..."9": value - 0x30
    case "a"..."f": value - 0x61 + 10
    case "A"..."F": value - 0x41 + 10
    default: nil
    }
  }
}
