internal import StrictJSON
public import SystemCalls
internal import WireProtocol

/// The record of what was decided and done: lines of JSON, each with the hash of the one before, appended to
/// files in a directory and synced together with all that arrived meanwhile. Source: docs/audit.md.
///
/// After the first failed write or sync nothing is written any more, and ``decide(_:)`` and ``record(_:)``
/// throw ``AuditError/Code/failed``: only a new start knows what is on disk.
public actor AuditLog {
  /// What nobody waits for is synced at the latest after this time, in seconds.
  static let syncDelay = 0.020

  nonisolated let executor: any SerialQueue
  public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  public nonisolated let directory: String
  let now: @Sendable () -> Int64
  let report: @Sendable (AuditReport) -> Void
  var settings: AuditSettings
  /// Used on `fileQueue` alone.
  let writer: AuditWriter
  let fileQueue: any SerialQueue
  /// As the last finished operation left it.
  var space: AuditWriter.Space
  var fileNumber: UInt64
  var oldest: UInt64

  /// The number of the last line that was appended.
  var last: UInt64
  /// The last line that is in its file.
  var writtenHead: AuditHead
  /// The last line that is on disk.
  public internal(set) var durableHead: AuditHead
  /// The number of the last line that is wanted on disk.
  var wanted: UInt64 = 0
  /// Lines that are not being written yet.
  var pending = PendingLines()
  /// What lines that are being written take at most, in bytes.
  var inFlightBytes: Int64 = 0
  var isSyncing = false
  var isStartingFile = false
  var waiters: [Waiter] = []
  var isSyncClockSet = false
  /// How many lines the log had lost when it was opened, and has again.
  public private(set) var restoredLines = 0
  var waitingForRoom: [CheckedContinuation<Bool, Never>] = []
  /// Why nothing is written any more.
  var stop: AuditError?

  private var denials: RepetitionWindow
  private var repetitions: RepetitionWindow
  private var isDenialClockSet = false
  /// When the newest file was begun, in milliseconds since 1970.
  var begun: Int64
  var isNextReady = false
  var isPreparing = false
  /// Where the next file could not be begun: the length at which to try again.
  var retryLength: Int64 = 0
  var wasFull = false

  /// Opens the log of a directory, or begins one; a torn tail is cut after keeping a copy.
  ///
  /// - Parameters:
  ///   - worker: written into each line.
  ///   - lines: what was carried elsewhere, of which the log may have lost the last ones in a crash. Those that it has
  ///     not are its next lines, before any other; a crash meanwhile may have one of them twice, none is ever missing.
  ///   - executor: on which the log runs. Actors that share it call each other without a change of thread.
  ///   - fileQueue: on which the files are written and synced, one thing after the other.
  ///   - report: called on the executor; should not wait.
  /// - Throws: ``AuditError/Code/damaged``, ``AuditError/Code/unsupported`` or ``AuditError/Code/failed``.
  public static func open(
    directory: String, worker: String, settings: AuditSettings = AuditSettings(),
    carried lines: [CarriedEntries] = [],
    executor: any SerialQueue = DispatchQueueExecutor(label: "stagekeeper.audit"),
    fileQueue: any SerialQueue = DispatchQueueExecutor(label: "stagekeeper.audit.file", hasOwnThread: true),
    faults: (any FileFaults)? = nil, now: @escaping @Sendable () -> Int64 = { WallClock.milliseconds },
    report: @escaping @Sendable (AuditReport) -> Void = { _ in }
  ) throws(AuditError) -> AuditLog {
    let opening = try AuditOpening(directory, worker: worker, faults: faults)
    if opening.head.sequence == 0 {
      do throws(SystemCallError) {
        try opening.writer.prepareNext()
      } catch {
        throw AuditError("begin the audit log", error)
      }
    }
    let log = AuditLog(
      opening, directory, settings: settings, executor: executor, fileQueue: fileQueue, now: now,
      report: report)
    log.executor.sync { log.assumeIsolated { $0.resume(opening, carried: lines) } }
    return log
  }

  private init(
    _ opening: AuditOpening, _ directory: String, settings: AuditSettings,
    executor: any SerialQueue, fileQueue: any SerialQueue, now: @escaping @Sendable () -> Int64,
    report: @escaping @Sendable (AuditReport) -> Void
  ) {
    self.executor = executor
    self.fileQueue = fileQueue
    self.directory = directory
    self.now = now
    self.report = report
    self.settings = settings
    writer = opening.writer
    space = opening.writer.space
    fileNumber = opening.writer.number
    oldest = opening.oldest
    last = opening.head.sequence
    writtenHead = opening.head
    durableHead = opening.head
    denials = RepetitionWindow(of: .denied, seconds: settings.denialSeconds)
    repetitions = RepetitionWindow(of: .allowed, seconds: settings.denialSeconds)
    begun = opening.begun.flatMap { milliseconds(timestamp: $0) } ?? now()
    isNextReady = opening.head.sequence == 0
  }

  /// Writes what a crash has kept from being written, and that it did.
  private func resume(_ opening: AuditOpening, carried: [CarriedEntries]) {
    // First of all: a line then never gets a higher number than the one that it was carried with, and so the log's
    // head tells also after the next crash which lines it has.
    let missing = CarriedEntries.missing(carried, after: durableHead)
    for (time, members) in missing { append(members, time: time) }
    restoredLines = missing.count
    if let cut = opening.cut {
      let file = AuditFormat.name(file: opening.writer.number)
      report(.tornTailCut(file: file, bytes: cut.bytes, copy: cut.copy))
      let members = JSONObject(distinct: [
        ("event", "recovered"), ("cutBytes", .integer(Int64(cut.bytes))), ("copy", .string(cut.copy)),
      ])
      append(members, time: now())
    }
    sync()
  }

  // MARK: Recording

  /// Records decisions that allow something; durable on return. Nothing of it may happen where this throws.
  ///
  /// - Throws: ``AuditError/Code/diskFull`` where no room can be reserved, ``AuditError/Code/failed``,
  ///   ``AuditError/Code/closed``.
  public func decide(_ entries: [AuditEntry]) async throws(AuditError) {
    try await untilDurable(try await begin(entries))
  }

  /// The first half of ``decide(_:)``: the lines are on their way to the disk on return, and there after
  /// ``untilDurable(_:)``. They come before whatever is recorded later.
  ///
  /// - Returns: the number of the last line.
  /// - Throws: as ``checkRoom()`` does.
  public func begin(_ entries: [AuditEntry]) async throws(AuditError) -> UInt64 {
    // Between the last look and the lines nobody else has a turn.
    repeat { try await checkRoom() } while !canDecide
    append(entries)
    sync()
    return last
  }

  /// Records what something else makes durable: the lines that this returns. They come before whatever is recorded
  /// later, are in the file after ``untilWritten(_:)``, and on disk soon after. Assumes ``canDecide`` for what is decided,
  /// ``check()`` for what has happened.
  ///
  /// - Parameter entries: at least one.
  public func carry(_ entries: [AuditEntry]) -> CarriedEntries {
    let time = now()
    let lines = entries.map(\.members)
    for members in lines { append(members, time: time) }
    setSyncClock()
    return CarriedEntries(first: last - UInt64(lines.count) + 1, time: time, lines: lines.map { .object($0) })
  }

  /// Whether something can be decided now; others may take the room by the next wait.
  public var canDecide: Bool { stop == nil && hasRoom }

  /// Waits until something can be decided.
  ///
  /// - Throws: why nothing can be decided at the moment, as ``decide(_:)`` does.
  public func checkRoom() async throws(AuditError) {
    try check()
    // What room there was, others may have taken by now.
    while !hasRoom {
      let isMade = await makeRoom()
      try check()
      if !isMade {
        throw AuditError(.diskFull, "write the audit log", "the disk with the state directory is full")
      }
    }
  }

  /// Records what has happened; durable on return. Uses the room that was kept for it.
  ///
  /// - Throws: ``AuditError/Code/failed``, ``AuditError/Code/closed``.
  public func record(_ entries: [AuditEntry]) async throws(AuditError) {
    try check()
    append(entries)
    sync()
    try await untilDurable()
  }

  /// Records that something was refused; durable soon after. Equal refusals of one uid share lines.
  public func deny(_ entry: AuditEntry) {
    guard stop == nil else { return }
    appendDenials(denials.note(entry, now: now()))
    setDenialClock()
  }

  /// Records that something was allowed that changes nothing any more; durable soon after. Equal ones share lines.
  ///
  /// - Throws: ``AuditError/Code/failed``, ``AuditError/Code/closed``.
  public func repeated(_ entry: AuditEntry) throws(AuditError) {
    try check()
    var entry = entry
    entry.outcome = .unchanged
    appendDenials(repetitions.note(entry, now: now()))
    setDenialClock()
  }

  /// - Throws: ``AuditError/Code/failed``, ``AuditError/Code/closed``.
  public func check() throws(AuditError) { if let stop { throw stop } }

  /// Takes over new settings; they count from the next line on.
  public func reconfigure(_ new: AuditSettings) {
    settings = new
    denials.span = Int64(new.denialSeconds) * 1000
    repetitions.span = denials.span
  }

  /// Writes what is still counted, and waits until everything is on disk; nothing is taken any more.
  public func close(with last: AuditEntry? = nil) async {
    guard stop == nil else { return }
    appendDenials(denials.takeAll() + repetitions.takeAll())
    if let last { append([last]) }
    sync()
    try? await untilDurable()
    if stop == nil { stop = AuditError(.closed, "write the audit log", "it is closed") }
  }

  // MARK: Appending

  /// They are written with ``takeWrite()`` or ``sync()``, whatever comes first.
  private func append(_ entries: [AuditEntry]) {
    for entry in entries { append(entry.members, time: now()) }
  }

  private func append(_ members: JSONObject, time: Int64) {
    startFileWhenDue()
    pending.append(members, time: time)
    last += 1
  }

  /// The first of the lines that are written together may be that of a new file.
  private func startFileWhenDue() {
    guard pending.isEmpty, isNextReady else { return }
    isNextReady = false
    let number = fileNumber + 1
    let kept = UInt64(settings.files)
    if number >= kept { oldest = max(oldest, number - kept + 1) }
    begun = now()
    let members = JSONObject(distinct: [
      ("event", "file"), ("format", .integer(AuditFormat.version)),
      ("file", .integer(Int64(clamping: number))), ("oldestFile", .integer(Int64(clamping: oldest))),
    ])
    pending.append(members, time: begun, startsFile: true)
    last += 1
  }

  // MARK: Denials

  /// On a full disk what is kept free is for those whose jobs were accepted.
  private func appendDenials(_ entries: [AuditEntry]) {
    guard hasRoom || !space.isDiskFull, !entries.isEmpty else { return }
    append(entries)
    sync()
  }

  private func setDenialClock() {
    if isDenialClockSet || denials.isEmpty && repetitions.isEmpty { return }
    isDenialClockSet = true
    executor.async(at: .after(seconds: Double(denials.span) / 1000 + 0.010)) { [weak self] in
      self?.assumeIsolated { $0.endDenialSpans() }
    }
  }

  private func endDenialSpans() {
    isDenialClockSet = false
    guard stop == nil else { return }
    appendDenials(denials.takeDue(now: now()) + repetitions.takeDue(now: now()))
    setDenialClock()
  }
}

extension AuditLog {
  /// The log in numbers.
  public struct Statistics: Sendable {
    /// The last line on disk.
    public let head: AuditHead
    /// The number of the file that is written.
    public let file: UInt64
    /// In bytes.
    public let fileBytes: Int64
    public let isWritable: Bool
  }

  public var statistics: Statistics {
    Statistics(
      head: durableHead, file: fileNumber, fileBytes: space.length, isWritable: stop == nil && !wasFull)
  }
}
