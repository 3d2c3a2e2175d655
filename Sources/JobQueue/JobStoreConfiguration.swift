public import SystemCalls

/// Settings of a ``JobStore``.
public struct JobStoreConfiguration: Sendable {
  public var retention: JobRetention
  /// How many unfinished jobs there may be; more are refused as busy.
  public var maximumOpenJobs: Int
  /// How many of them one tenant may have.
  public var maximumOpenJobsPerTenant = Int.max
  /// How many of those in one repository.
  public var maximumOpenJobsPerTenantAndRepository = Int.max
  /// Watchers learn of a changed place in line at most this often. Seconds.
  public var positionInterval: Double
  /// Disk space that is kept reserved for the records of accepted jobs, in bytes.
  public var reservedBytes: Int64
  /// The same for each unfinished job. Where a job's intents and result need more in the long run, raise it.
  public var reservedBytesPerJob: Int64
  /// Space is reserved in pieces of this size, in bytes.
  public var reservationStep: Int64
  /// A journal of less than this many bytes is not compacted; a longer one is when it has doubled and is three times as
  /// long as what there seems to be to keep, or when it is eight times as long as after the last time.
  public var compactionMinimum: Int64
  /// For tests.
  public var faults: (any FileFaults)?
  /// The time of day, in milliseconds since 1970.
  public var now: @Sendable () -> Int64

  public init(
    retention: JobRetention = JobRetention(), maximumOpenJobs: Int = 100_000,
    positionInterval: Double = 0.250, reservedBytes: Int64 = 1 << 20,
    reservedBytesPerJob: Int64 = 4096, reservationStep: Int64 = 1 << 20, compactionMinimum: Int64 = 4 << 20,
    faults: (any FileFaults)? = nil
  ) {
    self.retention = retention
    self.maximumOpenJobs = maximumOpenJobs
    self.positionInterval = positionInterval
    self.reservedBytes = reservedBytes
    self.reservedBytesPerJob = reservedBytesPerJob
    self.reservationStep = reservationStep
    self.compactionMinimum = compactionMinimum
    self.faults = faults
    now = { WallClock.milliseconds }
  }
}
