/// The name of an artifact: `churn`, or with the folder that declares it `models/eu:churn`.
///
/// Source: GTO, constants.py, `fullname`. Stricter than GTO where Git is: a name whose tags Git would
/// refuse (`a//b`, `..:x`, `x.lock/y:z`) is no name.
public struct ArtifactName: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The name as people write it, with `:` between folder and name. ASCII only.
  public let text: String

  /// - Throws: ``InvalidName`` with the place of the first thing that is not allowed.
  public init(_ text: String) throws(InvalidName) {
    try self.init(text, kind: "artifact name")
  }

  init(_ text: String, kind: String) throws(InvalidName) {
    let parts = text.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
    let nameOffset = parts.count == 2 ? parts[0].count + 1 : 0
    let problem =
      (parts.count == 2 ? Self.folderProblem(parts[0]) : nil)
      ?? PlainName.problem(in: parts[parts.count - 1]).map { ($0.reason, $0.offset + nameOffset) }
      ?? RefRules.problem(in: Self.tagText(text) + "@v0.0.0").map { ($0.reason, $0.offset) }
    if let problem {
      throw InvalidName(
        kind: kind, value: text, reason: problem.0, offset: problem.1, allowed: Self.allowed)
    }
    self.text = text
  }

  /// Reads the form that stands in tags, with `=` between folder and name.
  init(inTag text: String) throws(InvalidName) {
    let name = text.utf8.map { $0 == UInt8(ascii: "=") ? UInt8(ascii: ":") : $0 }
    if text.utf8.contains(UInt8(ascii: ":")) {
      throw InvalidName(
        kind: "artifact name", value: text, reason: "Git refuses ':'", offset: nil, allowed: Self.allowed)
    }
    try self.init(String(decoding: name, as: UTF8.self))
  }

  /// The form that stands in tags: `models/eu=churn`.
  public var inTag: String { Self.tagText(text) }

  /// The folder before the `:`, where there is one.
  public var folder: String? {
    text.firstIndex(of: ":").map { String(text[..<$0]) }
  }

  public var description: String { text }

  public static func < (left: ArtifactName, right: ArtifactName) -> Bool {
    left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
  }

  static let allowed = PlainName.allowed + "; a folder may stand before it: \"models/eu:churn\""

  private static func tagText(_ text: String) -> String {
    String(
      decoding: text.utf8.map { $0 == UInt8(ascii: ":") ? UInt8(ascii: "=") : $0 }, as: UTF8.self)
  }

  private static func folderProblem(_ folder: Substring.UTF8View) -> (String, Int)? {
    if folder.isEmpty { return ("the folder before ':' is empty", 0) }
    for (offset, byte) in folder.enumerated() where !PlainName.isInside(byte) && byte != UInt8(ascii: ".") {
      return (InvalidName.shown(byte), offset)
    }
    return nil
  }
}
