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

/// Finished jobs in the order in which they ended. Nothing is kept of one that was removed, wherever it stood.
struct FinishedJobs: Sendable {
  private struct End {
    /// In milliseconds since 1970.
    let time: Int64
    var previous: JobID?
    var next: JobID?
  }

  private var ends: [JobID: End] = [:]
  private var first: JobID?
  private var last: JobID?

  var count: Int { ends.count }

  /// Assumes: it is not among them.
  mutating func append(_ id: JobID, at time: Int64) {
    ends[id] = End(time: time, previous: last, next: nil)
    if let last { ends[last]?.next = id } else { first = id }
    last = id
  }

  mutating func remove(_ id: JobID) {
    guard let end = ends.removeValue(forKey: id) else { return }
    if let previous = end.previous { ends[previous]?.next = end.next } else { first = end.next }
    if let next = end.next { ends[next]?.previous = end.previous } else { last = end.previous }
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
    var candidate = first
    while let id = candidate, let end = ends[id], found.count < limit, kept < Self.patience {
      switch test(id, end.time, found.count) {
      case .drop: found.append(id)
      case .keep: kept += 1
      case .keepAll: return found
      }
      candidate = end.next
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
