internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

/// `hello`: which protocol and what else this worker can do.
enum Hello {
  /// Features that clients may ask for by name before they use them. Never removed within a protocol version.
  static let capabilities = [
    "wait", "dryRun", "requestKey", "jobList", "ifCurrent", "rollback", "verify", "approvals", "conditions",
    "delete",
  ]

  static func answer(_ params: JSONValue, _ worker: Worker, socket: String) throws(WireError) -> JSONValue {
    let offered = try readParameters(params) { reader throws(JSONShapeError) in
      _ = try reader.optionalString("client")
      return try protocols(&reader)
    }
    guard offered.contains(ProtocolLimits.version) else {
      throw WireError(
        .unsupportedProtocol, category: .usage, "this worker speaks protocol \(ProtocolLimits.version) only",
        details: JSONObject([("supported", [.integer(ProtocolLimits.version)])]))
    }
    return [
      "protocol": .integer(ProtocolLimits.version),
      "worker": ["id": .string(worker.identity), "version": .string(Worker.version)],
      "capabilities": .array(capabilities.map { .string($0) }),
      "limits": [
        "requestBytes": .integer(Int64(ProtocolLimits.requestBytes)),
        "replyBytes": .integer(Int64(ProtocolLimits.replyBytes)),
        "depth": .integer(Int64(ProtocolLimits.depth)),
        "messageBytes": .integer(Int64(worker.configuration.limits.messageBytes)),
      ],
      "socket": .string(socket),
    ]
  }

  /// One version, several, or none, which means the first.
  private static func protocols(_ reader: inout ObjectReader) throws(JSONShapeError) -> [Int64] {
    guard let value = reader.value("protocol") else { return [ProtocolLimits.version] }
    let path = reader.path(of: "protocol")
    guard case .array(let elements) = value else {
      return [try value.integer(at: path, in: .min ... .max)]
    }
    var versions: [Int64] = []
    for element in elements { versions.append(try element.integer(at: path, in: .min ... .max)) }
    return versions
  }
}

extension ClientHandler {
  /// `whoami`: the peer as the kernel and the policy see it.
  func whoami(_ params: JSONValue, _ peer: Peer, socket: String = "client") throws(WireError)
    -> JSONValue
  {
    try readParameters(params) { _ in }
    let tenants = worker.policy.tenants(of: peer)
    let grants = worker.policy.grants(of: peer)
    let repositories: [JSONValue] = worker.configuration.repositories.compactMap { repository in
      let mine = grants.filter { grant in grant.repositories.contains { $0.matches(repository.id) } }
      // What is about other artifacts or stages is nothing that this caller has to know.
      let conditions = worker.policy.conditions.filter { condition in
        condition.repositories.contains { $0.matches(repository.id) }
          && mine.contains { condition.overlaps($0, stages: condition.stages) }
      }
      return mine.isEmpty
        ? nil
        : [
          "repository": .string(repository.id), "grants": .array(mine.map(\.json)),
          "conditions": .array(conditions.map(\.json)),
        ]
    }
    return [
      "uid": .integer(Int64(peer.uid)), "gid": .integer(Int64(peer.gid)),
      "groups": .array(peer.groups.map { .integer(Int64($0)) }),
      "user": peer.userName.map { .string($0) } ?? .null,
      "tenant": tenants.first.map { .string($0) } ?? .null,
      "tenants": .array(tenants.map { .string($0) }), "socket": .string(socket),
      "repositories": .array(repositories),
    ]
  }
}

extension Grant {
  /// As `whoami` shows it; null means all.
  var json: JSONValue {
    [
      "artifacts": list(artifacts), "actions": .array(actions.map(\.rawValue).sorted().map { .string($0) }),
      "stages": list(stages),
    ]
  }
}

extension Condition {
  /// As `whoami` shows it: what somebody has to know who wants to fulfil it.
  fileprivate var json: JSONValue {
    var object = JSONObject()
    object["artifacts"] = list(artifacts)
    object["stages"] = list(stages)
    object["from"] = from.map { list($0) }
    object["branches"] = branches.map { list($0) }
    object["types"] = types.map { list($0) }
    if signed { object["signed"] = true }
    if freeze != nil { object["freeze"] = true }
    object["approvals"] = approvals.map { ["required": .integer(Int64($0.required))] }
    return .object(object)
  }
}

private func list(_ patterns: [Pattern]?) -> JSONValue {
  patterns.map { .array($0.map { .string($0.text) }) } ?? .null
}
