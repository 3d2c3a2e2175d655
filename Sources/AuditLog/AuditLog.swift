internal import Dispatch
internal import StrictJSON
public import SystemCalls
internal import WireProtocol

/// The record of what was decided and done: lines of JSON, each with the hash of the one before, appended to
/// files in a directory and synced together with all that arrived meanwhile. Source: docs/audit.md.
///
/// After the first failed write or sync nothing is written any more, and ``decide(_:)`` and ``record(_:)``
/// throw ``AuditError/Code/failed``: only a new start knows what is on disk.
public actor AuditLog {
  private nonisolated let executor: DispatchQueueExecutor
  public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  public nonisolated let directory: String
  private let worker: String
  private let now: @Sendable () -> Int64
  private let report: @Sendable (AuditReport) -> Void
  private var settings: AuditSettings
  /// Used on `fileQueue` alone.
  private let writer: AuditWriter
  private let fileQueue = DispatchQueue(label: "stagekeeper.audit.file")
  /// As the last finished operation left it.
  private var space: AuditWriter.Space
  private var fileNumber: UInt64
  private var oldest: UInt64

  /// The last line that was appended.
  private var head: AuditHead
  /// The last line that is on disk.
  public private(set) var durableHead: AuditHead
  /// Lines that wait for the commit in flight to end, as bytes.
  private var pending: [UInt8] = []
  /// The number of the first of them.
  private var commitStart: UInt64 = 0
  private var pendingStartsFile = false
  private var inFlight: AuditHead?
  private var inFlightBytes = 0
  private var waiters: [(sequence: UInt64, waiter: CheckedContinuation<AuditError?, Never>)] = []
  private var waitingForRoom: [CheckedContinuation<Bool, Never>] = []
  /// Why nothing is written any more.
  private var stop: AuditError?

  private var denials: DenialWindow
  private var isDenialClockSet = false
  /// When the newest file was begun, in milliseconds since 1970.
  private var begun: Int64
  private var isNextReady = false
  private var isPreparing = false
  /// Where the next file could not be begun: the length at which to try again.
  private var retryLength: Int64 = 0
  private var wasFull = false

  /// Opens the log of a directory, or begins one; a torn tail is cut after keeping a copy.
  ///
  /// - Parameters:
  ///   - worker: written into each line.
  ///   - executor: on which the log runs. Actors that share it call each other without a change of thread.
  ///   - report: called on queues of the log's own.
  /// - Throws: ``AuditError/Code/damaged``, ``AuditError/Code/unsupported`` or ``AuditError/Code/failed``.
  public static func open(
    directory: String, worker: String, settings: AuditSettings = AuditSettings(),
    executor: DispatchQueueExecutor = DispatchQueueExecutor(label: "stagekeeper.audit"),
    faults: (any FileFaults)? = nil, now: @escaping @Sendable () -> Int64 = { WallClock.milliseconds },
    report: @escaping @Sendable (AuditReport) -> Void = { _ in }
  ) throws(AuditError) -> AuditLog {
    let opening = try AuditOpening(directory, faults: faults)
    if opening.head.sequence == 0 {
      do throws(SystemCallError) {
        try opening.writer.prepareNext()
      } catch {
        throw AuditError("begin the audit log", error)
      }
    }
    let log = AuditLog(
      opening, directory, worker: worker, settings: settings, executor: executor, now: now, report: report)
    if let cut = opening.cut {
      let file = AuditFormat.name(file: opening.writer.number)
      report(.tornTailCut(file: file, bytes: cut.bytes, copy: cut.copy))
      log.executor.queue.sync {
        log.assumeIsolated { $0.append(members: Self.recovery(bytes: cut.bytes, copy: cut.copy)) }
      }
    }
    return log
  }

  private init(
    _ opening: AuditOpening, _ directory: String, worker: String, settings: AuditSettings,
    executor: DispatchQueueExecutor, now: @escaping @Sendable () -> Int64,
    report: @escaping @Sendable (AuditReport) -> Void
  ) {
    self.executor = executor
    self.directory = directory
    self.worker = worker
    self.now = now
    self.report = report
    self.settings = settings
    writer = opening.writer
    space = opening.writer.space
    fileNumber = opening.writer.number
    oldest = opening.oldest
    head = opening.head
    durableHead = opening.head
    denials = DenialWindow(seconds: settings.denialSeconds)
    begun = opening.begun.flatMap { milliseconds(timestamp: $0) } ?? now()
    isNextReady = opening.head.sequence == 0
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
    try await checkRoom()
    append(entries)
    return head.sequence
  }

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
    try await untilDurable()
  }

  /// Records what has happened without a promise that anybody waits for; durable soon after.
  public func note(_ entries: [AuditEntry]) {
    if stop == nil { append(entries) }
  }

  /// Records that something was refused; durable soon after. Equal refusals of one uid share lines.
  public func deny(_ entry: AuditEntry) {
    guard stop == nil else { return }
    appendDenials(denials.note(entry, now: now()))
    setDenialClock()
  }

  private func check() throws(AuditError) { if let stop { throw stop } }

  /// Takes over new settings; they count from the next line on.
  public func reconfigure(_ new: AuditSettings) {
    settings = new
    denials.span = Int64(new.denialSeconds) * 1000
  }

  /// Writes what is still counted, and waits until everything is on disk; nothing is taken any more.
  public func close(with last: AuditEntry? = nil) async {
    guard stop == nil else { return }
    appendDenials(denials.takeAll())
    if let last { append([last]) }
    try? await untilDurable()
    if stop == nil { stop = AuditError(.closed, "write the audit log", "it is closed") }
  }

  // MARK: Appending

  private func append(_ entries: [AuditEntry]) {
    for entry in entries { append(line: entry.members { timestamp(milliseconds: $0) }) }
    commit()
  }

  private func append(members: [(key: String, value: JSONValue)]) {
    append(line: members)
    commit()
  }

  private func append(line members: [(key: String, value: JSONValue)]) {
    if pending.isEmpty { beginCommit() }
    chain(members)
  }

  private func chain(_ members: [(key: String, value: JSONValue)]) {
    let (bytes, hash) = AuditFormat.line(
      members, after: head, commit: commitStart, time: now(), worker: worker)
    pending += bytes
    head = AuditHead(sequence: head.sequence + 1, hash: hash)
  }

  /// The first line of a commit may be that of a new file.
  private func beginCommit() {
    commitStart = head.sequence + 1
    guard isNextReady else { return }
    isNextReady = false
    pendingStartsFile = true
    let number = fileNumber + 1
    let kept = UInt64(settings.files)
    if number >= kept { oldest = max(oldest, number - kept + 1) }
    let previous = head
    begun = now()
    chain([
      ("event", "file"), ("format", .integer(AuditFormat.version)),
      ("file", .integer(Int64(clamping: number))), ("oldestFile", .integer(Int64(clamping: oldest))),
    ])
    if number > 1 { report(.rotated(file: AuditFormat.name(file: number), head: previous)) }
  }

  private static func recovery(bytes: Int, copy: String) -> [(key: String, value: JSONValue)] {
    [("event", "recovered"), ("cutBytes", .integer(Int64(bytes))), ("copy", .string(copy))]
  }

  // MARK: Commits

  private func commit() {
    guard inFlight == nil, !pending.isEmpty, stop == nil else { return }
    let bytes = pending
    let startsFile = pendingStartsFile
    inFlight = head
    inFlightBytes = bytes.count
    pending = []
    pendingStartsFile = false
    onFileQueue { writer throws(SystemCallError) in
      try writer.commit(bytes, startsFile: startsFile)
    } then: { log, _ in
      log.committed(startsFile: startsFile)
    }
  }

  private func committed(startsFile: Bool) {
    durableHead = inFlight ?? durableHead
    inFlight = nil
    inFlightBytes = 0
    if startsFile {
      fileNumber += 1
      retryLength = 0
      removeOldFiles()
    }
    let count = waiters.prefix { $0.sequence <= durableHead.sequence }.count
    let woken = waiters.prefix(count)
    waiters.removeFirst(count)
    for (_, waiter) in woken { waiter.resume(returning: nil) }
    prepareNextWhenDue()
    commit()
  }

  /// Waits until everything appended so far is on disk, or until a line.
  ///
  /// - Parameter line: what ``begin(_:)`` returned.
  /// - Throws: ``AuditError/Code/failed``, ``AuditError/Code/closed``.
  public func untilDurable(_ line: UInt64? = nil) async throws(AuditError) {
    let sequence = line ?? head.sequence
    if durableHead.sequence >= sequence { return }
    try check()
    let failure = await withCheckedContinuation { wait($0, for: sequence) }
    if let failure { throw failure }
  }

  /// Waits for a line and all before it. Assumes that it is not durable.
  private func wait(_ waiter: CheckedContinuation<AuditError?, Never>, for sequence: UInt64) {
    let place = waiters.lastIndex { $0.sequence <= sequence }.map { $0 + 1 } ?? 0
    waiters.insert((sequence, waiter), at: place)
  }

  /// Does something on the queue of the files and goes on here, unless it failed: a failure there is final.
  private func onFileQueue<Value: Sendable>(
    _ body: @escaping @Sendable (AuditWriter) throws(SystemCallError) -> Value,
    then next: @escaping @Sendable (isolated AuditLog, Value) -> Void
  ) {
    let writer = writer
    fileQueue.async { [self] in
      let result = Result { () throws(SystemCallError) in try body(writer) }
      let space = writer.space
      executor.queue.async {
        self.assumeIsolated { log in
          log.space = space
          switch result {
          case .success(let value): next(log, value)
          case .failure(let error): log.fail(error)
          }
        }
      }
    }
  }

  private func fail(_ error: SystemCallError) {
    guard stop == nil || stop?.code == .closed else { return }
    let failure = AuditError("write the audit log", error)
    stop = failure
    for (_, waiter) in waiters { waiter.resume(returning: failure) }
    waiters = []
    wakeWaitingForRoom(hasRoom: false)
    report(.failed(failure))
  }

  // MARK: Room

  private var hasRoom: Bool {
    guard let end = space.reservedEnd, fileNumber > 0 else { return true }
    return end - space.length - unwritten >= AuditWriter.margin
  }

  /// Bytes that are to go into the room that there is.
  private var unwritten: Int64 { Int64(inFlightBytes + pending.count) }

  /// - Returns: false where the disk is full, or nothing is written any more.
  private func makeRoom() async -> Bool {
    await withCheckedContinuation { continuation in
      waitingForRoom.append(continuation)
      guard waitingForRoom.count == 1 else { return }
      let unwritten = unwritten
      onFileQueue { writer throws(SystemCallError) in
        try writer.keepRoom(beyond: unwritten)
      } then: { log, hasRoom in
        log.wakeWaitingForRoom(hasRoom: hasRoom)
      }
    }
  }

  private func wakeWaitingForRoom(hasRoom: Bool) {
    let woken = waitingForRoom
    waitingForRoom = []
    if stop == nil, hasRoom == wasFull {
      wasFull = !hasRoom
      report(.diskFull(wasFull))
    }
    for waiter in woken { waiter.resume(returning: hasRoom) }
  }

  // MARK: Files

  private func prepareNextWhenDue() {
    let isLong = space.length >= Int64(settings.fileBytes)
    let isOld = now() - begun >= Int64(settings.fileSeconds) * 1000
    guard isLong || isOld, !isNextReady, !isPreparing, !pendingStartsFile, space.length >= retryLength,
      stop == nil
    else { return }
    isPreparing = true
    onFileQueue { writer throws(SystemCallError) in
      do throws(SystemCallError) {
        try writer.prepareNext()
        return SystemCallError?.none
      } catch {
        return error
      }
    } then: { log, problem in
      log.isPreparing = false
      log.isNextReady = problem == nil
      guard let problem else { return }
      // The file that there is takes more lines meanwhile.
      log.retryLength = log.space.length + (64 << 10)
      log.report(.notRotated(problem))
    }
  }

  private func removeOldFiles() {
    let oldest = oldest
    onFileQueue { writer throws(SystemCallError) in
      do throws(SystemCallError) {
        try writer.removeFiles(before: oldest)
        return SystemCallError?.none
      } catch {
        return error
      }
    } then: { log, problem in
      if let problem { log.report(.notRotated(problem)) }
    }
  }

  // MARK: Denials

  /// On a full disk what is kept free is for those whose jobs were accepted.
  private func appendDenials(_ entries: [AuditEntry]) {
    if hasRoom { append(entries) }
  }

  private func setDenialClock() {
    if isDenialClockSet || denials.isEmpty { return }
    isDenialClockSet = true
    let deadline = DispatchTime.now() + .milliseconds(Int(clamping: denials.span) + 10)
    executor.queue.asyncAfter(deadline: deadline) { [weak self] in
      self?.assumeIsolated { $0.endDenialSpans() }
    }
  }

  private func endDenialSpans() {
    isDenialClockSet = false
    guard stop == nil else { return }
    appendDenials(denials.takeDue(now: now()))
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
