public import StrictJSON

/// How the approval of a job stands: the job's member `approval`. Source: proto-spec/protocol.md, "Approvals".
public struct ApprovalStatus: Sendable, Equatable {
  /// What was planned when approvers were asked: what they approve, and nothing else.
  public struct Plan: Sendable, Equatable {
    public var version: String?
    /// The commit's id.
    public var commit: String
    public var stage: String
    /// The version that the stage holds, and that is replaced; nil where it holds none.
    public var current: String?

    public init(version: String?, commit: String, stage: String, current: String?) {
      self.version = version
      self.commit = commit
      self.stage = stage
      self.current = current
    }
  }

  /// One condition of the configuration that asks for approvals.
  public struct Condition: Sendable, Equatable {
    public var required: Int64
    /// How many approvals count for it.
    public var approved: Int64
    /// The tenants whose approvals count for it.
    public var approvers: [String]

    public init(required: Int64, approved: Int64, approvers: [String]) {
      self.required = required
      self.approved = approved
      self.approvers = approvers
    }
  }

  /// One approval.
  public struct Given: Sendable, Equatable {
    public var uid: Int64
    public var user: String?
    public var tenant: String?
    /// Milliseconds since 1970.
    public var at: Int64
    public var message: String?
    /// Whether it counts by the rules as they are now.
    public var counts: Bool

    public init(uid: Int64, user: String?, tenant: String?, at: Int64, message: String?, counts: Bool) {
      self.uid = uid
      self.user = user
      self.tenant = tenant
      self.at = at
      self.message = message
      self.counts = counts
    }
  }

  /// How many approvals the conditions ask for; one that counts for several is counted for each.
  public var required: Int64
  /// How many of them there are.
  public var approved: Int64
  /// Nil before approvers were asked.
  public var plan: Plan?
  /// Milliseconds since 1970.
  public var askedAt: Int64?
  public var expiresAt: Int64?
  public var conditions: [Condition]
  public var approvals: [Given]

  public init(
    conditions: [Condition], plan: Plan? = nil, askedAt: Int64? = nil, expiresAt: Int64? = nil,
    approvals: [Given] = []
  ) {
    self.conditions = conditions
    self.plan = plan
    self.askedAt = askedAt
    self.expiresAt = expiresAt
    self.approvals = approvals
    required = conditions.reduce(0) { $0 + $1.required }
    approved = conditions.reduce(0) { $0 + min($1.approved, $1.required) }
  }

  public var json: JSONValue {
    var object = JSONObject()
    object["required"] = .integer(required)
    object["approved"] = .integer(approved)
    object["plan"] = plan?.json
    object["askedAt"] = askedAt.map { .string(timestamp(milliseconds: $0)) }
    object["expiresAt"] = expiresAt.map { .string(timestamp(milliseconds: $0)) }
    object["conditions"] = .array(conditions.map(\.json))
    object["approvals"] = .array(approvals.map(\.json))
    return .object(object)
  }

  /// Reads it as a client does: members that it does not know are ignored.
  public init?(json: JSONValue) {
    guard let required = json["required"]?.integerValue, let approved = json["approved"]?.integerValue
    else { return nil }
    self.init(
      conditions: (json["conditions"]?.arrayValue ?? []).compactMap(Condition.init(json:)),
      plan: json["plan"].flatMap(Plan.init(json:)),
      askedAt: json["askedAt"]?.stringValue.flatMap(milliseconds(timestamp:)),
      expiresAt: json["expiresAt"]?.stringValue.flatMap(milliseconds(timestamp:)),
      approvals: (json["approvals"]?.arrayValue ?? []).compactMap(Given.init(json:)))
    self.required = required
    self.approved = approved
  }
}

extension ApprovalStatus.Plan {
  var json: JSONValue {
    [
      "version": version.map { .string($0) } ?? .null, "commit": .string(commit), "stage": .string(stage),
      "current": current.map { .string($0) } ?? .null,
    ]
  }

  init?(json: JSONValue) {
    guard let commit = json["commit"]?.stringValue, let stage = json["stage"]?.stringValue else { return nil }
    self.init(
      version: json["version"]?.stringValue, commit: commit, stage: stage,
      current: json["current"]?.stringValue)
  }
}

extension ApprovalStatus.Condition {
  var json: JSONValue {
    [
      "required": .integer(required), "approved": .integer(approved),
      "approvers": .array(approvers.map { .string($0) }),
    ]
  }

  init?(json: JSONValue) {
    guard let required = json["required"]?.integerValue, let approved = json["approved"]?.integerValue
    else { return nil }
    self.init(
      required: required, approved: approved,
      approvers: (json["approvers"]?.arrayValue ?? []).compactMap(\.stringValue))
  }
}

extension ApprovalStatus.Given {
  var json: JSONValue {
    var object = JSONObject()
    object["uid"] = .integer(uid)
    object["user"] = user.map { .string($0) }
    object["tenant"] = tenant.map { .string($0) }
    object["at"] = .string(timestamp(milliseconds: at))
    object["message"] = message.map { .string($0) }
    object["counts"] = .bool(counts)
    return .object(object)
  }

  init?(json: JSONValue) {
    guard let uid = json["uid"]?.integerValue,
      let at = json["at"]?.stringValue.flatMap(milliseconds(timestamp:))
    else { return nil }
    self.init(
      uid: uid, user: json["user"]?.stringValue, tenant: json["tenant"]?.stringValue, at: at,
      message: json["message"]?.stringValue, counts: json["counts"]?.boolValue ?? true)
  }
}
