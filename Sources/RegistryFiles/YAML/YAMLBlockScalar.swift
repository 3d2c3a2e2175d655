/// `|` and `>`: text by lines.
struct YAMLBlockScalarHeader {
  enum Chomping { case strip, clip, keep }
  var isFolded: Bool
  var chomping = Chomping.clip
  /// Spaces deeper than the parent; nil where the first line tells.
  var indentation: Int?
}

extension YAMLParser {
  /// Reads the scalar and stops at the start of the line after it.
  ///
  /// - Parameter parent: the column of the collection around it; -1 at the root.
  mutating func blockScalar(parent: Int) throws(RegistryFileError) -> String {
    let header = try blockScalarHeader()
    // An indicator at the root counts as below a collection at column 0.
    let indentation =
      if let given = header.indentation { max(parent, 0) + given } else {
        try detectIndentation(minimum: parent + 1)
      }
    return blockScalarText(header, indentation: indentation)
  }

  private mutating func blockScalarHeader() throws(RegistryFileError) -> YAMLBlockScalarHeader {
    var header = YAMLBlockScalarHeader(isFolded: peek() == ">")
    advance()
    for _ in 0..<2 {
      if peek() == "+" || peek() == "-", header.chomping == .clip {
        header.chomping = peek() == "+" ? .keep : .strip
        advance()
      } else if ("1"..."9").contains(peek()), header.indentation == nil {
        header.indentation = Int(peek().value - 0x30)
        advance()
      }
    }
    guard isBlank(at: 0) else {
      throw unexpected("expected '+', '-' or a digit from 1 to 9, then a line break")
    }
    try requireLineEnd()
    if !isAtEnd { takeBreak() }
    return header
  }

  /// The indentation of the first line that is not blank. Looks ahead and stays at the first line.
  private mutating func detectIndentation(minimum: Int) throws(RegistryFileError) -> Int {
    let start = (position: position, line: line, lineStart: lineStart)
    var blank: (width: Int, mark: YAMLMark)?
    skipSpaces()
    while peek().isYAMLBreak {
      if column > 0, blank == nil || blank.map({ $0.width != column }) == true {
        if blank != nil { throw unclearIndentation(mark) }
        blank = (column, mark)
      }
      takeBreak()
      skipSpaces()
    }
    let found = column
    if minimum == 0, isAtDocumentMarker {
      throw error(.unsupported, "readers disagree about a document marker right after '|' or '>'; write \"\"")
    }
    let hasText = !isAtEnd && found >= minimum
    if let blank, found > blank.width || (hasText && found < blank.width) {
      throw unclearIndentation(blank.mark)
    }
    let lastLine = isAtEnd ? found : 0
    (position, line, lineStart) = start
    return hasText ? found : max(minimum, blank?.width ?? 0, lastLine)
  }

  private func unclearIndentation(_ mark: YAMLMark) -> RegistryFileError {
    error(
      .unsupported, "spaces on a blank line leave the text's indentation unclear; remove them", at: mark)
  }

  /// The lines with at least that indentation, and the blank ones between them.
  private mutating func blockScalarText(_ header: YAMLBlockScalarHeader, indentation: Int) -> String {
    var value = YAMLTextBuffer()
    var breaks = takeBlankLines(indentation)
    var endsInBreak = false
    while isAtText(indentation) {
      value.append(contentsOf: repeatElement("\n", count: breaks))
      let isIndented = peek() == " " || peek() == "\t"
      takeLine(into: &value)
      endsInBreak = !isAtEnd
      if endsInBreak { takeBreak() }
      breaks = takeBlankLines(indentation)
      guard isAtText(indentation) else { break }
      let folds = header.isFolded && !isIndented && peek() != " " && peek() != "\t"
      if !folds { value.append("\n") } else if breaks == 0 { value.append(" ") }
    }
    if !isAtEnd { position = lineStart }
    if endsInBreak, header.chomping != .strip { value.append("\n") }
    if header.chomping == .keep { value.append(contentsOf: repeatElement("\n", count: breaks)) }
    return value.string
  }

  /// At the root, text may stand in column 0, and a document marker ends it.
  private func isAtText(_ indentation: Int) -> Bool {
    column == indentation && !isAtEnd && !isAtDocumentMarker
  }

  private mutating func takeLine(into value: inout YAMLTextBuffer) {
    let start = position
    while !isAtEnd, !peek().isYAMLBreak { advance() }
    value.append(contentsOf: text[start..<position])
  }

  /// Takes lines that have nothing but at most that many spaces, and the next line's indentation.
  private mutating func takeBlankLines(_ indentation: Int) -> Int {
    var count = 0
    while true {
      while column < indentation, peek() == " " { advance() }
      guard peek().isYAMLBreak else { return count }
      takeBreak()
      count += 1
    }
  }
}
