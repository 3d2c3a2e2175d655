extension YAMLNode {
  /// Reads a YAML file of one document.
  ///
  /// What is accepted has the value that ruamel.yaml 0.19 gives it (`YAML(typ="safe", pure=True)`, as GTO
  /// calls it). Everything else is refused with its place, also where it would be valid YAML:
  /// `docs/repository-files.md` lists what.
  ///
  /// - Parameters:
  ///   - bytes: the whole file; an empty one is null.
  ///   - file: its path, for errors.
  /// - Throws: ``RegistryFileError`` at the first thing that is not fully understood.
  public init(
    parsing bytes: some Collection<UInt8>, file: String, limits: YAMLLimits = YAMLLimits()
  ) throws(RegistryFileError) {
    let text = try YAMLParser.decode(bytes, file: file, limits: limits)
    var parser = YAMLParser(text: text, file: file, limits: limits)
    self = try parser.document()
  }
}

/// A recursive-descent parser over Unicode scalars. It never goes back: a scalar is read first, and the
/// `:` after it decides whether it was a key. Recursion is bounded by the depth limit.
struct YAMLParser {
  let text: [Unicode.Scalar]
  let file: String
  let limits: YAMLLimits

  var position = 0
  var line = 1
  /// Where the current line starts.
  var lineStart = 0
  /// Where the first token of its line was found last: block collections may start only there.
  var firstOnLine = -1

  var anchors: [String: YAMLAnchor] = [:]
  /// Nodes and characters so far, aliases expanded.
  var weight = 0
  /// The part of it that aliases added.
  var aliasExpansion = 0
  /// The deepest level since it was last reset, aliases expanded.
  var deepest = 0
  var depth = 0
  /// Flow collections that are open.
  var flowDepth = 0
  /// Whether a plain scalar of flow style may start with a `:` where the parser is.
  var colonStartsFlowText = false

  init(text: [Unicode.Scalar], file: String, limits: YAMLLimits) {
    self.text = text
    self.file = file
    self.limits = limits
  }

  /// A document: an optional `---`, one node, an optional `...`.
  mutating func document() throws(RegistryFileError) -> YAMLNode {
    try skipToContent()
    if isFirstOnLine, column == 0, peek() == "%" {
      throw error(.unsupported, "directives (%YAML, %TAG) are not supported; remove the line")
    }
    if isAt(marker: "-") {
      advance(3)
    } else if isAt(marker: ".") {
      throw error(.unsupported, "'...' ends a document that has not started; remove it")
    }
    let node = try entry(try blockNode(parent: -1, compact: false, indentless: false))
    try skipToContent()
    try documentEnd()
    return node
  }

  private mutating func documentEnd() throws(RegistryFileError) {
    if isAt(marker: ".") {
      advance(3)
      try skipToContent()
      if isAtEnd { return }
      throw error(.unsupported, "expected nothing after '...'; keep one document per file")
    }
    if isAtEnd { return }
    if isAt(marker: "-") {
      throw error(.unsupported, "a second document starts here; keep one document per file")
    }
    throw unexpected("expected the end of the file or a line indented like the ones above")
  }
}
