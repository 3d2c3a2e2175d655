public import Dispatch
internal import SystemCalls

/// Settings of a ``JobStore``.
public struct JobStoreConfiguration: Sendable {
  public var retention: JobRetention
  /// How many unfinished jobs there may be; more are refused as busy.
  public var maximumOpenJobs: Int
  /// Watchers learn of a changed place in line at most this often.
  public var positionInterval: DispatchTimeInterval
  /// The time of day, in milliseconds since 1970.
  public var now: @Sendable () -> Int64

  public init(
    retention: JobRetention = JobRetention(), maximumOpenJobs: Int = 100_000,
    positionInterval: DispatchTimeInterval = .milliseconds(250)
  ) {
    self.retention = retention
    self.maximumOpenJobs = maximumOpenJobs
    self.positionInterval = positionInterval
    now = { WallClock.milliseconds }
  }
}
