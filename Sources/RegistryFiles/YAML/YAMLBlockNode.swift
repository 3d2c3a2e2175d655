/// Nodes of block style, where indentation is the structure.
extension YAMLParser {
  /// The node after `-`, `?`, `:` or at the start.
  ///
  /// - Parameters:
  ///   - parent: the column of the collection around it; -1 at the root. The node stands deeper.
  ///   - compact: whether a collection may start on the indicator's own line, as in `- a: 1`.
  ///   - indentless: whether a sequence may stand in the parent's own column, as below a key.
  mutating func blockNode(
    parent: Int, compact: Bool, indentless: Bool
  ) throws(RegistryFileError) -> YAMLNode {
    let start = mark
    try skipToContent()
    if isFirstOnLine {
      if !isDeeper(than: parent, indentless: indentless) { return emptyNode(at: start) }
      return try blockContent(parent: parent, collections: true, indentless: indentless)
    }
    if isAtEnd { return emptyNode(at: start) }
    return try blockContent(parent: parent, collections: compact, indentless: indentless)
  }

  /// Whether the line at hand belongs to the node below `parent`.
  private func isDeeper(than parent: Int, indentless: Bool) -> Bool {
    if isAtEnd || isAtDocumentMarker { return false }
    return column > parent || (indentless && column == parent && isAtBlockEntry)
  }

  var isAtBlockEntry: Bool { peek() == "-" && isBlank(at: 1) }

  mutating func emptyNode(at mark: YAMLMark) -> YAMLNode { makeNode(.null, at: mark, weight: 0) }

  /// The node that starts here.
  ///
  /// - Parameter collections: whether a block collection may start here.
  private mutating func blockContent(
    parent: Int, collections: Bool, indentless: Bool
  ) throws(RegistryFileError) -> YAMLNode {
    let start = mark
    if isAtBlockEntry || (peek() == "?" && isBlank(at: 1)) {
      guard collections else {
        throw error(.syntax, "a block collection must start on a line of its own; indent it below its key")
      }
      return peek() == "-"
        ? try blockSequence(column: column, indentless: indentless && column == parent)
        : try blockMapping(firstKey: nil, at: start)
    }
    guard let properties = try properties() else {
      return try blockAtom(parent: parent, collections: collections, properties: nil, start: start)
    }
    skipSpaces()
    if isAtEnd || peek().isYAMLBreak || peek() == "#" {
      return try blockNodeBelow(properties, parent: parent, indentless: indentless, start: start)
    }
    if isAtBlockEntry || (peek() == "?" && isBlank(at: 1)) {
      throw error(.syntax, "a block collection must start on the line after its anchor or tag")
    }
    return try blockAtom(parent: parent, collections: collections, properties: properties, start: start)
  }

  /// The node whose anchor or tag stands alone on the line above.
  private mutating func blockNodeBelow(
    _ properties: YAMLProperties, parent: Int, indentless: Bool, start: YAMLMark
  ) throws(RegistryFileError) -> YAMLNode {
    try skipToContent()
    if peek() == "&" || peek() == "!" {
      throw error(.unsupported, "a second anchor or tag for one node; write at most one of each")
    }
    return try apply(properties, at: start) { (parser) throws(RegistryFileError) in
      guard parser.isDeeper(than: parent, indentless: indentless) else {
        return YAMLAtom(mark: start, value: .empty)
      }
      let node = try parser.blockContent(parent: parent, collections: true, indentless: indentless)
      return YAMLAtom(mark: start, value: .collection(node))
    }
  }

  /// A scalar, an alias or a flow collection; or the mapping whose first key it turns out to be.
  private mutating func blockAtom(
    parent: Int, collections: Bool, properties: YAMLProperties?, start: YAMLMark
  ) throws(RegistryFileError) -> YAMLNode {
    if peek() == "|" || peek() == ">" {
      return try apply(properties, at: start) { (parser) throws(RegistryFileError) in
        YAMLAtom(mark: start, value: .text(try parser.blockScalar(parent: parent), plain: false))
      }
    }
    let node = try apply(properties, at: start) { (parser) throws(RegistryFileError) in
      try parser.atom(minimumColumn: parent + 1)
    }
    guard try isAtValueIndicator() else {
      try requireLineEnd()
      return node
    }
    guard collections else {
      throw error(.syntax, "a key is not allowed here; put quotes around text that has ': '")
    }
    try checkImplicitKey(from: start)
    return try blockMapping(firstKey: node, at: start)
  }

  /// Whether a `:` follows that makes the scalar just read a key.
  mutating func isAtValueIndicator() throws(RegistryFileError) -> Bool {
    skipSpaces()
    return peek() == ":" && isBlank(at: 1)
  }

  /// Ensures that a key without `?` stands on one line and is no longer than YAML allows.
  func checkImplicitKey(from start: YAMLMark) throws(RegistryFileError) {
    if line != start.line {
      throw error(.syntax, "a key must stand on one line; put quotes around text that has ': '")
    }
    if position - start.position > 1024 {
      throw error(.limit, "a key has more than 1024 characters; write '? ' before it", at: start)
    }
  }
}
