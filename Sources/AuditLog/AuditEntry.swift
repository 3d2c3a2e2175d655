internal import StrictJSON
internal import WireProtocol

/// One thing that was decided or done: what a line of the audit log says, without its place in the chain.
/// Members that do not apply are nil. Source: docs/audit.md.
public struct AuditEntry: Sendable, Hashable {
  public enum Event: String, Sendable, CaseIterable {
    /// The worker started, or ends in order.
    case start, stop
    /// A client's request was let in or refused.
    case request
    /// The policy was asked again before tags leave the worker.
    case push
    /// What became of a job at the Git server, or why it never got there.
    case effect
    /// An administrator changed something.
    case admin
  }

  public enum Decision: String, Sendable, CaseIterable { case allowed, denied }

  public enum Outcome: String, Sendable, CaseIterable {
    /// The remote has what was asked for: the tag, or for `delete` no tag any more.
    case pushed
    /// The server, a rule or the policy said no.
    case rejected
    /// The attempts are used up.
    case failed
    /// An administrator's command was carried out.
    case done
    /// It was let in and has changed nothing: it had been done before, or came too late.
    case unchanged
  }

  /// Who it was, by the kernel's word.
  public struct Peer: Sendable, Hashable {
    public var uid: UInt32
    public var gid: UInt32?
    /// For people: the number may belong to another process by now.
    public var pid: Int32?
    public var user: String?

    public init(uid: UInt32, gid: UInt32? = nil, pid: Int32? = nil, user: String? = nil) {
      self.uid = uid
      self.gid = gid
      self.pid = pid
      self.user = user
    }
  }

  public var event: Event
  public var decision: Decision?
  public var outcome: Outcome?
  public var action: String?
  public var peer: Peer?
  public var tenant: String?
  /// What decided, such as `grants[1]`.
  public var rule: String?
  public var repository: String?
  public var artifact: String?
  public var stage: String?
  public var version: String?
  public var job: String?
  public var ref: String?
  public var objectID: String?
  /// The error's code where something was refused.
  public var code: String?
  /// Who approved, `uid` or `uid (user)` each.
  public var approvers: [String]?
  /// Of a summary: how many equal ones it stands for.
  public var count: Int?
  /// Of a summary: when the first of them came, in milliseconds since 1970.
  public var since: Int64?

  public init(_ event: Event) { self.event = event }

  /// The longest text of a client that is kept, in bytes; what is longer is cut.
  static let maximumText = 256
}

extension AuditEntry {
  /// The members of the line, in their order.
  var members: JSONObject {
    var members: [(key: String, value: JSONValue)] = [("event", .string(event.rawValue))]
    func add(_ key: String, _ text: String?) {
      if let text { members.append((key, .string(text.cut(to: Self.maximumText)))) }
    }
    add("decision", decision?.rawValue)
    add("outcome", outcome?.rawValue)
    add("action", action)
    if let peer { members.append(("peer", .object(peer.json))) }
    add("tenant", tenant)
    add("rule", rule)
    add("repository", repository)
    add("artifact", artifact)
    add("stage", stage)
    add("version", version)
    add("job", job)
    add("ref", ref)
    add("objectId", objectID)
    add("code", code)
    if let approvers {
      let texts = approvers.prefix(64).map { JSONValue.string($0.cut(to: Self.maximumText)) }
      members.append(("approvers", .array(texts)))
    }
    if let count { members.append(("count", .integer(Int64(count)))) }
    if let since { members.append(("since", .string(timestamp(milliseconds: since)))) }
    return JSONObject(distinct: members)
  }
}

extension AuditEntry.Peer {
  fileprivate var json: JSONObject {
    JSONObject(present: [
      ("uid", .integer(Int64(uid))), ("gid", gid.map { .integer(Int64($0)) }),
      ("pid", pid.map { .integer(Int64($0)) }),
      ("user", user.map { .string($0.cut(to: AuditEntry.maximumText)) }),
    ])
  }
}

extension String {
  /// The text, or as much of its beginning as fits, with an ellipsis.
  func cut(to limit: Int) -> String {
    if utf8.count <= limit { return self }
    var left = limit
    let kept = unicodeScalars.prefix { scalar in
      left -= UTF8.width(scalar)
      return left >= 0
    }
    return String(kept) + "…"
  }
}
