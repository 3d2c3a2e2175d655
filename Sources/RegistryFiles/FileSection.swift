import StrictJSON

/// One mapping of a file, read key by key, with errors that name the place and the key.
struct FileSection {
  let file: String
  let node: YAMLNode
  /// What stands here in words, for errors: `the artifact "churn"`.
  let title: String

  /// - Throws: where the node is no mapping.
  init(_ node: YAMLNode, title: String, file: String) throws(RegistryFileError) {
    guard node.members != nil else {
      throw node.error(.shape, "\(title) must be a mapping of keys, found \(node.kind)", file: file)
    }
    (self.node, self.title, self.file) = (node, title, file)
  }

  func error(_ code: RegistryFileError.Code, _ message: String, at node: YAMLNode) -> RegistryFileError {
    node.error(code, message, file: file)
  }

  /// Each member with its key, which must be text.
  func members() throws(RegistryFileError) -> [(key: String, keyNode: YAMLNode, value: YAMLNode)] {
    var members: [(key: String, keyNode: YAMLNode, value: YAMLNode)] = []
    for member in node.members ?? [] {
      guard let key = member.key.string else {
        throw error(
          .shape, "\(title) has \(member.key.kind) as a key; put quotes around it", at: member.key)
      }
      members.append((key, member.key, member.value))
    }
    return members
  }

  /// Text; nil where the key is missing.
  ///
  /// - Parameter allowsNull: whether the key may stand without a value, which counts as missing.
  func string(_ key: String, allowsNull: Bool = false) throws(RegistryFileError) -> String? {
    guard let value = node[key] else { return nil }
    if allowsNull, case .null = value.content { return nil }
    guard let text = value.string else { throw wrongType(key, "text", value) }
    return text
  }

  /// A boolean, or what GTO (pydantic) takes for one: 0, 1 and a few words; nil where the key is missing.
  func bool(_ key: String) throws(RegistryFileError) -> Bool? {
    guard let value = node[key] else { return nil }
    switch value.content {
    case .bool(let bool): return bool
    case .integer(0), .float(0): return false
    case .integer(1), .float(1): return true
    case .string(let text):
      let word = text.lowercased()
      if ["true", "t", "yes", "y", "on", "1"].contains(word) { return true }
      if ["false", "f", "no", "n", "off", "0"].contains(word) { return false }
    default: break
    }
    throw error(.shape, "\(key) must be true or false, found \(value.kind)", at: value)
  }

  /// A list of texts with the place of each; nil where the key is missing.
  func strings(
    _ key: String, allowsNull: Bool = false
  ) throws(RegistryFileError) -> [(text: String, node: YAMLNode)]? {
    guard let value = node[key] else { return nil }
    if allowsNull, case .null = value.content { return nil }
    guard case .sequence(let entries) = value.content else { throw wrongType(key, "a list", value) }
    var strings: [(text: String, node: YAMLNode)] = []
    for entry in entries {
      guard let text = entry.string else { throw wrongType("each of \(key)", "text", entry) }
      strings.append((text, entry))
    }
    return strings
  }

  /// Any value as JSON; nil where the key is missing or null.
  func json(_ key: String) throws(RegistryFileError) -> JSONValue? {
    guard let value = try node[key]?.json(file: file), value != .null else { return nil }
    return value
  }

  /// Refuses keys outside the list.
  func refuseOthers(than known: [String]) throws(RegistryFileError) {
    for (key, keyNode, _) in try members() where !known.contains(key) {
      throw unknownKey(key, at: keyNode, known: known)
    }
  }

  func unknownKey(_ key: String, at node: YAMLNode, known: [String]) -> RegistryFileError {
    let hint = nearest(to: key, among: known).map { "did you mean \($0)?" } ?? "remove it"
    return error(.unknownKey, "\(title) has no key \"\(key.escapedForMessage)\"; \(hint)", at: node)
  }

  private func wrongType(_ key: String, _ expected: String, _ found: YAMLNode) -> RegistryFileError {
    let hint = expected == "text" ? "; put quotes around it" : ""
    return error(.shape, "\(key) must be \(expected), found \(found.kind)\(hint)", at: found)
  }
}
