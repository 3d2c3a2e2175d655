/// Scalars, aliases and flow collections: what looks the same in block and in flow style.
extension YAMLParser {
  /// Reads one of them.
  ///
  /// - Parameter minimumColumn: from which column on the next line continues a plain scalar in block
  ///   style.
  mutating func atom(minimumColumn: Int) throws(RegistryFileError) -> YAMLAtom {
    let start = mark
    let value: YAMLAtom.Value =
      switch peek() {
      case "\"": .text(try doubleQuoted(), plain: false)
      case "'": .text(try singleQuoted(), plain: false)
      case "[": .collection(try flowSequence())
      case "{": .collection(try flowMapping())
      case "*": .alias(try alias())
      default: .text(try plainScalar(minimumColumn: minimumColumn), plain: true)
      }
    return YAMLAtom(mark: start, value: value)
  }

  private mutating func flowSequence() throws(RegistryFileError) -> YAMLNode {
    let start = mark
    try enterFlow()
    var entries: [YAMLNode] = []
    while try isAtFlowEntry(close: "]") {
      entries.append(try entry(try flowEntry()))
      try endFlowEntry(close: "]")
    }
    leaveFlow()
    return makeNode(.sequence(entries), at: start)
  }

  /// A node, or `key: value`, which stands for a mapping of one member.
  private mutating func flowEntry() throws(RegistryFileError) -> YAMLNode {
    let start = mark
    if peek() == "?", isBlank(at: 1) { return try flowPair(firstKey: nil, at: start) }
    let node = try flowNode(emptyAt: nil, takesColon: true)
    try skipFlowSpace()
    guard peek() == ":", isBlank(at: 1) else { return node }
    return try flowPair(firstKey: node, at: start)
  }

  private mutating func flowPair(firstKey: YAMLNode?, at start: YAMLMark) throws(RegistryFileError)
    -> YAMLNode
  {
    try enter()
    var members = YAMLMembers()
    try flowMember(firstKey, at: start, close: "]", into: &members)
    leave()
    return makeNode(.mapping(members.finished()), at: start)
  }

  private mutating func flowMapping() throws(RegistryFileError) -> YAMLNode {
    let start = mark
    try enterFlow()
    var members = YAMLMembers()
    while try isAtFlowEntry(close: "}") {
      try flowMember(at: mark, close: "}", into: &members)
      try endFlowEntry(close: "}")
    }
    leaveFlow()
    return makeNode(.mapping(members.finished()), at: start)
  }

  private mutating func enterFlow() throws(RegistryFileError) {
    try enter()
    flowDepth += 1
    advance()
  }

  private mutating func leaveFlow() {
    leave()
    flowDepth -= 1
    advance()
  }

  private mutating func isAtFlowEntry(close: Unicode.Scalar) throws(RegistryFileError) -> Bool {
    try skipFlowSpace()
    return peek() != close
  }

  /// After an entry: takes a comma, or stays at the end of the collection.
  private mutating func endFlowEntry(close: Unicode.Scalar) throws(RegistryFileError) {
    try skipFlowSpace()
    if peek() == close { return }
    guard peek() == "," else {
      throw unexpected("expected ',' or '\(close)'")
    }
    advance()
  }

  /// `key: value`, `? key : value`, or a key alone, whose value is null.
  ///
  /// - Parameters:
  ///   - known: the key where it was read already.
  ///   - keyStart: where the member starts.
  ///   - close: what ends the collection around it. Only `{ }` takes a `:` right after a quoted key.
  private mutating func flowMember(
    _ known: YAMLNode? = nil, at keyStart: YAMLMark, close: Unicode.Scalar, into members: inout YAMLMembers
  ) throws(RegistryFileError) {
    let isExplicit = known == nil && peek() == "?" && isBlank(at: 1)
    if isExplicit {
      advance()
      try skipFlowSpace()
    }
    let isQuoted = peek() == "\"" || peek() == "'"
    let key = if let known { known } else { try flowNode(emptyAt: nil, takesColon: false) }
    try skipFlowSpace()
    guard peek() == ":" else {
      try add(key, emptyNode(at: mark), to: &members)
      return
    }
    guard isBlank(at: 1) || (isQuoted && close == "}") else { throw unexpected("expected a space after ':'") }
    if !isExplicit { try checkImplicitKey(from: keyStart) }
    advance()
    try skipFlowSpace()
    try add(key, try flowNode(emptyAt: mark, takesColon: close == "]"), to: &members)
  }

  /// - Parameters:
  ///   - emptyAt: where a missing node would stand; nil where it must not be missing.
  ///   - takesColon: whether text may start with `:`. In `{ }`, ruamel.yaml decides that by chance.
  private mutating func flowNode(emptyAt: YAMLMark?, takesColon: Bool) throws(RegistryFileError) -> YAMLNode {
    let start = mark
    if let emptyAt, peek() == "," || peek() == "}" || peek() == "]" { return emptyNode(at: emptyAt) }
    let properties = try properties()
    if properties != nil {
      try skipFlowSpace()
      if peek() == "&" || peek() == "!" {
        throw error(.syntax, "a node has at most one anchor and one tag; remove the others")
      }
    }
    return try apply(properties, at: start) { (parser) throws(RegistryFileError) in
      if properties != nil, parser.peek() == "," || parser.peek() == "]" || parser.peek() == "}" {
        return YAMLAtom(mark: start, value: .empty)
      }
      parser.colonStartsFlowText = takesColon && properties == nil
      return try parser.atom(minimumColumn: 0)
    }
  }
}
