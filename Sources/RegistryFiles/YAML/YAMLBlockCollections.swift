extension YAMLParser {
  /// The entries at one column, from the first `-` on.
  ///
  /// - Parameter indentless: the sequence stands in the column of the mapping around it, which goes on
  ///   after it.
  mutating func blockSequence(column: Int, indentless: Bool) throws(RegistryFileError) -> YAMLNode {
    let start = mark
    try enter()
    var entries: [YAMLNode] = []
    repeat {
      advance()
      entries.append(try entry(try blockNode(parent: column, compact: true, indentless: false)))
      try skipToContent()
    } while try isAtNextDash(column: column, indentless: indentless)
    leave()
    return makeNode(.sequence(entries), at: start)
  }

  private func isAtNextDash(column: Int, indentless: Bool) throws(RegistryFileError) -> Bool {
    guard try isAtNextEntry(column: column) else { return false }
    if isAtBlockEntry { return true }
    if indentless { return false }
    throw unexpected("expected '- ' like in the lines above")
  }

  /// Whether the collection goes on with the line at hand, by its indentation alone.
  private func isAtNextEntry(column: Int) throws(RegistryFileError) -> Bool {
    if isAtEnd || isAtDocumentMarker || self.column < column { return false }
    if self.column == column, isFirstOnLine { return true }
    throw error(.syntax, "this line is indented deeper than the ones above; align it or add quotes above")
  }

  /// The members at one column.
  ///
  /// - Parameters:
  ///   - firstKey: the first key where it was read already; nil where `?` stands here.
  ///   - start: where the first key starts.
  mutating func blockMapping(firstKey: YAMLNode?, at start: YAMLMark) throws(RegistryFileError) -> YAMLNode {
    try enter()
    var members = YAMLMembers()
    var key = firstKey
    repeat {
      try blockMember(key, column: start.column, into: &members)
      key = nil
      try skipToContent()
    } while try isAtNextEntry(column: start.column)
    leave()
    return makeNode(.mapping(members.finished()), at: start)
  }

  private mutating func blockMember(
    _ known: YAMLNode?, column: Int, into members: inout YAMLMembers
  ) throws(RegistryFileError) {
    let isExplicit = known == nil && peek() == "?" && isBlank(at: 1)
    if isExplicit {
      try explicitMember(column: column, into: &members)
      return
    }
    let key = if let known { known } else { try implicitKey() }
    advance()
    let value = try blockNode(parent: column, compact: false, indentless: true)
    try add(key, value, to: &members)
  }

  private mutating func implicitKey() throws(RegistryFileError) -> YAMLNode {
    let start = mark
    if isAtBlockEntry { throw error(.syntax, "expected a key like in the lines above, found '- '") }
    let properties = try properties()
    skipSpaces()
    if peek() == "|" || peek() == ">" { throw unexpected("expected a key") }
    let key = try apply(properties, at: start) { (parser) throws(RegistryFileError) in
      try parser.atom(minimumColumn: .max)
    }
    guard try isAtValueIndicator() else { throw unexpected("expected ':' and a space after a key") }
    try checkImplicitKey(from: start)
    return key
  }

  /// `? key` and, on a line of its own, `: value`.
  private mutating func explicitMember(
    column: Int, into members: inout YAMLMembers
  ) throws(RegistryFileError) {
    advance()
    let key = try blockNode(parent: column, compact: false, indentless: false)
    try skipToContent()
    guard isFirstOnLine, self.column == column, peek() == ":", isBlank(at: 1) else {
      try add(key, emptyNode(at: mark), to: &members)
      return
    }
    advance()
    let value = try blockNode(parent: column, compact: true, indentless: true)
    try add(key, value, to: &members)
  }
}
