internal import Dispatch
internal import SystemCalls

extension JobStore {
  // MARK: Commits

  /// Waits until everything changed so far is on disk, or until a mark.
  ///
  /// - Parameter mark: what ``accept(_:)`` returned.
  public func untilDurable(_ mark: UInt64? = nil) async throws(JobStoreError) {
    let number = mark ?? commits.appended
    // Looked at once this is here for good: the runtime may take a turn on the way.
    let outcome: CommitLine.Outcome = await withCheckedContinuation { waiter in
      if let failure {
        waiter.resume(returning: .failure(failure))
      } else if commits.durable >= number {
        waiter.resume(returning: .success(()))
      } else {
        commits.wait(waiter, for: number)
        commit()
      }
    }
    try outcome.get()
  }

  /// Why nothing is written any more; nil where what was changed still is.
  private var failure: JobStoreError? { stop?.code == .closed ? nil : stop }

  /// Sends what is pending to the disk, unless something is on its way there: then its end does.
  func commit() {
    guard failure == nil, let (payloads, first) = commits.begin() else { return }
    onJournal(after: carriedLog.takeWrite()) { journal throws(SystemCallError) in
      try journal.commit(payloads, first: first)
    } then: { store, _ in
      store.committed()
    }
  }

  private func committed() {
    let (waiters, changed) = commits.finish()
    for waiter in waiters { waiter.resume(returning: .success(())) }
    for id in changed where watchers.isWatched(id) { tell(id) }
    compactWhenLong()
    if commits.isAwaited { commit() }
    clearAheadWhenDue()
  }

  /// Behind what is on its way to the disk.
  private func clearAheadWhenDue() {
    if !space.isClearingDue || isClearing || stop != nil { return }
    isClearing = true
    onJournal { journal throws(SystemCallError) in
      try journal.clearAhead()
    } then: { store, _ in
      store.isClearing = false
    }
  }

  /// What nobody waits for goes to the disk together, and with what somebody waits for.
  func setCommitClock() {
    if isCommitClockSet { return }
    isCommitClockSet = true
    executor.async(at: .after(seconds: Self.commitDelay)) {
      self.assumeIsolated { store in
        store.isCommitClockSet = false
        store.commit()
        // While another commit is in flight.
        if !store.commits.pending.isEmpty, store.failure == nil { store.setCommitClock() }
      }
    }
  }

  /// After which what nobody waits for is on its way to the disk, and shown to those who watch. In seconds.
  private static let commitDelay = 0.010

  /// Does something on the journal's queue, and goes on here unless it failed: a failure there is final.
  ///
  /// - Parameter before: what is done there first, and returns what is done here first.
  private func onJournal<Value: Sendable>(
    after before: RoundTrip? = nil,
    _ body: @escaping @Sendable (Journal) throws(SystemCallError) -> Value,
    then proceed: @escaping @Sendable (isolated JobStore, Value) -> Void
  ) {
    let journal = journal
    journalQueue.async { [self] in
      let next = before?()
      let result = Result { () throws(SystemCallError) in try body(journal) }
      let space = journal.space
      executor.async {
        next?()
        self.assumeIsolated { store in
          store.space = space
          switch result {
          case .success(let value): proceed(store, value)
          case .failure(let error): store.fail(error)
          }
        }
      }
    }
  }

  /// The first failure is final.
  func fail(_ error: SystemCallError) {
    guard failure == nil else { return }
    let cause = JobStoreError(
      .failed, "write the journal",
      "\(error); nothing is accepted any more, and the worker must start again to see what is on disk",
      underlying: error)
    stop = cause
    for waiter in commits.abandon() { waiter.resume(returning: .failure(cause)) }
    wake(&waitingForSpace)
    isCompacting = false
    wake(&waitingForCompaction)
    watchers.endAll()
    fatal(cause)
  }

  private func wake(_ waiters: inout [CheckedContinuation<Void, Never>]) {
    let woken = waiters
    waiters = []
    for waiter in woken { waiter.resume() }
  }

  // MARK: Space

  /// Whether, once a record is written, there is space left for what the accepted jobs need.
  ///
  /// - Parameter size: what the record takes on disk, in bytes.
  func hasRoom(forRecordOf size: Int64) -> Bool {
    guard let end = space.reservedEnd, end < spaceNeeded(forRecordOf: size) else {
      isDiskFull = false
      return true
    }
    return false
  }

  /// Waits for that space; everything may be different afterwards.
  ///
  /// - Throws: ``JobStoreError/Code/busy`` when the disk is full.
  func makeRoom(forRecordOf size: Int64) async throws(JobStoreError) {
    let needed = spaceNeeded(forRecordOf: size)
    await withCheckedContinuation { continuation in
      if stop != nil { return continuation.resume() }
      waitingForSpace.append(continuation)
      if waitingForSpace.count == 1 { reserve(upTo: needed) }
    }
    try check("accept a job")
    if isDiskFull, let end = space.reservedEnd, end < spaceNeeded(forRecordOf: size) {
      throw JobStoreError(.busy, "accept a job", "the disk with the state directory is full")
    }
  }

  private func spaceNeeded(forRecordOf size: Int64) -> Int64 {
    space.length + commits.undurableBytes + size + spaceReserve(jobs: table.openCount + 1)
  }

  private func spaceReserve(jobs: Int) -> Int64 {
    configuration.reservedBytes + Int64(jobs) * configuration.reservedBytesPerJob
  }

  /// Reserves what the accepted jobs need, before anything else is written.
  func reserveForOpenJobs() { reserve(upTo: space.length + spaceReserve(jobs: table.openCount)) }

  private func reserve(upTo needed: Int64) {
    let step = configuration.reservationStep
    onJournal { journal throws(SystemCallError) in
      if try journal.reserve(upTo: needed + step) { return true }
      return try journal.reserve(upTo: needed)
    } then: { store, isReserved in
      store.isDiskFull = !isReserved
      store.wake(&store.waitingForSpace)
    }
  }

  // MARK: Compaction

  private func compactWhenLong() {
    if isCompacting || stop != nil || space.length < compactionLength { return }
    if Double(space.length) < min(3 * expectedLength, 4 * Double(compactionLength)) { return }
    isCompacting = true
    let table = table
    let after = commits.appended
    let directory = journal.directory
    let reserve = spaceReserve(jobs: table.openCount + 1)
    compactionLine = lastCarriedLine
    onJournal { journal throws(SystemCallError) in
      journal.beginCompaction(after: after)
      return journal.segment.number + 1
    } then: { store, segment in
      store.writeDraft(table, segment: segment, directory: directory, reserve: reserve)
    }
  }

  /// How long the journal would be after a compaction, in bytes, if what is kept of each job took what it took last time.
  /// Where jobs only pile up, there is little to leave out.
  private var expectedLength: Double { keptBytesPerJob * Double(table.jobs.count) }

  private func writeDraft(
    _ table: JobTable, segment: UInt64, directory: DurableDirectory, reserve: Int64
  ) {
    compactionQueue.async { [self] in
      let draft = Result { () throws(SystemCallError) in
        try Journal.writeDraft(table, segment: segment, in: directory)
      }
      executor.async {
        self.assumeIsolated { $0.finishCompaction(draft, reserve: reserve, until: .after(seconds: 5)) }
      }
    }
  }

  /// What the old records carry is kept until the audit log has it, which it has soon unless it has failed; the draft is
  /// given up then.
  private func finishCompaction(
    _ draft: Result<JournalSegment?, SystemCallError>, reserve: Int64, until deadline: MonotonicTime
  ) {
    guard failure == nil else { return }
    if case .success(let draft?) = draft { keptBytesPerJob = draft.bytesPerRecord }
    let hasLines = compactionLine <= carriedLog.durable()
    if !hasLines, stop == nil, !deadline.hasPassed {
      return executor.async(at: .after(seconds: Self.commitDelay)) {
        self.assumeIsolated { $0.finishCompaction(draft, reserve: reserve, until: deadline) }
      }
    }
    let draft = hasLines ? draft : draft.map { _ in nil }
    onJournal { journal throws(SystemCallError) in
      try journal.finishCompaction(try draft.get(), reserve: reserve)
    } then: { store, isCompacted in
      store.isCompacting = false
      store.compactions += isCompacted ? 1 : 0
      // Where the disk was too full, wait until the journal has grown by half.
      store.compactionLength = max(
        store.configuration.compactionMinimum,
        isCompacted ? 2 * store.space.length : store.space.length + store.space.length / 2)
      store.wake(&store.waitingForCompaction)
    }
  }

  // MARK: Carried lines

  /// Has the audit log keep up with what the records carry from now on. Assumes that it has all of
  /// ``replayedLines`` on disk.
  ///
  /// - Parameter rewriting: whether some of them were missing there, so that they have other numbers now: the journal is
  ///   rewritten without them on return, unless the disk is too full.
  public func follow(_ log: CarriedLog, rewriting: Bool) async {
    replayedLines = []
    lastCarriedLine = 0
    compactionLine = 0
    carriedLog = log
    startApprovalClock()
    guard rewriting else { return }
    compactionLength = 0
    compactWhenLong()
    await untilCompacted()
  }

  /// Waits for the end of a compaction under way.
  private func untilCompacted() async {
    await withCheckedContinuation { continuation in
      if isCompacting { waitingForCompaction.append(continuation) } else { continuation.resume() }
    }
  }

  // MARK: The end

  /// Refuses new calls, waits until what was recorded is on disk, and lets the directory go.
  ///
  /// - Throws: ``JobStoreError/Code/failed`` when that did not succeed; the directory is let go all the same.
  public func close() async throws(JobStoreError) {
    let failure = stop
    if failure == nil { stop = JobStoreError(.closed, "use the job store", "it is closed") }
    var outcome: CommitLine.Outcome = .success(())
    do throws(JobStoreError) {
      try await untilDurable()
    } catch {
      outcome = .failure(error)
    }
    await untilCompacted()
    await drainQueues()
    watchers.endAll()
    try outcome.get()
    if failure != nil { try check("close") }
  }

  /// Waits for what still runs on the journal's queues, and closes the journal there.
  private func drainQueues() async {
    let journal = journal
    let journalQueue = journalQueue
    let isWhole = failure == nil
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      compactionQueue.async {
        journalQueue.async {
          journal.close(isWhole: isWhole)
          continuation.resume()
        }
      }
    }
  }
}
