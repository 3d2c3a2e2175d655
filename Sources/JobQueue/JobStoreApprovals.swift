internal import Dispatch
internal import SystemCalls
internal import WireProtocol

extension JobStore {
  // MARK: Approvals

  /// Records an approval, and puts the job back in line where that is enough; durable on return. Approving
  /// again changes nothing.
  ///
  /// - Parameters:
  ///   - approver: somebody else than who asked for the job, and entitled to approve it.
  ///   - isEnough: whether the job may go on with the approvals that it has.
  /// - Returns: the job after it.
  /// - Throws: ``JobStoreError/Code/notAwaitingApproval`` where the job does not wait for one, or no longer.
  public func approve(
    _ id: JobID, by approver: Approver, message: String?, isEnough: (Job) -> Bool
  ) async throws(JobStoreError) -> Job {
    let operation = "approve job \(id)"
    let hasApproved = { (job: Job) in job.approval?.approvals.contains { $0.by == approver } ?? false }
    let job = try jobAfterExpiry(id, operation)
    if job.state.name == .awaitingApproval {
      if !hasApproved(job) { try changeNow(id, .approved(approver, message: message)) }
      if isEnough(try existing(id)) { try changeNow(id, .released) }
    } else if job.state.name == .rejected || !hasApproved(job) {
      throw try await notAwaiting(job, operation)
    }
    let after = try existing(id)
    try await untilDurable()
    return after
  }

  /// Ends a job that waits for approval; durable on return. Ending it again in the same words changes nothing.
  ///
  /// - Parameter lines: called on the store's executor with the job as it was and what ends it; what it returns is as
  ///   durable as that.
  /// - Throws: ``JobStoreError/Code/notAwaitingApproval`` where the job does not wait for one, or no longer.
  public func decline(
    _ id: JobID, _ error: JobError,
    carrying lines: @Sendable (Job, JobEvent) -> CarriedLines? = { _, _ in nil }
  ) async throws(JobStoreError) -> Job {
    let operation = "reject job \(id)"
    let job = try jobAfterExpiry(id, operation)
    if job.state.name == .awaitingApproval {
      try changeNow(id, .rejected(error), carrying: lines)
    } else if job.state != .rejected(error) {
      throw try await notAwaiting(job, operation)
    }
    let after = try existing(id)
    try await untilDurable()
    return after
  }

  /// Puts back in line what may go on although nobody approved anything just now: after a start, and after
  /// the rules have changed.
  ///
  /// - Returns: the repositories of the jobs that stand in line again.
  public func releaseApproved(isEnough: (Job) -> Bool) throws(JobStoreError) -> Set<String> {
    try check("look at approvals")
    var repositories: Set<String> = []
    for id in table.awaiting.ids.sorted() {
      guard let job = table.jobs[id], isEnough(job) else { continue }
      try changeNow(id, .released)
      repositories.insert(job.request.repository)
    }
    return repositories
  }

  /// The job, which has ended by now where nobody approved it in time.
  private func jobAfterExpiry(_ id: JobID, _ operation: String) throws(JobStoreError) -> Job {
    try check(operation)
    endOverdueApprovals()
    return try existing(id)
  }

  /// What a caller is told whose word comes too late. What he is told is on disk.
  private func notAwaiting(_ job: Job, _ operation: String) async throws(JobStoreError) -> JobStoreError {
    try await untilDurable()
    return JobStoreError(
      .notAwaitingApproval, operation,
      "job \(job.id) does not wait for approval: it is \(job.state.name.rawValue)")
  }

  // MARK: Expiry

  /// Rejects the jobs that nobody approved in time.
  func endOverdueApprovals() {
    let now = configuration.now()
    while let (id, error) = table.overdueApproval(now: now) {
      guard (try? expire(id, error)) != nil else { return }
    }
  }

  /// Has the next job end in time that nobody approves. Call it after one has begun to wait.
  func setApprovalAlarm() {
    guard let next = table.nextApprovalEnd, next < approvalAlarm else { return }
    approvalAlarm = next
    // The clock may be set meanwhile: look once a day at least.
    let milliseconds = Int(min(max(0, next - configuration.now()), 86_400_000))
    DispatchQueue.global().asyncAfter(wallDeadline: .now() + .milliseconds(milliseconds)) { [weak self] in
      guard let self else { return }
      executor.async {
        self.assumeIsolated { $0.approvalAlarmRings(next) }
      }
    }
  }

  private func approvalAlarmRings(_ time: Int64) {
    guard stop == nil, approvalAlarm == time else { return }
    approvalAlarm = .max
    startApprovalClock()
  }

  func startApprovalClock() {
    endOverdueApprovals()
    setApprovalAlarm()
  }
}

extension Job {
  /// When it ends unless it is approved first, in milliseconds since 1970, and what it ends with; nil where it
  /// does not wait for approval.
  var approvalEnd: (time: Int64, error: JobError)? {
    guard case .awaitingApproval(let until) = state else { return nil }
    if let deadline = request.deadline, deadline < until {
      return (
        deadline,
        JobError(code: JobError.deadlinePassed, message: "its deadline passed before it was approved")
      )
    }
    return (until, JobError(code: JobError.approvalExpired, message: "it was not approved in time"))
  }
}
