import StrictJSON

@testable import RegistryFiles

extension YAMLNode {
  /// The value in the form in which the Python oracle shows its values.
  var shown: JSONValue {
    switch content {
    case .null: .null
    case .bool(let value): ["b", .bool(value)]
    case .integer(let value): ["i", .string(String(value))]
    case .float(let value): ["f", .string(value.isNaN ? "nan" : String(value.bitPattern))]
    case .timestamp(let value): ["t", .string(value)]
    case .string(let value): .string(value)
    case .sequence(let entries): .array(["l"] + entries.map(\.shown))
    case .mapping(let members): .array(["m"] + members.map { [$0.key.shown, $0.value.shown] })
    }
  }

  /// The place of every node in the order of the file; null where the file has no character for it.
  var places: [JSONValue] {
    let own: JSONValue = [.integer(Int64(line)), .integer(Int64(column))]
    return switch content {
    case .null: [own]
    case .sequence(let entries): [own] + entries.flatMap(\.places)
    case .mapping(let members): [own] + members.flatMap { $0.key.places + $0.value.places }
    default: [own]
    }
  }
}

/// The value of a text, for tables.
func read(_ text: String, limits: YAMLLimits = YAMLLimits()) throws(RegistryFileError) -> YAMLNode {
  try YAMLNode(parsing: Array(text.utf8), file: "test.yaml", limits: limits)
}
