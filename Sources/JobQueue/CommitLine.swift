/// What waits to be on disk. Holds no I/O.
///
/// Records gather while a commit is in flight, and the next commit takes all of them. Until then readers
/// see the jobs as they were before.
struct CommitLine: Sendable {
  typealias Outcome = Result<Void, JobStoreError>
  typealias Waiter = CheckedContinuation<Outcome, Never>

  /// Encoded records.
  private(set) var pending: [[UInt8]] = []
  /// What the pending records and those in flight take on disk.
  private(set) var undurableBytes: Int64 = 0
  /// Numbers the records of this run; 0 before the first.
  private(set) var appended: UInt64 = 0
  private(set) var durable: UInt64 = 0
  private(set) var commits: UInt64 = 0
  private var inFlight: UInt64?
  private var inFlightBytes: Int64 = 0
  /// The jobs with changes in `pending`, as they were before; nil for those that were not there.
  private var before: [JobID: Job?] = [:]
  private var beforeInFlight: [JobID: Job?] = [:]
  private var waiters: [(number: UInt64, waiter: Waiter)] = []

  var isAwaited: Bool { !waiters.isEmpty }

  mutating func append(_ payload: [UInt8], changing id: JobID?, from old: Job?) {
    appended += 1
    pending.append(payload)
    undurableBytes += Self.size(payload)
    if let id, before[id] == nil { before[id] = .some(old) }
  }

  /// What a record takes on disk, in bytes.
  static func size(_ payload: [UInt8]) -> Int64 { Int64(payload.count + JournalFormat.recordHeaderLength) }

  /// The job as it is on disk.
  func durableJob(_ id: JobID, current: Job?) -> Job? {
    if let job = beforeInFlight[id] { return job }
    if let job = before[id] { return job }
    return current
  }

  /// Takes what is pending into a commit; nil while one is in flight or nothing is pending.
  mutating func begin() -> (payloads: [[UInt8]], first: UInt64)? {
    if inFlight != nil || pending.isEmpty { return nil }
    inFlight = appended
    inFlightBytes = undurableBytes
    beforeInFlight = before
    before = [:]
    defer { pending = [] }
    return (pending, appended - UInt64(pending.count) + 1)
  }

  /// The commit in flight is on disk.
  ///
  /// - Returns: who waited for it, and the jobs that readers see changed.
  mutating func finish() -> (waiters: [Waiter], changed: [JobID]) {
    durable = inFlight ?? durable
    commits += 1
    inFlight = nil
    undurableBytes -= inFlightBytes
    let changed = Array(beforeInFlight.keys)
    beforeInFlight = [:]
    let count = waiters.prefix { $0.number <= durable }.count
    defer { waiters.removeFirst(count) }
    return (waiters.prefix(count).map(\.waiter), changed)
  }

  /// Waits for a record and all before it. Assumes that it is not durable.
  mutating func wait(_ waiter: Waiter, for number: UInt64) {
    let place = waiters.lastIndex { $0.number <= number }.map { $0 + 1 } ?? 0
    waiters.insert((number, waiter), at: place)
  }

  /// Nothing will be committed any more.
  mutating func abandon() -> [Waiter] {
    defer { waiters = [] }
    return waiters.map(\.waiter)
  }
}
