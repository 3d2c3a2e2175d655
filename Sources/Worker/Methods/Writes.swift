internal import AuditLog
internal import JobQueue
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

extension ClientHandler {
  /// `register`, `assign`, `unassign`, `deregister`, `deprecate`, `rollback`.
  func write(
    _ action: WriteAction, _ params: JSONValue, _ peer: Peer, _ events: EventSink
  ) async throws(WireError) -> JSONValue {
    let request: WriteRequest
    do throws(JSONShapeError) {
      request = try WriteRequest(action, params: params)
    } catch {
      throw WireError(error)
    }
    let (repository, tenant) = try worker.authorize(request.access, for: peer)
    try RequestCheck.check(request)
    // A key that is known gets its job back, whatever is frozen now; a new one is refused when it is planned.
    if request.requestKey == nil {
      try worker.settings.current.policy.checkFreeze(request.access, at: WallClock.seconds)
    }
    let longest = worker.configuration.limits.messageBytes
    if let message = request.message, message.utf8.count > longest {
      throw WireError(
        JSONShapeError(
          path: "params.message", message: "is longer than the \(longest) bytes that this worker takes"))
    }
    if request.dryRun { return try await repository.preview(request, tenant: tenant) }
    let job = JobRequest(request, peer, tenant: tenant)
    if worker.settings.current.isDraining, !(await worker.store.isKnown(job)) {
      throw WireError(
        .shuttingDown, category: .retry, "the worker finishes its jobs and accepts no more; try again later",
        retryAfter: 30)
    }
    var decision = AuditEntry(
      allowed: request.access, action: request.auditAction, peer: peer, tenant: tenant,
      rule: worker.policy.rule(request.access, tenant: tenant))
    decision.version = request.version
    let submission = try await worker.records.submit(job, decision) { repository.wakeSoon() }
    if request.wait { return try await waitForEnd(of: submission.job.id, events) }
    return worker.status(submission.job).json
  }
}

extension JobRequest {
  fileprivate init(_ request: WriteRequest, _ peer: Peer, tenant: String) {
    self.init(
      repository: request.repository, artifact: request.artifact,
      requester: Requester(
        uid: peer.uid, user: peer.userName, tenant: tenant,
        fixedTenant: peer.fixedTenant),
      requestKey: request.requestKey, body: .object(request.body), deadline: request.deadline)
  }
}

extension WriteRequest {
  var access: Access {
    Access(delete ? .delete : action.granted, repository: repository, artifact: artifact, stage: stage)
  }
}

extension WriteRequest {
  /// The action's name in the audit log.
  fileprivate var auditAction: String { delete ? "delete" : action.rawValue }
}

extension WriteAction {
  /// What a grant must allow for it.
  fileprivate var granted: GrantedAction {
    switch self {
    case .register: .register
    // A rollback makes an assignment, which its caller could ask for as well.
    case .assign, .rollback: .assign
    case .unassign: .unassign
    case .deregister: .deregister
    case .deprecate: .deprecate
    }
  }
}
