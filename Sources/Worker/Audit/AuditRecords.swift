internal import AuditLog
internal import JobQueue
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

extension AuditLog {
  /// The same as ``record(_:)``, for those who go on in any case.
  func recorded(_ entries: [AuditEntry]) async -> AuditError? {
    do throws(AuditError) {
      try await record(entries)
      return nil
    } catch {
      return error
    }
  }
}

extension WireError {
  /// Why nothing is changed: what can't be recorded is not done. The path stays out of it.
  init(_ error: AuditError) {
    if error.code == .closed {
      self.init(.shuttingDown, category: .retry, "the worker is shutting down; try again", retryAfter: 5)
      return
    }
    let reason = error.underlying.map { "\($0.errno)" } ?? error.message
    let remedy =
      error.code == .failed
      ? "an administrator must mend that and start the worker again" : "an administrator must make room"
    self.init(
      .auditUnavailable, category: .retry,
      "the audit log can't be written (\(reason)), so that nothing is changed; reads go on; \(remedy)",
      retryAfter: 30)
  }
}

extension Worker {
  /// ``Peer`` where ``AuditEntry/Peer`` hides that name.
  typealias Caller = Peer
}

extension AuditEntry.Peer {
  init(_ peer: Worker.Caller) {
    self.init(uid: peer.uid, gid: peer.gid, pid: peer.pid, user: peer.userName)
  }

  init(_ requester: Requester) { self.init(uid: requester.uid, user: requester.user) }
}

extension Approver {
  /// `uid` or `uid (user)`.
  var auditName: String { user.map { "\(uid) (\($0))" } ?? "\(uid)" }
}

extension AuditEntry {
  /// A request that was let in.
  init(allowed access: Access, action: String, peer: Worker.Caller, tenant: String, rule: String?) {
    self.init(.request)
    decision = .allowed
    self.action = action
    self.peer = Peer(peer)
    self.tenant = tenant
    self.rule = rule
    repository = access.repository
    artifact = access.artifact
    stage = access.stage
  }

  /// A request that was refused because its caller may not ask for it.
  init(denied request: Request, peer: Worker.Caller, _ error: WireError) {
    self.init(.request)
    decision = .denied
    action = request.method
    self.peer = Peer(peer)
    repository = request.params["repository"]?.stringValue
    artifact = request.params["artifact"]?.stringValue ?? request.params["name"]?.stringValue
    stage = request.params["stage"]?.stringValue
    version = request.params["version"]?.stringValue
    job = request.params["job"]?.stringValue
    rule = error.details?["rule"]?.stringValue
    code = error.code.rawValue
  }

  /// Something about a job, whoever it happens to.
  init(_ event: Event, of job: Job) {
    self.init(event)
    let body = job.request.body
    action = body["delete"]?.boolValue == true ? "delete" : body["action"]?.stringValue
    peer = Peer(job.request.requester)
    tenant = job.request.requester.tenant
    repository = job.request.repository
    artifact = job.request.artifact
    stage = body["stage"]?.stringValue
    version = body["version"]?.stringValue
    self.job = "\(job.id)"
  }

  /// The same for one of its tags.
  func with(_ intent: Intent) -> AuditEntry {
    var copy = self
    // As the protocol names tags.
    let prefix = "refs/tags/"
    copy.ref = intent.ref.hasPrefix(prefix) ? String(intent.ref.dropFirst(prefix.count)) : intent.ref
    copy.objectID = intent.objectID
    return copy
  }
}

extension WireError.Code {
  static let auditUnavailable = Self(rawValue: "audit_unavailable")
}
