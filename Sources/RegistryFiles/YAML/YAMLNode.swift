/// One value of a YAML file and where it stands.
public struct YAMLNode: Sendable {
  /// What a node holds. Scalars are resolved as ruamel.yaml resolves them, which GTO and DVC read with:
  /// YAML 1.2's core schema, and beyond it timestamps, `0b` integers and `_` between digits.
  public enum Content: Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case float(Double)
    /// A date (`2024-05-01`) or a time (`2024-05-01T10:00:00+00:00`) in the form of ISO 8601.
    case timestamp(String)
    case string(String)
    case sequence([YAMLNode])
    /// In the order of the file; what `<<` merges stands first. Keys are scalars and differ from each other.
    case mapping([Member])
  }

  /// One key of a mapping and its value.
  public struct Member: Sendable {
    public let key: YAMLNode
    public let value: YAMLNode

    public init(key: YAMLNode, value: YAMLNode) {
      self.key = key
      self.value = value
    }
  }

  public let content: Content
  /// From 1: the line of the node's first character, its anchor and tag included. What an alias stands
  /// for keeps the place where it was written.
  public let line: Int
  /// In Unicode scalars, from 1.
  public let column: Int
  /// Whether this is a plain `<<`, which as a key merges mappings and cannot be anything else.
  let isMergeKey: Bool

  public init(content: Content, line: Int, column: Int) {
    self.init(content: content, line: line, column: column, isMergeKey: false)
  }

  init(content: Content, line: Int, column: Int, isMergeKey: Bool) {
    self.content = content
    self.line = line
    self.column = column
    self.isMergeKey = isMergeKey
  }

  /// What a person calls this kind of value, for error messages.
  public var kind: String {
    switch content {
    case .null: "nothing"
    case .bool: "a boolean"
    case .integer: "an integer"
    case .float: "a number"
    case .timestamp: "a date"
    case .string: "a string"
    case .sequence: "a list"
    case .mapping: "a mapping"
    }
  }

  /// The text when this is a string.
  public var string: String? { if case .string(let value) = content { value } else { nil } }

  /// The members when this is a mapping.
  public var members: [Member]? { if case .mapping(let value) = content { value } else { nil } }

  /// The value of a string key, compared as bytes, when this is a mapping that has it.
  public subscript(key: String) -> YAMLNode? {
    members?.first { $0.key.string.map { $0.utf8.elementsEqual(key.utf8) } ?? false }?.value
  }
}
