internal import StrictJSON

/// What the journal keeps of approvals.
extension ApprovalPlan {
  var json: JSONValue {
    object([
      ("version", version.map { .string($0) }), ("commit", .string(commit)), ("stage", .string(stage)),
      ("holder", holder.map { .string($0) }),
    ])
  }

  init(json: JSONValue, path: String) throws(JSONShapeError) {
    var reader = try ObjectReader(json, path: path)
    self.init(
      version: try reader.optionalString("version"), commit: try reader.string("commit"),
      stage: try reader.string("stage"), holder: try reader.optionalString("holder"))
    try reader.finish()
  }
}

extension Approver {
  var json: JSONValue {
    object([
      ("uid", .integer(Int64(uid))), ("gid", .integer(Int64(gid))),
      ("groups", .array(groups.map { .integer(Int64($0)) })), ("user", user.map { .string($0) }),
      ("fixedTenant", fixedTenant.map { .string($0) }), ("tenants", .array(tenants.map { .string($0) })),
    ])
  }

  init(json: JSONValue, path: String) throws(JSONShapeError) {
    var reader = try ObjectReader(json, path: path)
    let range = 0...Int64(UInt32.max)
    var groups: [UInt32] = []
    for (value, path) in try reader.optionalElements("groups") ?? [] {
      groups.append(UInt32(try value.integer(at: path, in: range)))
    }
    self.init(
      uid: UInt32(try reader.integer("uid", in: range)), gid: UInt32(try reader.integer("gid", in: range)),
      groups: groups, user: try reader.optionalString("user"),
      fixedTenant: try reader.optionalString("fixedTenant"),
      tenants: try reader.optionalStrings("tenants") ?? [])
    try reader.finish()
  }
}

extension Approval {
  fileprivate var json: JSONValue {
    object([
      ("by", by.json), ("message", message.map { .string($0) }), ("time", .integer(time)),
    ])
  }

  fileprivate init(json: JSONValue, path: String) throws(JSONShapeError) {
    var reader = try ObjectReader(json, path: path)
    self.init(
      by: try Approver(json: try reader.required("by"), path: reader.path(of: "by")),
      message: try reader.optionalString("message"), time: try reader.time("time"))
    try reader.finish()
  }
}

extension ApprovalRequest {
  var json: JSONValue {
    object([
      ("plan", plan.json), ("asked", .integer(askedAt)), ("expires", .integer(expiresAt)),
      ("approvals", approvals.isEmpty ? nil : .array(approvals.map(\.json))),
    ])
  }

  init(json: JSONValue, path: String) throws(JSONShapeError) {
    var reader = try ObjectReader(json, path: path)
    self.init(
      plan: try ApprovalPlan(json: try reader.required("plan"), path: reader.path(of: "plan")),
      askedAt: try reader.time("asked"), expiresAt: try reader.time("expires"))
    for (value, path) in try reader.optionalElements("approvals") ?? [] {
      approvals.append(try Approval(json: value, path: path))
    }
    try reader.finish()
  }
}
