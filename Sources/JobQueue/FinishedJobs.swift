internal import StrictJSON

/// How long finished jobs stay to be looked at.
public struct JobRetention: Equatable, Sendable {
  /// How long a finished job is kept, in milliseconds.
  public var milliseconds: Int64
  /// How many finished jobs of one tenant are kept at most; the oldest go first. Those whose intents are not settled are
  /// none of them.
  public var count: Int
  /// What finished jobs of one tenant may take, in bytes of their requests.
  public var bytes: Int
  /// How long a finished job that has a request key is kept at least, whatever count and bytes say, in
  /// milliseconds: until then the same request gets the same job.
  public var requestKeyMilliseconds: Int64

  public init(
    milliseconds: Int64 = 7 * 86_400_000, count: Int = 10_000, bytes: Int = 64 << 20,
    requestKeyMilliseconds: Int64 = 3_600_000
  ) {
    self.milliseconds = milliseconds
    self.count = count
    self.bytes = bytes
    self.requestKeyMilliseconds = requestKeyMilliseconds
  }
}

/// Finished jobs in the order in which they ended.
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

  enum Verdict {
    case drop, keep
    /// Keep this one and those after it.
    case keepAll
  }

  /// How many are looked at that are kept.
  private static let patience = 256

  /// The oldest ones that a test has dropped.
  ///
  /// - Parameter test: gets the job, when it ended, and how many others are dropped before it.
  func droppable(limit: Int, where test: (JobID, Int64, Int) -> Verdict) -> [JobID] {
    var found: [JobID] = []
    var kept = 0
    for end in ends[first...] where serials[end.id] == end.serial {
      if found.count >= limit || kept >= Self.patience { break }
      switch test(end.id, end.time, found.count) {
      case .drop: found.append(end.id)
      case .keep: kept += 1
      case .keepAll: return found
      }
    }
    return found
  }
}

/// The finished jobs of one tenant.
struct FinishedShare: Sendable {
  private(set) var jobs = FinishedJobs()
  /// What their requests take.
  private(set) var bytes = 0

  mutating func append(_ job: Job, at time: Int64) {
    jobs.append(job.id, at: time)
    bytes += job.retainedBytes
  }

  mutating func remove(_ job: Job) {
    jobs.remove(job.id)
    bytes -= job.retainedBytes
  }
}

extension Job {
  /// What is kept of it when it has ended, more or less.
  var retainedBytes: Int { 1024 + request.body.serializedCount }
}
