internal import AuditLog
internal import JobQueue
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

extension ClientHandler {
  /// Methods that change something and are recorded here. Writes and approvals record themselves, before
  /// their job is acknowledged, and before it goes on.
  private static let recorded: Set = ["job.cancel"]

  /// Has a request answered, and recorded what was decided about it.
  func recorded(
    _ request: Request, _ peer: Peer, _ body: () async throws(WireError) -> JSONValue
  ) async throws(WireError) -> JSONValue {
    let isRecorded = Self.recorded.contains(request.method)
    if isRecorded { try await worker.checkAudit() }
    let result: JSONValue
    do throws(WireError) {
      result = try await body()
    } catch {
      // Who decides about somebody else's job is told what everybody is told about a job that does not exist.
      let isForeign =
        ["job.cancel", "approve", "reject"].contains(request.method) && error.code == .unknownJob
      // How a job ended, which the caller waited for, is no refusal of the wait.
      let isOfJob = error.details?["job"] != nil
      if error.category == .denied && !isOfJob || isForeign {
        await worker.audit.deny(AuditEntry(denied: request, peer: peer, error))
      }
      throw error
    }
    if isRecorded {
      var entry = AuditEntry(.request)
      entry.decision = .allowed
      entry.action = request.method
      entry.peer = AuditEntry.Peer(peer)
      await worker.fillIn(&entry, from: request)
      if let error = await worker.audit.recorded([entry]) { throw WireError(error) }
    }
    return result
  }
}

extension AdminHandler {
  private static let recorded: Set = ["pause", "resume", "drain", "retry", "cancel", "reload"]

  /// Has a command carried out and recorded, with how it ended.
  func recorded(
    _ request: Request, _ peer: Peer, _ body: () async throws(WireError) -> JSONValue
  ) async throws(WireError) -> JSONValue {
    guard Self.recorded.contains(request.method) else { return try await body() }
    try await worker.checkAudit()
    var entry = AuditEntry(.admin)
    entry.action = request.method
    entry.peer = AuditEntry.Peer(peer)
    entry.repository = request.params["repository"]?.stringValue
    await worker.fillIn(&entry, from: request)
    do throws(WireError) {
      let result = try await body()
      entry.outcome = .done
      if let error = await worker.audit.recorded([entry]) { throw WireError(error) }
      return result
    } catch {
      if entry.outcome == nil {
        entry.outcome = .rejected
        entry.code = error.code.rawValue
        _ = await worker.audit.recorded([entry])
      }
      throw error
    }
  }
}

extension Worker {
  /// The job that a request is about, and whose it is and what it does, so that the line is found by that too.
  fileprivate func fillIn(_ entry: inout AuditEntry, from request: Request) async {
    guard let text = request.params["job"]?.stringValue else { return }
    entry.job = text
    guard let number = UInt64(text), let job = try? await store.job(JobID(number)) else { return }
    let known = AuditEntry(entry.event, of: job)
    (entry.tenant, entry.repository) = (known.tenant, known.repository)
    (entry.artifact, entry.stage, entry.version) = (known.artifact, known.stage, known.version)
  }

  /// Records that somebody decides about a job, before the job goes on; durable on return, unless the word changes nothing
  /// any more.
  ///
  /// - Returns: what is to be recorded again where the word comes too late after all; nil where it is known to.
  func recordDecision(
    _ action: String, about job: Job, by peer: Peer
  ) async throws(WireError) -> AuditEntry? {
    var entry = AuditEntry(.request, of: job)
    entry.decision = .allowed
    entry.action = action
    entry.peer = AuditEntry.Peer(peer)
    entry.tenant = policy.tenants(of: peer).first
    let hasApproved = job.approval?.approvals.contains { $0.by.uid == peer.uid } ?? false
    do throws(AuditError) {
      if job.state.name == .awaitingApproval, !hasApproved || action != "approve" {
        try await audit.decide([entry])
        return entry
      }
      try await audit.repeated(entry)
      return nil
    } catch {
      throw WireError(error)
    }
  }

  /// - Throws: `audit_unavailable` where nothing can be recorded, so that nothing may be changed.
  func checkAudit() async throws(WireError) {
    do throws(AuditError) { try await audit.checkRoom() } catch { throw WireError(error) }
  }
}
