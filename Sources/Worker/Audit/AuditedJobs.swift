internal import AuditLog
internal import JobQueue
internal import StrictJSON

extension AuditEntry {
  /// That a job's tags may be pushed: a line for each.
  static func pushes(_ push: JobPush) -> [AuditEntry] {
    var entry = AuditEntry(.push, of: push.job)
    entry.decision = .allowed
    entry.rule = push.rule
    entry.approvers = push.job.approval.map { $0.approvals.map(\.by.auditName) }
    return push.intents.map { entry.with($0) }
  }

  /// How a job ends with an event: a line for each of its tags. Where it goes on, a line for each that has landed all the
  /// same, on a server that can't take all or none.
  static func effects(of event: JobEvent, on job: Job) -> [AuditEntry] {
    let refs = event.landed.refs
    let (landed, others) = job.intents.reduce(into: ([Intent](), [Intent]())) { parts, intent in
      if refs.contains(BytewiseString(intent.ref)) { parts.0.append(intent) } else { parts.1.append(intent) }
    }
    var pushed = AuditEntry(.effect, of: job)
    pushed.outcome = .pushed
    let lines = landed.map { pushed.with($0) }
    guard let outcome = event.outcome else { return lines }
    var entry = AuditEntry(.effect, of: job)
    entry.outcome = outcome.outcome
    entry.code = outcome.error?.code
    entry.rule = outcome.error?.details?["rule"]?.stringValue
    if case .succeeded(let result) = event {
      entry.version = result["version"]?.stringValue ?? entry.version
    }
    if job.intents.isEmpty { return [entry] }
    return lines + others.map { entry.with($0) }
  }
}

extension JobEvent {
  /// Whether it is one that ``AuditEntry/effects(of:on:)`` has lines for.
  var hasEffect: Bool { outcome != nil || !landed.isEmpty }

  fileprivate var landed: LandedTags {
    switch self {
    case .rejected(let error), .replanned(let error), .failed(let error): error.landed
    default: LandedTags()
    }
  }

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
