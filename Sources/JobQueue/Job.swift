public import WireProtocol

/// One job: what was asked, where it stands and how it got there.
public struct Job: Equatable, Sendable {
  public let id: JobID
  public let request: JobRequest
  /// In milliseconds since 1970.
  public let submittedAt: Int64
  public internal(set) var state: JobState = .queued
  /// What was journalled to be pushed and is not settled. While there are any, the job must not be planned.
  public internal(set) var intents: [Intent] = []
  /// How many times it was started since it was accepted or last retried by an administrator.
  public internal(set) var attempts = 0
  /// The last attempt's; where none failed, what it was rejected with.
  public internal(set) var lastError: JobError?
  /// What it waits to be approved, or has waited; nil where nobody was asked.
  public internal(set) var approval: ApprovalRequest?
  /// Somebody wants it stopped, but something may be on its way to the remote.
  public internal(set) var isCancelRequested = false
  /// From the oldest to the newest. The first and the latest are kept, at most ``maximumTransitions``.
  public internal(set) var transitions: [JobTransition] = []

  /// How many transitions a job remembers.
  public static let maximumTransitions = 48

  public init(id: JobID, request: JobRequest, submittedAt: Int64) {
    self.id = id
    self.request = request
    self.submittedAt = submittedAt
    transitions = [
      JobTransition(event: "submitted", state: .queued, phase: nil, time: submittedAt, note: nil)
    ]
  }

  /// When it ended, in milliseconds since 1970; nil while it has not.
  public var finishedAt: Int64? { state.isFinished ? transitions.last?.time : nil }

  /// When it was accepted, approved or retried, whichever was last, in milliseconds since 1970: from then on it is the
  /// worker that takes its time.
  public var dueSince: Int64 {
    transitions.last { $0.event == "released" || $0.event == "retried" }?.time ?? submittedAt
  }

  mutating func note(_ event: String, at time: Int64, note: String?) {
    if transitions.count >= Self.maximumTransitions { transitions.remove(at: 1) }
    let phase: JobPhase? = if case .running(let phase) = state { phase } else { nil }
    transitions.append(
      JobTransition(
        event: event, state: state.name, phase: phase, time: time, note: note.map { String($0.prefix(500)) }))
  }
}

/// One step in the life of a job.
public struct JobTransition: Equatable, Sendable {
  /// `submitted` or the name of a ``JobEvent``.
  public let event: String
  /// The state after it.
  public let state: JobStatus.State
  public let phase: JobPhase?
  /// In milliseconds since 1970.
  public let time: Int64
  /// The error's sentence, or who asked.
  public let note: String?
}
