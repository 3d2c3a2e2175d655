import StrictJSON

/// Why a text is not a name of the kind that was asked for, where, and what would be allowed.
public struct InvalidName: Error, Equatable, Sendable, CustomStringConvertible {
  /// What the text was meant to be: "artifact name", "stage name", "version", "tag name".
  public let kind: String
  /// The text as it was given.
  public let value: String
  /// What is wrong with it.
  public let reason: String
  /// Bytes before the first offending one; nil where the whole is wrong.
  public let offset: Int?
  /// What is allowed, in words.
  public let allowed: String

  public var description: String {
    let place = offset.map { " at byte \($0 + 1)" } ?? ""
    return "invalid \(kind) \"\(value.escapedForMessage)\": \(reason)\(place); \(allowed)"
  }
}

extension InvalidName {
  /// Describes one byte for a message.
  static func shown(_ byte: UInt8) -> String {
    (0x21...0x7E).contains(byte)
      ? "'\(Character(Unicode.Scalar(byte)))' is not allowed" : "a character that is not allowed stands"
  }
}
