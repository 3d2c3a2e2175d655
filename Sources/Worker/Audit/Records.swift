internal import AuditLog
internal import JobQueue
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

/// The journal and the audit log: what belongs into both goes through here, in the order that keeps it true.
///
/// It shares its executor with both, and with the connections of clients, so that a request changes threads for the file
/// work alone. And both share the queue of their files: a line of the log is written before the record that carries it
/// is, and so before anybody is told.
actor Records {
  private nonisolated let executor: any SerialQueue
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  private let store: JobStore
  private let audit: AuditLog

  /// - Parameter executor: that of the store and of the log.
  init(_ store: JobStore, _ audit: AuditLog, executor: any SerialQueue) {
    self.store = store
    self.audit = audit
    self.executor = executor
  }

  /// Accepts a request, or finds the job that an equal one has become. The job and the decision that let it in are
  /// durable on return: the journal's record has both, until the audit log has synced its line.
  ///
  /// - Parameters:
  ///   - decision: the line for the audit log, but for the job's number.
  ///   - begin: called once the job stands in line, before it is durable: it can be planned meanwhile, and nothing of it
  ///     is pushed before its intents are durable, which are behind it in the journal.
  /// - Throws: what the queue says no to; `audit_unavailable` where the decision can't be recorded. The job is taken
  ///   back then; where it has begun, the error's `pendingJob` names it.
  func submit(
    _ request: JobRequest, _ decision: AuditEntry, begin: @Sendable () -> Void = {}
  ) async throws(WireError) -> Submission {
    let (submission, mark, carried) = try await accept(request, decision)
    if !submission.isPaused { begin() }
    try await journalling { () throws(JobStoreError) in try await store.untilDurable(mark) }
    do throws(AuditError) {
      if let carried {
        if !isWritten(carried.last) { try await audit.untilWritten(carried.last) }
      } else {
        // Nothing is done anew, so that it need not be durable.
        try await audit.repeated(decision.about(submission.job.id))
      }
      return submission
    } catch {
      throw await takeBack(submission, error)
    }
  }

  /// Whether the log's file has a line. As a rule it has, for the journal's file work wrote it too; then nothing is waited
  /// for.
  private func isWritten(_ line: UInt64) -> Bool { audit.assumeIsolated { $0.isWritten(line) } }

  /// Accepts it where there is room for its line, for which it waits.
  private func accept(
    _ request: JobRequest, _ decision: AuditEntry
  ) async throws(WireError) -> (Submission, mark: UInt64, CarriedLines?) {
    while true {
      let accepted = try await journalling { () throws(JobStoreError) in
        try await store.accept(request) { [audit] id in
          // On their common executor.
          audit.assumeIsolated { $0.canDecide ? CarriedLines($0.carry([decision.about(id)])) : nil }
        }
      }
      if let accepted { return accepted }
      do throws(AuditError) { try await audit.checkRoom() } catch { throw WireError(error) }
    }
  }

  private func journalling<Value>(
    _ body: () async throws(JobStoreError) -> Value
  ) async throws(WireError) -> Value {
    do throws(JobStoreError) { return try await body() } catch { throw WireError(error) }
  }

  /// Undoes what was accepted without its decision.
  ///
  /// - Returns: what the client is told, which is true whether that worked or not.
  private func takeBack(_ submission: Submission, _ failure: AuditError) async -> WireError {
    // A job that was there before has its line.
    if !submission.isNew { return WireError(failure) }
    let isGone = (try? await store.withdraw(submission.job.id)) ?? false
    return isGone ? WireError(failure) : WireError(failure, keeping: submission.job.id)
  }

  // MARK: Jobs

  /// Records what jobs are about to push: that it is allowed, and their intents; durable on return, as with
  /// ``submit(_:_:)``.
  ///
  /// - Returns: what to do next with each job. One that was cancelled meanwhile has nothing to push.
  func record(intents jobs: [JobPush]) async throws(RoundFailure) -> [JobStep] {
    if jobs.isEmpty { return [] }
    try await auditing { () throws(AuditError) in try await audit.checkRoom() }
    let pushes = Dictionary(uniqueKeysWithValues: jobs.map { ($0.job.id, AuditEntry.pushes($0)) })
    let steps = try await journal(jobs.map { ($0.job.id, .prepared($0.intents)) }) { job, _ in
      pushes[job.id] ?? []
    }
    try await auditing { () throws(AuditError) in try await audit.untilWritten() }
    return steps
  }

  /// Records that intents of an earlier attempt are pushed again; durable on return.
  func record(repeated jobs: [Job]) async throws(RoundFailure) {
    let entries = jobs.flatMap { AuditEntry.pushes(JobPush(job: $0, rule: nil, intents: $0.intents)) }
    try await auditing { () throws(AuditError) in try await audit.decide(entries) }
  }

  /// Records what happened to jobs, as ``JobQueue/JobStore/record(_:)`` does. How a job ends is written to the audit log
  /// before the journal says so, whose record carries the line.
  @discardableResult
  func record(_ events: [(id: JobID, event: JobEvent)]) async throws(RoundFailure) -> [JobStep] {
    if events.contains(where: \.event.hasEffect) {
      try await auditing { () throws(AuditError) in try await audit.check() }
    }
    return try await journal(events) { job, event in AuditEntry.effects(of: event, on: job) }
  }

  /// Ends a job that waits for approval because an approver rejects it, as ``JobQueue/JobStore/decline(_:_:)`` does; how
  /// it ends is written to the audit log before the journal says so. Assumes that the rejection itself is recorded.
  func decline(_ id: JobID, _ error: JobError) async throws(JobStoreError) -> Job {
    try await store.decline(id, error) { [audit] job, event in
      // On their common executor.
      audit.assumeIsolated { CarriedLines($0.carry(AuditEntry.effects(of: event, on: job))) }
    }
  }

  /// - Parameter entries: what the record of an event carries; asked for on the common executor.
  private func journal(
    _ events: [(id: JobID, event: JobEvent)], _ entries: @Sendable (Job, JobEvent) -> [AuditEntry]
  ) async throws(RoundFailure) -> [JobStep] {
    do throws(JobStoreError) {
      return try await store.record(events) { job, event in
        let entries = entries(job, event)
        return entries.isEmpty ? nil : audit.assumeIsolated { CarriedLines($0.carry(entries)) }
      }
    } catch {
      // Trying again would not help.
      if error.code == .impossible {
        throw .server(WireError(.internalError, category: .internal, "\(error)"))
      }
      throw .store(error)
    }
  }

  private func auditing<Value>(
    _ body: () async throws(AuditError) -> Value
  ) async throws(RoundFailure) -> Value {
    do throws(AuditError) { return try await body() } catch { throw .server(WireError(error)) }
  }
}

/// What a job is about to push.
struct JobPush {
  let job: Job
  /// What allows it, such as `grants[1]`; nil where it repeats what was allowed before.
  let rule: String?
  let intents: [Intent]
}

extension AuditEntry {
  fileprivate func about(_ job: JobID) -> AuditEntry {
    var copy = self
    copy.job = "\(job)"
    return copy
  }
}

extension CarriedLines {
  init(_ lines: CarriedEntries) {
    self.init(first: lines.first, time: lines.time, lines: lines.lines)
  }
}

extension WireError {
  /// The same where a job could not be taken back.
  fileprivate init(_ error: AuditError, keeping job: JobID) {
    self.init(error)
    message =
      "the audit log can't be written, and job \(job) is in the journal all the same; nothing of it is pushed "
      + "before the log can be written again"
    details = JSONObject([("pendingJob", .string("\(job)"))])
  }
}
