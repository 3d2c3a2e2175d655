/// How long finished jobs stay to be looked at.
public struct JobRetention: Equatable, Sendable {
  /// How long a finished job is kept, in milliseconds.
  public var milliseconds: Int64
  /// How many finished jobs are kept at most; the oldest go first.
  public var count: Int
  /// How long a finished job that has a request key is kept at least, whatever the count says, in
  /// milliseconds: until then the same request gets the same job.
  public var requestKeyMilliseconds: Int64

  public init(
    milliseconds: Int64 = 7 * 86_400_000, count: Int = 10_000, requestKeyMilliseconds: Int64 = 3_600_000
  ) {
    self.milliseconds = milliseconds
    self.count = count
    self.requestKeyMilliseconds = requestKeyMilliseconds
  }
}

/// The finished jobs in the order in which they ended.
struct FinishedJobs: Sendable {
  private struct End {
    let id: JobID
    /// In milliseconds since 1970.
    let time: Int64
    let serial: UInt64
  }

  private var ends: [End] = []
  private var first = 0
  /// The serial of each finished job's end: an entry of `ends` with another one is void.
  private var serials: [JobID: UInt64] = [:]
  private var nextSerial: UInt64 = 0

  var count: Int { serials.count }

  mutating func append(_ id: JobID, at time: Int64) {
    ends.append(End(id: id, time: time, serial: nextSerial))
    serials[id] = nextSerial
    nextSerial += 1
  }

  mutating func remove(_ id: JobID) {
    serials[id] = nil
    while first < ends.count, serials[ends[first].id] != ends[first].serial { first += 1 }
    if first > 64, first * 2 > ends.count {
      ends.removeFirst(first)
      first = 0
    }
  }

  /// The oldest ones for which the test holds, up to the first for which it does not.
  ///
  /// - Parameter test: gets the job, when it ended, and how many finished jobs there are from it on.
  func droppable(limit: Int, where test: (JobID, Int64, Int) -> Bool) -> [JobID] {
    var found: [JobID] = []
    for end in ends[first...] where serials[end.id] == end.serial {
      if found.count >= limit || !test(end.id, end.time, serials.count - found.count) { break }
      found.append(end.id)
    }
    return found
  }
}
