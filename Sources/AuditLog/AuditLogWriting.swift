public import SystemCalls

/// How the log's lines come into its files. See ``AuditLog`` for what is promised.
extension AuditLog {
  /// Takes what was appended, to be written by whoever writes something else as well.
  ///
  /// - Returns: what is to be called on the queue of the files after all that was given to it until now; nil where there
  ///   is nothing to write.
  public func takeWrite() -> RoundTrip? {
    if pending.isEmpty || stop != nil { return nil }
    return takeCommit(syncs: pending.startsFile)
  }

  private func write() {
    if let work = takeWrite() { onFileQueue(work) }
  }

  /// Has all that was appended written and synced; what comes while a sync is in flight shares the next one.
  func sync() {
    wanted = last
    syncWanted()
  }

  private func syncWanted() {
    if wanted > durableHead.sequence, !isSyncing, stop == nil { onFileQueue(takeCommit(syncs: true)) }
  }

  private func takeCommit(syncs: Bool) -> RoundTrip {
    let lines = pending
    pending = PendingLines()
    inFlightBytes += lines.bytes
    if syncs { isSyncing = true }
    if lines.startsFile { isStartingFile = true }
    let firstUnsynced = durableHead.sequence + 1
    return fileWork { writer throws(SystemCallError) in
      let before = writer.head
      try writer.commit(lines, firstUnsynced: firstUnsynced, syncs: syncs)
      return (before, writer.head)
    } then: { log, heads in
      log.inFlightBytes -= lines.bytes
      if lines.startsFile { log.finishStart(after: heads.0) }
      log.finishCommit(heads.1, isDurable: syncs)
    }
  }

  private func finishStart(after head: AuditHead) {
    isStartingFile = false
    fileNumber += 1
    retryLength = 0
    if fileNumber > 1 { report(.rotated(file: AuditFormat.name(file: fileNumber), head: head)) }
    removeOldFiles()
  }

  private func finishCommit(_ head: AuditHead, isDurable: Bool) {
    writtenHead = head
    if isDurable {
      durableHead = head
      isSyncing = false
    }
    let woken = waiters.filter(isServed)
    waiters.removeAll(where: isServed)
    for waiter in woken { waiter.continuation.resume(returning: nil) }
    prepareNextWhenDue()
    syncWanted()
  }

  struct Waiter {
    let line: UInt64
    let isForDisk: Bool
    let continuation: CheckedContinuation<AuditError?, Never>
  }

  private func isServed(_ waiter: Waiter) -> Bool {
    waiter.line <= (waiter.isForDisk ? durableHead : writtenHead).sequence
  }

  /// Waits until everything appended so far is on disk, or until a line.
  ///
  /// - Parameter line: what ``begin(_:)`` returned.
  /// - Throws: ``AuditError/Code/failed``, ``AuditError/Code/closed``.
  public func untilDurable(_ line: UInt64? = nil) async throws(AuditError) {
    try await wait(for: line ?? last, isForDisk: true)
  }

  /// Whether a line is in its file.
  public func isWritten(_ line: UInt64) -> Bool { line <= writtenHead.sequence }

  /// Waits until everything appended so far is in its file, or until a line.
  ///
  /// - Throws: as ``untilDurable(_:)`` does.
  public func untilWritten(_ line: UInt64? = nil) async throws(AuditError) {
    try await wait(for: line ?? last, isForDisk: false)
  }

  private func wait(for line: UInt64, isForDisk: Bool) async throws(AuditError) {
    // Looked at once this is here for good: the runtime may take a turn on the way.
    let failure = await withCheckedContinuation { continuation in
      let waiter = Waiter(line: line, isForDisk: isForDisk, continuation: continuation)
      if isServed(waiter) { return continuation.resume(returning: nil) }
      if let stop { return continuation.resume(returning: stop) }
      waiters.append(waiter)
      if isForDisk {
        wanted = max(wanted, line)
        syncWanted()
      } else {
        write()
      }
    }
    if let failure { throw failure }
  }

  /// What nobody waits for is synced soon.
  func setSyncClock() {
    if isSyncClockSet { return }
    isSyncClockSet = true
    executor.async(at: .after(seconds: Self.syncDelay)) {
      self.assumeIsolated { log in
        log.isSyncClockSet = false
        log.sync()
      }
    }
  }

  /// Does something on the queue of the files and goes on here, unless it failed: a failure there is final.
  private func onFileQueue<Value: Sendable>(
    _ body: @escaping @Sendable (AuditWriter) throws(SystemCallError) -> Value,
    then next: @escaping @Sendable (isolated AuditLog, Value) -> Void
  ) {
    onFileQueue(fileWork(body, then: next))
  }

  private func onFileQueue(_ work: @escaping RoundTrip) {
    fileQueue.async { [executor] in executor.async(work()) }
  }

  private func fileWork<Value: Sendable>(
    _ body: @escaping @Sendable (AuditWriter) throws(SystemCallError) -> Value,
    then next: @escaping @Sendable (isolated AuditLog, Value) -> Void
  ) -> RoundTrip {
    let writer = writer
    return {
      let result = Result { () throws(SystemCallError) in try body(writer) }
      let space = writer.space
      return {
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
    for waiter in waiters { waiter.continuation.resume(returning: failure) }
    waiters = []
    wakeWaitingForRoom(hasRoom: false)
    report(.failed(failure))
  }

  // MARK: Room

  var hasRoom: Bool {
    guard let end = space.reservedEnd, fileNumber > 0 else { return true }
    return end - space.length - unwritten >= AuditWriter.margin
  }

  /// Bytes that are to go into the room that there is.
  private var unwritten: Int64 { inFlightBytes + pending.bytes }

  /// - Returns: false where the disk is full, or nothing is written any more.
  func makeRoom() async -> Bool {
    await withCheckedContinuation { continuation in
      if stop != nil { return continuation.resume(returning: false) }
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
    guard isLong || isOld, !isNextReady, !isPreparing, !pending.startsFile, !isStartingFile,
      space.length >= retryLength,
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
}
