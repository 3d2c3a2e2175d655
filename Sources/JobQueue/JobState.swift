public import StrictJSON
public import WireProtocol

/// Where a job stands.
public enum JobState: Equatable, Sendable {
  /// In line.
  case queued
  /// In the batch in flight.
  case running(JobPhase)
  /// After a failed attempt, until a time in milliseconds since 1970.
  case waiting(until: Int64, reason: String)
  /// Out of the line until it is approved or that time has come, in milliseconds since 1970.
  case awaitingApproval(until: Int64)
  case succeeded(JSONValue)
  /// A rule, the policy or the server said no.
  case rejected(JobError)
  /// The attempts are used up; an administrator can have it retried.
  case failed(JobError)
  case cancelled

  public var name: JobStatus.State {
    switch self {
    case .queued: .queued
    case .running: .running
    case .waiting: .waiting
    case .awaitingApproval: .awaitingApproval
    case .succeeded: .succeeded
    case .rejected: .rejected
    case .failed: .failed
    case .cancelled: .cancelled
    }
  }

  /// Nothing more happens by itself.
  public var isFinished: Bool { name.isFinished }
}

/// How far a running job is.
public enum JobPhase: String, CaseIterable, Sendable {
  /// Chosen; its plan lives in the worker's memory only.
  case planned
  /// Its intents are journalled; whether the remote has them may be unknown.
  case prepared
  /// The push is under way.
  case pushing
}
