public import WireProtocol

/// The queue in numbers.
public struct QueueStatistics: Equatable, Sendable {
  /// How many jobs are in each state; states without jobs are missing.
  public var jobs: [JobStatus.State: Int] = [:]
  /// How many have ended since the store was opened, by how they did; one that is tried again may end again.
  public var ended: [JobStatus.State: Int] = [:]
  /// What those of them that succeeded took, from ``Job/dueSince`` to the end.
  public var durations = DurationHistogram()
  /// In the order of their ids.
  public var repositories: [RepositoryStatistics] = []
  /// Records written since the store was opened.
  public var records: UInt64 = 0
  /// Syncs since the store was opened; each covers all records that had come meanwhile.
  public var commits: UInt64 = 0
  /// Length of the journal, in bytes.
  public var journalBytes: Int64 = 0
  /// How many times the journal was compacted since the store was opened.
  public var compactions: UInt64 = 0
  /// New jobs are refused because the disk is full.
  public var isDiskFull = false
}

/// One repository's line in numbers.
public struct RepositoryStatistics: Equatable, Sendable {
  public var repository: String
  public var queued: Int
  public var running: Int
  public var waiting: Int
  /// Not in line.
  public var awaitingApproval: Int
  /// Unfinished jobs per tenant.
  public var tenants: [String: Int]
  /// ``Job/dueSince`` of the job with the lowest number that is in line or runs.
  public var oldestJob: Int64?
  /// When jobs are waiting: the first time at which one of them may run, in milliseconds since 1970.
  public var nextAttempt: Int64?
  public var isPaused: Bool
  /// Batches begun since the store was opened.
  public var batches: UInt64
}
