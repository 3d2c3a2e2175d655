import StrictJSON

/// What stands before a node: at most one anchor and one tag.
struct YAMLProperties {
  var anchor: String?
  var tag: YAMLTag?
}

/// The tags that this reader knows: those that say what the value is, or that it is text after all.
enum YAMLTag: String {
  case string = "!!str"
  /// PyYAML writes it before times that it has to put quotes around.
  case timestamp = "!!timestamp"
  case sequence = "!!seq"
  case mapping = "!!map"
}

/// A node that aliases may repeat.
struct YAMLAnchor {
  /// Nil while the node is still being read: an alias to it would make an endless value.
  var node: YAMLNode?
  /// Nodes and characters in it.
  var weight = 0
  /// Levels of collections in it.
  var height = 0
}

/// What was read where a node may stand, before its tag is considered.
struct YAMLAtom {
  enum Value {
    case empty
    /// A scalar; only a plain one can mean something else than its text.
    case text(String, plain: Bool)
    case collection(YAMLNode)
    case alias(YAMLNode)
  }
  let mark: YAMLMark
  let value: Value
}

extension YAMLParser {
  /// Reads the anchor and the tag at the current place, in either order; nil where there is none.
  mutating func properties() throws(RegistryFileError) -> YAMLProperties? {
    var properties = YAMLProperties()
    while peek() == "&" || peek() == "!" {
      if peek() == "&" {
        guard properties.anchor == nil else { throw error(.syntax, "a node has two anchors; remove one") }
        advance()
        properties.anchor = try anchorName()
      } else {
        guard properties.tag == nil else { throw error(.syntax, "a node has two tags; remove one") }
        properties.tag = try tag()
      }
      let end = position
      skipSpaces()
      if peek() != "&" && peek() != "!" { position = end }
    }
    return properties.anchor == nil && properties.tag == nil ? nil : properties
  }

  /// The name after `&` or `*`: letters, digits, `-`, `_` and `.`, so that no reader takes more or less.
  mutating func anchorName() throws(RegistryFileError) -> String {
    let start = position
    while peek().isAnchorCharacter { advance() }
    let endsFlowEntry = flowDepth > 0 && (peek() == "," || peek() == "]" || peek() == "}")
    guard position > start, isBlank(at: 0) || endsFlowEntry else {
      throw unexpected("expected an anchor's name of letters, digits, '-', '_' and '.', then a space")
    }
    return String(scalars: text[start..<position])
  }

  private mutating func tag() throws(RegistryFileError) -> YAMLTag {
    let start = mark
    while !isBlank(at: 0) { advance() }
    let name = String(scalars: text[start.position..<position])
    if let tag = YAMLTag(rawValue: name) { return tag }
    throw error(
      .unsupported,
      "the tag \(name.escapedForMessage) is not supported; only !!str, !!timestamp, !!seq and !!map are",
      at: start)
  }

  /// Reads a node and gives it its tag and its anchor.
  mutating func apply(
    _ properties: YAMLProperties?, at start: YAMLMark,
    _ read: (inout YAMLParser) throws(RegistryFileError) -> YAMLAtom
  ) throws(RegistryFileError) -> YAMLNode {
    guard let anchor = properties?.anchor else {
      return try node(try read(&self), tag: properties?.tag, properties: properties, at: start)
    }
    anchors[anchor] = YAMLAnchor()
    let outer = (weight: weight, deepest: deepest)
    deepest = depth
    let node = try node(try read(&self), tag: properties?.tag, properties: properties, at: start)
    anchors[anchor] = YAMLAnchor(node: node, weight: weight - outer.weight, height: deepest - depth)
    deepest = max(deepest, outer.deepest)
    return node
  }

  private mutating func node(
    _ atom: YAMLAtom, tag: YAMLTag?, properties: YAMLProperties?, at start: YAMLMark
  ) throws(RegistryFileError) -> YAMLNode {
    switch (atom.value, tag) {
    case (.empty, nil): return makeNode(.null, at: start)
    case (.empty, .string): return makeNode(.string(""), at: start)
    case (.text("<<", plain: true), nil):
      return YAMLNode(content: .string("<<"), line: start.line, column: start.column + 1, isMergeKey: true)
    case (.text(let text, plain: true), nil):
      return makeNode(try resolve(text, at: atom.mark), at: start, weight: text.unicodeScalars.count)
    case (.text(let text, _), nil), (.text(let text, _), .string):
      return makeNode(.string(text), at: start, weight: text.unicodeScalars.count)
    case (.text(let text, _), .timestamp):
      return makeNode(try timestamp(text, at: atom.mark), at: start, weight: text.unicodeScalars.count)
    case (.collection(let node), nil):
      return YAMLNode(content: node.content, line: start.line, column: start.column + 1)
    case (.collection(let node), .some(let tag)) where tag.fits(node):
      return YAMLNode(content: node.content, line: start.line, column: start.column + 1)
    case (.alias(let node), nil) where properties == nil:
      return node
    case (.alias, _):
      throw error(.syntax, "an alias cannot have an anchor or a tag; remove it", at: start)
    case (_, .some(let tag)):
      throw error(.syntax, "the tag \(tag.rawValue) does not fit the value after it; remove it", at: start)
    }
  }

  /// Reads `*name` and charges for what it repeats.
  mutating func alias() throws(RegistryFileError) -> YAMLNode {
    let start = mark
    advance()
    let name = try anchorName()
    guard let anchor = anchors[name] else {
      throw error(.syntax, "no anchor named \(name) stands before this alias", at: start)
    }
    guard let node = anchor.node else {
      throw error(.unsupported, "the alias \(name) stands inside its own anchor", at: start)
    }
    weight += anchor.weight
    aliasExpansion += anchor.weight
    deepest = max(deepest, depth + anchor.height)
    if aliasExpansion > limits.maximumAliasExpansion {
      throw error(
        .limit, "aliases expand the file by more than \(limits.maximumAliasExpansion) nodes and characters",
        at: start)
    }
    if deepest > limits.maximumDepth { throw tooDeep(at: start) }
    return node
  }
}

/// Nodes, counted.
extension YAMLParser {
  mutating func makeNode(_ content: YAMLNode.Content, at mark: YAMLMark, weight: Int = 0) -> YAMLNode {
    self.weight += 1 + weight
    return YAMLNode(content: content, line: mark.line, column: mark.column + 1)
  }

  /// Enters a collection. Ensures the depth limit.
  mutating func enter() throws(RegistryFileError) {
    depth += 1
    deepest = max(deepest, depth)
    if depth > limits.maximumDepth { throw tooDeep(at: mark) }
  }

  mutating func leave() { depth -= 1 }

  private func tooDeep(at mark: YAMLMark) -> RegistryFileError {
    error(.limit, "collections are nested deeper than \(limits.maximumDepth) levels", at: mark)
  }
}

extension YAMLTag {
  fileprivate func fits(_ node: YAMLNode) -> Bool {
    switch (self, node.content) {
    case (.sequence, .sequence), (.mapping, .mapping): true
    default: false
    }
  }
}

extension Unicode.Scalar {
  fileprivate var isAnchorCharacter: Bool {
    switch self {
    case "a"..."z", "A"..."Z", "0"..."9", "-", "_", ".": true
    default: false
    }
  }
}

extension String {
  init(scalars: some Sequence<Unicode.Scalar>) {
    var buffer = YAMLTextBuffer()
    buffer.append(contentsOf: scalars)
    self = buffer.string
  }
}
