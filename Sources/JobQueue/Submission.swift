public import WireProtocol

/// What became of a request.
public struct Submission: Equatable, Sendable {
  public let job: Job
  /// False when an equal request under the same key had made the job already.
  public let isNew: Bool
  /// Whether its repository was paused, so that nothing of it begins before that is resumed.
  public let isPaused: Bool
}

/// The jobs of one repository that are to be done now. End it with
/// ``JobStore/finishBatch(repository:milliseconds:)``.
public struct Batch: Equatable, Sendable {
  public let repository: String
  /// In this order, and each just started. A job with ``Job/intents`` has something under way since an
  /// earlier attempt: settle it, don't plan it. Of one tenant and artifact there may be several: where one
  /// of them does not end, those behind it must not take effect.
  public let jobs: [Job]
  /// When jobs are waiting: the first time at which one of them may run, in milliseconds since 1970.
  public let nextAttempt: Int64?
}

/// A job as its watchers see it.
public struct JobSnapshot: Equatable, Sendable {
  public let job: Job
  /// The place in line, from 1: at most that many jobs run until this one has. Nil when it is not in line.
  public let position: Int?
  /// Whether its repository is paused, so that it does not begin. False once it has ended.
  public let isPaused: Bool
}

/// Which jobs to list. Every condition that is set must hold.
public struct JobFilter: Sendable {
  public var repository: String?
  public var tenant: String?
  public var artifact: String?
  public var uid: UInt32?
  public var states: Set<JobStatus.State>?
  /// Only jobs with a higher number: the last one of the page before.
  public var after: JobID?
  /// At most this many.
  public var limit: Int

  public init(
    repository: String? = nil, tenant: String? = nil, artifact: String? = nil, uid: UInt32? = nil,
    states: Set<JobStatus.State>? = nil, after: JobID? = nil, limit: Int = 1000
  ) {
    self.repository = repository
    self.tenant = tenant
    self.artifact = artifact
    self.uid = uid
    self.states = states
    self.after = after
    self.limit = limit
  }

  /// Whether the job passes, wherever it stands.
  public func matches(_ job: Job) -> Bool {
    let request = job.request
    return isEqual(repository, request.repository) && isEqual(tenant, request.requester.tenant)
      && isEqual(artifact, request.artifact) && (uid.map { $0 == request.requester.uid } ?? true)
      && (states?.contains(job.state.name) ?? true)
  }

  private func isEqual(_ wanted: String?, _ value: String) -> Bool {
    wanted.map { $0.utf8.elementsEqual(value.utf8) } ?? true
  }
}
