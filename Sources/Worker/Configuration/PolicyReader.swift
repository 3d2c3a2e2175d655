internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

extension TenantConfiguration {
  init(name: String, reading value: JSONValue, at path: String) throws(JSONShapeError) {
    var reader = try ObjectReader(value, path: path)
    self.name = name
    uids = try reader.numbers("uids")
    gids = try reader.numbers("gids")
    for user in try reader.optionalStrings("users") ?? [] {
      guard let uid = Accounts.uid(ofUser: user) else {
        throw reader.error("users", "there is no user \"\(user.escapedForMessage)\" on this host")
      }
      uids.insert(uid)
    }
    for group in try reader.optionalStrings("groups") ?? [] {
      guard let gid = Accounts.gid(ofGroup: group) else {
        throw reader.error("groups", "there is no group \"\(group.escapedForMessage)\" on this host")
      }
      gids.insert(gid)
    }
    try reader.finish()
    if name.isEmpty || name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
      throw JSONShapeError(
        path: path, message: "a tenant's name must not be empty or hold control characters")
    }
  }
}

extension Grant {
  init(index: Int, reading value: JSONValue, at path: String) throws(JSONShapeError) {
    var reader = try ObjectReader(value, path: path)
    try reader.only("tenants", "repositories", "artifacts", "actions", "stages")
    self.index = index
    tenants = Set(try reader.nonEmptyStrings("tenants"))
    repositories = try reader.nonEmptyStrings("repositories").map(Pattern.init)
    artifacts = try reader.optionalStrings("artifacts")?.map(Pattern.init)
    stages = try reader.optionalStrings("stages")?.map(Pattern.init)
    actions = []
    for word in try reader.nonEmptyStrings("actions") {
      if word == "*" {
        actions = Set(GrantedAction.allCases)
      } else if let action = GrantedAction(rawValue: word) {
        actions.insert(action)
      } else {
        let known = GrantedAction.allCases.map(\.rawValue)
        let hint = nearest(to: word, among: known).map { "; did you mean \"\($0)\"?" } ?? ""
        throw reader.error(
          "actions", "\"\(word.escapedForMessage)\" is none of \(known.joined(separator: ", ")), *\(hint)")
      }
    }
    try reader.finish()
  }
}

extension ObjectReader {
  fileprivate mutating func numbers(_ key: String) throws(JSONShapeError) -> Set<UInt32> {
    var numbers: Set<UInt32> = []
    for element in try optionalElements(key) ?? [] {
      // The last id means "no id" to the kernel (chown(2)).
      numbers.insert(UInt32(try element.value.integer(at: element.path, in: 0...Int64(UInt32.max - 1))))
    }
    return numbers
  }

  mutating func nonEmptyStrings(_ key: String) throws(JSONShapeError) -> [String] {
    guard let strings = try optionalStrings(key), !strings.isEmpty else {
      throw error(key, "is missing: name at least one")
    }
    return strings
  }
}

extension Limits {
  init(reading configuration: inout ObjectReader) throws(JSONShapeError) {
    guard var reader = try configuration.optionalObject("limits") else { return }
    func set(
      _ field: WritableKeyPath<Limits, Int>, _ key: String, _ range: ClosedRange<Int64>
    ) throws(JSONShapeError) {
      if let value = try reader.optionalInteger(key, in: range) { self[keyPath: field] = Int(value) }
    }
    try set(\.connections, "connections", 1...100_000)
    try set(\.connectionsPerUser, "connectionsPerUser", 1...100_000)
    try set(\.requestsPerConnection, "requestsPerConnection", 1...10_000)
    try set(\.requestsPerUser, "requestsPerUser", 1...1_000_000)
    try set(\.requestsPerSecond, "requestsPerSecond", 1...1_000_000)
    try set(\.requestBurst, "requestBurst", 1...1_000_000)
    try set(\.messageBytes, "messageBytes", 1...Int64(ProtocolLimits.messageBytes))
    try set(\.jobsPerTenantAndRepository, "jobsPerTenantAndRepository", 1...10_000_000)
    try set(\.frameSeconds, "frameSeconds", 1...3600)
    try set(\.idleSeconds, "idleSeconds", 1...86_400)
    try set(\.jobsPerTenant, "jobsPerTenant", 1...10_000_000)
    try set(\.attemptSeconds, "attemptSeconds", 1...3600)
    try set(\.attempts, "attempts", 1...1000)
    try set(\.backoffMilliseconds, "backoffMilliseconds", 1...60_000)
    try set(\.backoffMaximumSeconds, "backoffMaximumSeconds", 1...3600)
    try set(\.lanes, "lanes", 1...1000)
    try set(\.laneIdleSeconds, "laneIdleSeconds", 1...86_400)
    try set(\.finishedJobSeconds, "finishedJobSeconds", 60...31_536_000)
    try set(\.shutdownSeconds, "shutdownSeconds", 1...600)
    try reader.finish()
  }
}
