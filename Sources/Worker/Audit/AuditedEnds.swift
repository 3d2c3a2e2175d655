internal import AuditLog
internal import JobQueue
internal import StrictJSON
internal import WireProtocol

extension Repository {
  /// Records that tags may be pushed, for each of them; durable on return.
  ///
  /// - Returns: why it can't be recorded, so that nothing may be pushed.
  nonisolated func recordPush(_ jobs: [(job: Job, rule: String?, intents: [Intent])]) async -> AuditError? {
    await audit.decided(
      jobs.flatMap { job, rule, intents in
        var entry = AuditEntry(.push, of: job)
        entry.decision = .allowed
        entry.rule = rule
        entry.approvers = job.approval.map { $0.approvals.map(\.by.auditName) }
        return intents.map { entry.with($0) }
      })
  }

  /// Records how jobs end, before the journal says so; durable on return. A crash in between has the end found
  /// out once more, and recorded once more: none is ever missing.
  ///
  /// - Returns: why it can't be recorded, so that the jobs must not end yet.
  func recordEnds(_ events: [(id: JobID, event: JobEvent)]) async -> AuditError? {
    var entries: [AuditEntry] = []
    for (id, event) in events {
      guard let job = try? await store.current(id) else { continue }
      entries += AuditEntry.effects(of: event, on: job)
    }
    return await audit.recorded(entries)
  }

  /// Ends a job that has nothing in the remote.
  func reject(_ job: Job, _ error: WireError) async throws(JobStoreError) {
    if let failure = await recordEnds([(job.id, .rejected(JobError(error)))]) {
      return try await postpone([job], WireError(failure))
    }
    try await store.record(job.id, .rejected(JobError(error)))
  }
}

extension AuditEntry {
  /// How a job ends with an event: a line for each of its tags. None where it goes on.
  static func effects(of event: JobEvent, on job: Job) -> [AuditEntry] {
    guard let outcome = event.outcome else { return [] }
    var entry = AuditEntry(.effect, of: job)
    entry.outcome = outcome.outcome
    entry.code = outcome.error?.code
    entry.rule = outcome.error?.details?["rule"]?.stringValue
    if case .succeeded(let result) = event {
      entry.version = result["version"]?.stringValue ?? entry.version
    }
    return job.intents.isEmpty ? [entry] : job.intents.map { entry.with($0) }
  }
}

extension JobEvent {
  /// How the job ends with it; nil where it goes on, or was cancelled, which is recorded where it is asked for.
  fileprivate var outcome: (outcome: AuditEntry.Outcome, error: JobError?)? {
    switch self {
    case .succeeded: (.pushed, nil)
    case .rejected(let error): (.rejected, error)
    case .failed(let error): (.failed, error)
    default: nil
    }
  }
}
