public import StrictJSON

/// What happens to a job after its acceptance.
public enum JobEvent: Equatable, Sendable {
  /// Its turn has come. ``JobStore/nextBatch(repository:limit:)`` records it.
  case started
  /// The tags are made; recorded durably before they are pushed. At least one.
  case prepared([Intent])
  /// The push begins.
  case pushing
  /// Every intent is settled and at least one lost its ref to another object: plan anew, in the same attempt.
  case replanned(JobError)
  /// The attempt failed for a reason that may go away, or its outcome is unknown.
  case waiting(until: Int64, JobError)
  /// Others have to approve the plan first, until a time in milliseconds since 1970. A job that was asked for
  /// before keeps its plan, its time and its approvals.
  case approvalAsked(ApprovalPlan, until: Int64)
  case approved(Approver, message: String?)
  /// There are approvals enough: plan it again.
  case released
  /// The worker stops or started again; the attempt ends without a word about its outcome.
  case interrupted
  case succeeded(JSONValue)
  case rejected(JobError)
  /// Intents that are not settled stay attached, and a retry begins with settling them.
  case failed(JobError)
  /// Somebody wants it stopped. It stops at once where nothing may be on its way to the remote, else as
  /// soon as that is settled.
  case cancelRequested(by: Requester?)
  /// An administrator wants it tried again: a failed job, or a waiting one before its time.
  case retried(by: Requester?)

  /// The word in journals and messages.
  public var name: String {
    switch self {
    case .started: "started"
    case .prepared: "prepared"
    case .pushing: "pushing"
    case .replanned: "replanned"
    case .waiting: "waiting"
    case .approvalAsked: "approvalAsked"
    case .approved: "approved"
    case .released: "released"
    case .interrupted: "interrupted"
    case .succeeded: "succeeded"
    case .rejected: "rejected"
    case .failed: "failed"
    case .cancelRequested: "cancelRequested"
    case .retried: "retried"
    }
  }

  /// Whether the one who records it must know it durable before going on. The others become durable
  /// soon after, and losing them costs nothing but a repetition.
  public var mustBeDurable: Bool {
    switch self {
    case .started, .pushing, .replanned, .waiting, .interrupted, .approvalAsked, .released: false
    case .approved, .prepared, .succeeded, .rejected, .failed, .cancelRequested, .retried: true
    }
  }
}

/// What a transition asks its caller to do next.
public enum JobStep: Equatable, Sendable {
  /// Put it (back) in line.
  case standInLine
  /// Plan it.
  case plan
  /// Ask the remote about these intents and push them as they stand; never plan before they are settled.
  case settle([Intent])
  /// The intents may be pushed once the record is durable.
  case push([Intent])
  /// The push is under way: go on.
  case proceed
  /// Try again at that time, in milliseconds since 1970.
  case wait(until: Int64)
  /// Leave it alone until it is approved, or until that time, in milliseconds since 1970.
  case awaitApproval(until: Int64)
  /// The job has ended; whatever was about to be done for it must not be done.
  case finish
}
