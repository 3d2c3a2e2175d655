import RegistryFiles
import StrictJSON

extension FuzzTarget {
  /// A file that is accepted is written so that it reads the same, and aliases add no more to it than the limit
  /// allows. A file that is refused is refused at a place inside it.
  static let yaml = FuzzTarget("yaml") { input in
    let limits = YAMLLimits(maximumAliasExpansion: 1000)
    _ = try? GTOFile(parsing: input, limits: limits)
    _ = try? AnnotationFile(artifactsYAML: input, limits: limits)
    _ = try? AnnotationFile(dvcYAML: input, folder: "models/eu", limits: limits)
    let node: YAMLNode
    do throws(RegistryFileError) {
      node = try YAMLNode(parsing: input, file: "fuzz", limits: limits)
    } catch {
      return try checkPlace(error, input)
    }
    // Each byte makes two nodes at most, as ':' does: an empty key and an empty value.
    try check(count(node) <= 2 * input.count + 1 + limits.maximumAliasExpansion, "aliases made it too large")
    guard let value = try? node.json(file: "fuzz") else { return }
    let again = try YAMLNode(parsing: Array(flowText(value).utf8), file: "again").json(file: "again")
    try check(again == value, "what was written reads differently")
  }

  private static func checkPlace(_ error: RegistryFileError, _ input: [UInt8]) throws {
    let lines = input.count { $0 == 0x0A || $0 == 0x0D } + 1
    try check((1...lines).contains(error.line), "line \(error.line) of \(lines)")
    try check((1...input.count + 1).contains(error.column), "column \(error.column)")
  }

  private static func count(_ node: YAMLNode) -> Int {
    switch node.content {
    case .sequence(let entries): entries.reduce(1) { $0 + count($1) }
    case .mapping(let members): members.reduce(1) { $0 + count($1.key) + count($1.value) }
    default: 1
    }
  }

  /// The value in flow style, with explicit keys, and text that no rule of plain scalars concerns.
  private static func flowText(_ value: JSONValue) -> String {
    switch value {
    case .string(let text): quoted(text)
    case .array(let entries): "[" + entries.map(flowText).joined(separator: ", ") + "]"
    case .object(let object):
      "{" + object.members.map { "? \(quoted($0.key)) : \(flowText($0.value))" }.joined(separator: ", ") + "}"
    default: value.text()
    }
  }

  private static func quoted(_ text: String) -> String {
    let escaped = text.unicodeScalars.map { scalar in
      if scalar.properties.isAlphabetic, scalar.isASCII { return String(scalar) }
      let digits = String(scalar.value, radix: 16)
      return "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
    }
    return "\"" + escaped.joined() + "\""
  }
}
