internal import StrictJSON

/// The unfinished jobs of one tenant in one repository.
struct TenantLine: Sendable {
  /// Unfinished jobs per artifact that do not run; the first of each is the only one that may. May hold
  /// finished ones below the top, see ``head(of:isInLine:)``.
  var artifacts: [BytewiseString: Heap<JobID>] = [:]
  /// Jobs that may run now; may hold some that no longer may, see ``RepositoryLine/firstReady(of:)``.
  var ready = Heap<JobID>()
  /// The jobs in line, for positions.
  var ranks = RankedLine()
  /// The time used, in microseconds, as if the tenant had always taken part.
  var usedTime: Int64 = 0
  /// Grows with every change of turn: entries of the repository's heaps with an older one are void.
  var turn: UInt64 = 0
  /// Has a job that may run.
  var isActive = false
  /// The number of its arrival, until it is served: an ``Arrival`` with another number is void.
  var arrival: UInt64?

  /// Puts a job in line.
  ///
  /// - Parameter wasAway: whether its artifact does not have it among those that do not run.
  mutating func stand(_ id: JobID, artifact: BytewiseString, wasAway: Bool) {
    ranks.insert(id)
    if wasAway { artifacts[artifact, default: Heap()].push(id) }
  }

  /// The first job of an artifact; drops those before it that are in line no more.
  mutating func head(of artifact: BytewiseString, isInLine: (JobID) -> Bool) -> JobID? {
    while let id = artifacts[artifact]?.min {
      if isInLine(id) { return id }
      artifacts[artifact]?.pop()
    }
    artifacts[artifact] = nil
    return nil
  }
}

/// A tenant's claim to the next turn: the least used time first, then who had the last turn longest ago.
struct Turn: Comparable, Sendable {
  let usedTime: Int64
  let turn: UInt64
  let tenant: BytewiseString

  static func < (left: Turn, right: Turn) -> Bool {
    (left.usedTime, left.turn) < (right.usedTime, right.turn)
  }

  static func == (left: Turn, right: Turn) -> Bool {
    (left.usedTime, left.turn) == (right.usedTime, right.turn)
  }
}

/// When a waiting job may run again.
struct WakeUp: Comparable, Sendable {
  /// In milliseconds since 1970.
  let time: Int64
  /// When that time was set, or anything before.
  var since = Int64.min
  let id: JobID

  /// Whether the time has come, or the clock was put back since it was set: then it says nothing any more, and a job that
  /// is tried too early costs an attempt, where one that waits for the old time may wait for ever.
  func isDue(now: Int64) -> Bool { time <= now || now < since }

  static func < (left: WakeUp, right: WakeUp) -> Bool { (left.time, left.id) < (right.time, right.id) }
}

/// A tenant that has work again after it had none, and the batch then in flight (or the last one).
struct Arrival: Sendable {
  let tenant: BytewiseString
  let number: UInt64
  let batch: UInt64
}
