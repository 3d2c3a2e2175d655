extension YAMLParser {
  /// A scalar without quotes. Line breaks inside become a space, blank lines become line feeds.
  ///
  /// - Parameter minimumColumn: the column from which the next line continues it; flow style ignores it.
  mutating func plainScalar(minimumColumn: Int) throws(RegistryFileError) -> String {
    try checkPlainStart()
    var value = YAMLTextBuffer()
    var folded: [Unicode.Scalar] = []
    while true {
      let start = position
      while try isPlainCharacter() { advance() }
      guard position > start else { throw unexpected("text is not allowed here; put quotes around it") }
      value.append(contentsOf: folded)
      value.append(contentsOf: text[start..<position])
      guard let next = try plainContinuation(minimumColumn: minimumColumn) else { return value.string }
      folded = next
    }
  }

  /// Refuses the characters that mean something else at the start of a node.
  private func checkPlainStart() throws(RegistryFileError) {
    let next = peek(1)
    switch peek() {
    case "-", "?", ":":
      if isBlank(at: 1) || (flowDepth > 0 && !startsFlowText(before: next)) {
        throw unexpected("expected a value; put quotes around text that starts so")
      }
    case ",", "[", "]", "{", "}", "#", "&", "*", "!", "|", ">", "'", "\"", "%", "@", "`", "\t", "\n", "\r",
      Self.end:
      throw unexpected("expected a value; put quotes around text that starts so")
    default: break
    }
  }

  /// Whether `-`, `?` or `:` starts text in flow style, by what follows it.
  private func startsFlowText(before next: Unicode.Scalar) -> Bool {
    switch peek() {
    case "-": !next.isYAMLFlowIndicator
    case ":": colonStartsFlowText && !next.isYAMLFlowIndicator
    default: false
    }
  }

  private func isPlainCharacter() throws(RegistryFileError) -> Bool {
    let character = peek()
    if isBlank(at: 0) { return false }
    if flowDepth > 0, character.isYAMLFlowIndicator { return false }
    guard character == ":" else { return true }
    // ruamel.yaml takes the colon of `{a:}` into the text, other readers end the key there.
    if flowDepth > 0, peek(1).isYAMLFlowIndicator {
      throw error(
        .unsupported, "a ':' before '\(peek(1))' is ambiguous; put a space after it or quotes around")
    }
    return !isBlank(at: 1)
  }

  /// What joins the text so far with the text that follows; nil, and the end of the text as the current
  /// place, where the scalar ends.
  private mutating func plainContinuation(minimumColumn: Int) throws(RegistryFileError) -> [Unicode.Scalar]? {
    let end = (position: position, line: line, lineStart: lineStart)
    skipSpaces()
    if peek().isYAMLBreak, minimumColumn < .max {
      if let breaks = plainBreaks(minimumColumn: minimumColumn) { return try checkedContinuation(breaks) }
    } else if try isPlainContent() {
      return Array(text[end.position..<position])
    }
    (position, line, lineStart) = end
    return nil
  }

  private mutating func plainBreaks(minimumColumn: Int) -> [Unicode.Scalar]? {
    var count = 0
    while peek().isYAMLBreak {
      takeBreak()
      count += 1
      if isAtDocumentMarker { return nil }
      skipSpaces()
    }
    if flowDepth == 0, column < minimumColumn { return nil }
    return isAtEnd || peek() == "#" || peek() == "\t" ? nil : folded(count)
  }

  /// After line breaks: nil where flow style ends the scalar; an error where a `: ` would make the lines
  /// above a key.
  private mutating func checkedContinuation(
    _ breaks: [Unicode.Scalar]
  ) throws(RegistryFileError) -> [Unicode.Scalar]? {
    if try isPlainContent() { return breaks }
    if flowDepth > 0 { return nil }
    throw unexpected("expected a value or the end of the text above; put quotes around text that has ': '")
  }

  /// Whether text of the scalar goes on here, after spaces.
  private func isPlainContent() throws(RegistryFileError) -> Bool {
    if peek() == "#" { return false }
    return try isPlainCharacter()
  }

  /// One break becomes a space, more of them lose one.
  func folded(_ breaks: Int) -> [Unicode.Scalar] {
    breaks == 1 ? [" "] : Array(repeating: "\n", count: breaks - 1)
  }
}
