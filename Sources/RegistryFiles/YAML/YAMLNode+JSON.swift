public import StrictJSON

extension YAMLNode {
  /// The value as JSON: dates become strings, integer keys their decimal digits, as in GTO's own JSON.
  ///
  /// - Parameter file: the file's path, for errors.
  /// - Throws: ``RegistryFileError`` for what JSON cannot say: infinity, NaN, keys of other types,
  ///   keys that would become equal, and more than 1024 keys in one mapping.
  public func json(file: String) throws(RegistryFileError) -> JSONValue {
    switch content {
    case .null: return .null
    case .bool(let value): return .bool(value)
    case .integer(let value): return .integer(value)
    case .float(let value):
      if value.isFinite { return .number(value) }
      throw error(
        .shape, "infinity and NaN cannot be passed on; write a finite number or quote it", file: file)
    case .timestamp(let text), .string(let text): return .string(text)
    case .sequence(let entries): return .array(try Self.array(entries, file: file))
    case .mapping(let members):
      // Building a JSONObject takes quadratic time.
      if members.count <= Self.maximumMembers { return .object(try Self.object(members, file: file)) }
      throw error(
        .limit, "a mapping with more than \(Self.maximumMembers) keys cannot be passed on; shorten it",
        file: file)
    }
  }

  private static let maximumMembers = 1024

  private static func array(_ entries: [YAMLNode], file: String) throws(RegistryFileError) -> [JSONValue] {
    var array: [JSONValue] = []
    for entry in entries { array.append(try entry.json(file: file)) }
    return array
  }

  private static func object(_ members: [Member], file: String) throws(RegistryFileError) -> JSONObject {
    var seen: Set<[UInt8]> = []
    var pairs: [(key: String, value: JSONValue)] = []
    for member in members {
      let key = try member.key.jsonKey(file: file)
      guard seen.insert(Array(key.utf8)).inserted else {
        throw member.key.error(.duplicateKey, "this key stands here as text and as a number", file: file)
      }
      pairs.append((key, try member.value.json(file: file)))
    }
    return JSONObject(pairs)
  }

  private func jsonKey(file: String) throws(RegistryFileError) -> String {
    switch content {
    case .string(let text), .timestamp(let text): return text
    case .integer(let value): return String(value)
    default: throw error(.shape, "\(kind) cannot be a key here; put quotes around it", file: file)
    }
  }

  /// An error at this node.
  func error(_ code: RegistryFileError.Code, _ message: String, file: String) -> RegistryFileError {
    RegistryFileError(code: code, file: file, line: line, column: column, message: message)
  }
}
