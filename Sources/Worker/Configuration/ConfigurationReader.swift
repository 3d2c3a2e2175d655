internal import AuditLog
internal import StrictJSON
internal import SystemCalls

/// Why a configuration can't be used: the file, the place in it, what to do.
public struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
  public let message: String

  public init(_ message: String) { self.message = message }

  public var description: String { message }
}

extension Configuration {
  /// The largest configuration file, in bytes.
  static let fileLimit = 4 * 1024 * 1024

  /// Reads the configuration file: JSON5 (comments, trailing commas, keys without quotes).
  ///
  /// - Throws: ``ConfigurationError`` that names the file and the first place that is wrong.
  public init(file path: String) throws(ConfigurationError) {
    let bytes: [UInt8]
    do throws(SystemCallError) {
      bytes = try Files.read(path, limit: Self.fileLimit)
    } catch {
      throw ConfigurationError("cannot read the configuration: \(error)")
    }
    do throws(ConfigurationError) {
      try self.init(json5: bytes)
    } catch {
      throw ConfigurationError("\(path): \(error)")
    }
  }

  /// The same from the file's content.
  public init(json5 bytes: [UInt8]) throws(ConfigurationError) {
    let value: JSONValue
    do throws(JSONSyntaxError) {
      value = try JSONValue(parsing: bytes, dialect: .json5)
    } catch {
      throw ConfigurationError("\(error)")
    }
    do throws(JSONShapeError) {
      try value.refuseNulls()
      try self.init(reading: value)
    } catch {
      throw ConfigurationError("\(error)")
    }
  }

  init(reading value: JSONValue) throws(JSONShapeError) {
    var reader = try ObjectReader(value)
    try reader.only(
      "stateDirectory", "sockets", "repositories", "tenants", "grants", "conditions", "audit", "limits")
    stateDirectory = try reader.absolutePath("stateDirectory") ?? "/var/lib/stagekeeper"
    (clientSockets, adminSocket) = try Self.readSockets(&reader)
    repositories = try Self.readRepositories(&reader)
    tenants = try Self.readTenants(&reader)
    grants = try Self.readGrants(&reader)
    conditions = try Self.readConditions(&reader)
    audit = try AuditSettings(reading: &reader)
    limits = try Limits(reading: &reader)
    try reader.finish()
    try checkSockets(areListed: value["sockets"]?["clients"] != nil)
    try checkReferences()
  }

  private static func readRepositories(
    _ reader: inout ObjectReader
  ) throws(JSONShapeError) -> [RepositoryConfiguration] {
    guard var members = try reader.optionalObject("repositories") else {
      throw reader.error("repositories", "is missing: {} where there is none yet")
    }
    var repositories: [RepositoryConfiguration] = []
    for member in members.allMembers() {
      repositories.append(try RepositoryConfiguration(id: member.key, reading: member.value, at: member.path))
    }
    return repositories
  }

  private static func readTenants(_ reader: inout ObjectReader) throws(JSONShapeError)
    -> [TenantConfiguration]
  {
    guard var members = try reader.optionalObject("tenants") else { return [] }
    var tenants: [TenantConfiguration] = []
    for member in members.allMembers() {
      tenants.append(try TenantConfiguration(name: member.key, reading: member.value, at: member.path))
    }
    return tenants
  }

  private static func readGrants(_ reader: inout ObjectReader) throws(JSONShapeError) -> [Grant] {
    var grants: [Grant] = []
    for (index, element) in (try reader.optionalElements("grants") ?? []).enumerated() {
      grants.append(try Grant(index: index, reading: element.value, at: element.path))
    }
    return grants
  }

  private static func readConditions(
    _ reader: inout ObjectReader
  ) throws(JSONShapeError) -> [Condition] {
    var conditions: [Condition] = []
    for (index, element) in (try reader.optionalElements("conditions") ?? []).enumerated() {
      conditions.append(try Condition(index: index, reading: element.value, at: element.path))
    }
    return conditions
  }

  /// A tenant that is named and does not exist is a misspelt one.
  private func checkReferences() throws(JSONShapeError) {
    for grant in grants { try checkTenants(grant.tenants.sorted(), "grants[\(grant.index)].tenants") }
    for rule in conditions.compactMap(\.approvals) {
      try checkTenants(rule.approvers, "conditions[\(rule.condition)].approvals.approvers")
    }
  }

  func checkTenants(_ named: [String], _ path: String) throws(JSONShapeError) {
    let names = tenants.map(\.name)
    // Names that only look alike would be one to whoever reads them.
    guard Set(names).count == names.count else {
      throw JSONShapeError(
        path: "tenants", message: "two names are the same but for how their letters are encoded")
    }
    for tenant in named where !names.contains(tenant) {
      let hint = nearest(to: tenant, among: names).map { "; did you mean \"\($0)\"?" } ?? ""
      throw JSONShapeError(
        path: path, message: "there is no tenant \"\(tenant.escapedForMessage)\"\(hint)")
    }
  }
}

extension JSONValue {
  /// How deep the file's keys stand: `conditions[0].freeze[0].days[0]`. What is deeper is refused by its kind.
  private static let levels = 6

  /// A `null` would count as left out, and what is left out is often what allows most.
  fileprivate func refuseNulls(at path: String = "", level: Int = 0) throws(JSONShapeError) {
    if level > Self.levels { return }
    switch self {
    case .null:
      throw JSONShapeError(
        path: path, message: "expected a value, found null: leave the key out for its default")
    case .array(let elements):
      for (index, element) in elements.enumerated() {
        try element.refuseNulls(at: "\(path)[\(index)]", level: level + 1)
      }
    case .object(let object):
      for (key, value) in object.members {
        let prefix = path.isEmpty ? "" : "\(path)."
        try value.refuseNulls(at: prefix + key.escapedForMessage, level: level + 1)
      }
    default: break
    }
  }
}
