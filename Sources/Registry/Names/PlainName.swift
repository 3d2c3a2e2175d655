/// GTO's rule for a name (constants.py, `name`): letters and digits at both ends, inside also `-`, `/`
/// and `_`. Stages are such names, and so is an artifact's name after its folder.
public enum PlainName {
  public static let allowed =
    "allowed are letters, digits, '-', '_' and '/', and a letter or digit at both ends"

  /// What is wrong with the text, and after how many bytes; nil where it is a name.
  static func problem(in text: Substring.UTF8View) -> (reason: String, offset: Int)? {
    guard let first = text.first, let last = text.last else { return ("it is empty", 0) }
    if let wrong = text.firstIndex(where: { !isInside($0) }) {
      return (InvalidName.shown(text[wrong]), text.distance(from: text.startIndex, to: wrong))
    }
    if !first.isLetterOrDigit { return ("it starts with '\(Character(Unicode.Scalar(first)))'", 0) }
    if !last.isLetterOrDigit {
      return ("it ends with '\(Character(Unicode.Scalar(last)))'", text.count - 1)
    }
    return nil
  }

  /// Whether the text is such a name.
  public static func isName(_ text: String) -> Bool { problem(in: text[...].utf8) == nil }

  /// Whether the text can stand before the `:` of an artifact's full name (constants.py, `dirname`).
  public static func isFolder(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { isInside($0) || $0 == UInt8(ascii: ".") }
  }

  /// Whether a name may have this byte, though perhaps not at its ends.
  public static func isInside(_ byte: UInt8) -> Bool {
    byte.isLetterOrDigit || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "/")
      || byte == UInt8(ascii: "_")
  }
}
