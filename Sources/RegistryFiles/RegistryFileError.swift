import StrictJSON

/// Why a file of the repository cannot be used, and where.
///
/// Whoever reads a file decides nothing on its behalf: a file that cannot be read refuses what depends
/// on it, and this error names the place to repair.
public struct RegistryFileError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What kind of refusal this is; grows with versions, so a `switch` over it needs a default.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    private enum Value: String {
      case encoding, syntax, unsupported, limit, duplicateKey, shape, unknownKey, invalidName
    }
    private let value: Value

    /// The bytes are not UTF-8, or hold a character that YAML does not allow as it stands.
    public static let encoding = Code(value: .encoding)
    /// The text is not YAML.
    public static let syntax = Code(value: .syntax)
    /// The text may be YAML, but of a kind that this reader refuses rather than guesses.
    public static let unsupported = Code(value: .unsupported)
    /// One of ``YAMLLimits`` is exceeded.
    public static let limit = Code(value: .limit)
    /// A mapping has one key twice.
    public static let duplicateKey = Code(value: .duplicateKey)
    /// A value has another type than its key asks for, or a required key is missing.
    public static let shape = Code(value: .shape)
    /// A key that this file cannot have.
    public static let unknownKey = Code(value: .unknownKey)
    /// A name that GTO would not accept.
    public static let invalidName = Code(value: .invalidName)

    public var description: String { value.rawValue }
  }

  public let code: Code
  /// The file's path in the repository, as the caller gave it.
  public let file: String
  /// From 1.
  public let line: Int
  /// In Unicode scalars ("characters" of most editors), from 1.
  public let column: Int
  /// What is wrong and what to do about it. Quoted pieces of the file are escaped and cut short.
  public let message: String

  public init(code: Code, file: String, line: Int, column: Int, message: String) {
    self.code = code
    self.file = file
    self.line = line
    self.column = column
    self.message = message
  }

  public var description: String { "\(file.escapedForMessage):\(line):\(column): \(message)" }
}
