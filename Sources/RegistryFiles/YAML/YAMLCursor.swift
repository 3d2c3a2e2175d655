import StrictJSON

/// A place in the text.
struct YAMLMark {
  let position: Int
  let line: Int
  let column: Int
}

/// Moving through the text. The end reads as NUL, which the decoder lets nobody write.
extension YAMLParser {
  static let end: Unicode.Scalar = "\0"

  func peek(_ offset: Int = 0) -> Unicode.Scalar {
    let index = position + offset
    return index < text.count ? text[index] : Self.end
  }

  var isAtEnd: Bool { position >= text.count }

  /// From 0.
  var column: Int { position - lineStart }

  var isFirstOnLine: Bool { position == firstOnLine }

  var mark: YAMLMark { YAMLMark(position: position, line: line, column: column) }

  /// Moves within a line.
  mutating func advance(_ count: Int = 1) { position += count }

  /// Moves over LF or CR LF.
  mutating func takeBreak() {
    position += peek() == "\r" ? 2 : 1
    line += 1
    lineStart = position
  }

  mutating func skipSpaces() {
    while peek() == " " { position += 1 }
  }

  /// Whether the character there ends a word: white space, a line break or the end.
  func isBlank(at offset: Int) -> Bool { peek(offset).isYAMLBlank || peek(offset) == Self.end }

  /// Whether `---` or `...` stands here, at the start of a line and as a word.
  func isAt(marker: Unicode.Scalar) -> Bool {
    column == 0 && peek() == marker && peek(1) == marker && peek(2) == marker && isBlank(at: 3)
  }

  var isAtDocumentMarker: Bool { isAt(marker: "-") || isAt(marker: ".") }

  /// Skips spaces, comments and line breaks between the tokens of block style.
  mutating func skipToContent() throws(RegistryFileError) {
    var fresh = position == lineStart
    while true {
      skipSpaces()
      if peek() == "#" { try skipComment() }
      if peek() == "\t" { throw tab() }
      guard peek().isYAMLBreak else { break }
      takeBreak()
      fresh = true
    }
    if fresh { firstOnLine = position }
  }

  /// Skips what may stand between the tokens of flow style, tabs included.
  mutating func skipFlowSpace() throws(RegistryFileError) {
    while true {
      while peek() == " " || peek() == "\t" { position += 1 }
      if peek() == "#" { try skipComment() }
      guard peek().isYAMLBreak else { return }
      takeBreak()
      if isAtDocumentMarker { throw error(.syntax, "a document marker stands inside [ ] or { }") }
    }
  }

  private mutating func skipComment() throws(RegistryFileError) {
    guard position == lineStart || text[position - 1].isYAMLBlank else {
      throw error(.syntax, "a comment needs a space before its '#'; put quotes around text that has one")
    }
    while !isAtEnd, !peek().isYAMLBreak { position += 1 }
  }

  /// Ensures that nothing but spaces and a comment follows on this line.
  mutating func requireLineEnd() throws(RegistryFileError) {
    skipSpaces()
    if peek() == "#" { try skipComment() }
    if isAtEnd || peek().isYAMLBreak { return }
    throw unexpected("expected the end of the line after this value")
  }
}

/// Errors at the current place or at another one.
extension YAMLParser {
  func error(_ code: RegistryFileError.Code, _ message: String, at mark: YAMLMark? = nil) -> RegistryFileError
  {
    let mark = mark ?? self.mark
    return RegistryFileError(
      code: code, file: file, line: mark.line, column: mark.column + 1, message: message)
  }

  func tab() -> RegistryFileError {
    error(.syntax, "a tab stands where only spaces are allowed; replace it by spaces")
  }

  /// A syntax error that shows the character found.
  func unexpected(_ message: String) -> RegistryFileError {
    if peek() == "\t" { return tab() }
    let found =
      isAtEnd
      ? "the end" : peek().isYAMLBreak ? "the end of the line" : "'\(String(peek()).escapedForMessage)'"
    return error(.syntax, "\(message), found \(found)")
  }
}

extension Unicode.Scalar {
  var isYAMLBreak: Bool { self == "\n" || self == "\r" }
  /// White space or a line break.
  var isYAMLBlank: Bool { self == " " || self == "\t" || isYAMLBreak }
  /// What ends a plain scalar inside `[ ]` and `{ }`.
  var isYAMLFlowIndicator: Bool {
    self == "," || self == "[" || self == "]" || self == "{" || self == "}"
  }
}
