/// The name of a stage, such as `prod` or `eu/canary`. Source: GTO, constants.py, `name`.
public struct StageName: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// ASCII only.
  public let text: String

  /// - Throws: ``InvalidName`` with the place of the first thing that is not allowed.
  public init(_ text: String) throws(InvalidName) {
    let problem =
      PlainName.problem(in: text[...].utf8)
      ?? RefRules.problem(in: "a#" + text).map { ($0.reason, max(0, $0.offset - 2)) }
    if let problem {
      throw InvalidName(
        kind: "stage name", value: text, reason: problem.reason, offset: problem.offset,
        allowed: PlainName.allowed)
    }
    self.text = text
  }

  public var description: String { text }

  public static func < (left: StageName, right: StageName) -> Bool {
    left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
  }
}
