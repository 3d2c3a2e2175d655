import StrictJSON

/// The members of a mapping while it is read.
struct YAMLMembers {
  fileprivate(set) var own: [YAMLNode.Member] = []
  fileprivate var keys: Set<YAMLKey> = []
  /// What `<<` brought, in the order in which later ones win; nil where there is no `<<`.
  fileprivate var merged: [YAMLNode.Member]?

  /// Merged members stand first; a member of the mapping's own replaces a merged one in its place.
  func finished() -> [YAMLNode.Member] {
    guard let merged else { return own }
    var members: [YAMLNode.Member] = []
    var places: [YAMLKey: Int] = [:]
    for member in merged + own {
      guard let key = YAMLKey(member.key.content) else { continue }
      if let place = places[key] {
        members[place] = YAMLNode.Member(key: members[place].key, value: member.value)
      } else {
        places[key] = members.count
        members.append(member)
      }
    }
    return members
  }
}

/// When two keys are the same key: as in Python, where `1`, `1.0` and `true` are.
enum YAMLKey: Hashable {
  case null
  case integer(Int64)
  /// By its bits, so that NaN equals itself.
  case float(UInt64)
  case date([UInt8])
  /// By its bytes: Swift's strings take NFC and NFD for the same.
  case string([UInt8])

  /// Nil for collections and times, which cannot be keys.
  init?(_ content: YAMLNode.Content) {
    switch content {
    case .null: self = .null
    case .bool(let value): self = .integer(value ? 1 : 0)
    case .integer(let value): self = .integer(value)
    case .float(let value):
      self = Self.whole(value).map(Self.integer) ?? .float(value.bitPattern)
    case .timestamp(let value):
      guard value.utf8.count == 10 else { return nil }
      self = .date(Array(value.utf8))
    case .string(let value): self = .string(Array(value.utf8))
    case .sequence, .mapping: return nil
    }
  }
}

extension YAMLKey {
  /// The integer that equals the number. `Int64(exactly:)` would need the C math library at link time.
  private static func whole(_ value: Double) -> Int64? {
    let limit = 9_223_372_036_854_775_808.0
    guard value >= -limit, value < limit else { return nil }
    let integer = Int64(value)
    return Double(integer) == value ? integer : nil
  }
}

extension YAMLParser {
  /// Adds a member, or what the merge key `<<` brings.
  func add(
    _ key: YAMLNode, _ value: YAMLNode, to members: inout YAMLMembers
  ) throws(RegistryFileError) {
    if key.isMergeKey { return try merge(value, at: key, into: &members) }
    guard let identity = YAMLKey(key.content) else {
      throw error(.unsupported, "\(key.kind) cannot be a key; write text in quotes", at: key)
    }
    guard members.keys.insert(identity).inserted else {
      let name = key.string.map { " \"\($0.escapedForMessage)\"" } ?? ""
      throw error(.duplicateKey, "the key\(name) stands here for the second time; remove one", at: key)
    }
    members.own.append(YAMLNode.Member(key: key, value: try entry(value)))
  }

  /// The node, which may stand as a value.
  func entry(_ node: YAMLNode) throws(RegistryFileError) -> YAMLNode {
    if node.isMergeKey {
      throw error(.unsupported, "<< merges mappings and can only be a key; put quotes around text", at: node)
    }
    return node
  }

  private func merge(
    _ value: YAMLNode, at key: YAMLNode, into members: inout YAMLMembers
  ) throws(RegistryFileError) {
    if members.merged != nil {
      throw error(.duplicateKey, "<< stands here for the second time; merge a list of aliases", at: key)
    }
    switch value.content {
    case .mapping(let merged): members.merged = merged
    case .sequence(let sources):
      var merged: [YAMLNode.Member] = []
      // The first source wins, so it goes last.
      for source in sources.reversed() {
        guard case .mapping(let members) = source.content else { throw notMergeable(source) }
        merged += members
      }
      members.merged = merged
    default: throw notMergeable(value)
    }
  }

  private func notMergeable(_ node: YAMLNode) -> RegistryFileError {
    error(.shape, "<< needs a mapping or a list of mappings, found \(node.kind)", at: node)
  }

  private func error(
    _ code: RegistryFileError.Code, _ message: String, at node: YAMLNode
  ) -> RegistryFileError {
    RegistryFileError(code: code, file: file, line: node.line, column: node.column, message: message)
  }
}
