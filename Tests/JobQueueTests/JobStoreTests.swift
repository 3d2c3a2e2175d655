import Dispatch
import StrictJSON
import Synchronization
import SystemCalls
import Testing
import WireProtocol

@testable import JobQueue

@Suite struct JobStoreTests {
  private func store(
    _ directory: TemporaryDirectory, _ configuration: JobStoreConfiguration = JobStoreConfiguration()
  ) throws -> JobStore {
    try JobStore.open(directory: directory.path, configuration: configuration) { _ in }
  }

  private func code(_ body: () async throws -> Void) async -> JobStoreError.Code? {
    let error = await #expect(throws: JobStoreError.self) { try await body() }
    return error?.code
  }

  @Test func anAcceptedJobSurvivesARestart() async throws {
    let directory = try TemporaryDirectory()
    let store = try store(directory)
    let submission = try await store.submit(Sample.request(key: "k"))
    #expect(submission.isNew)
    #expect(submission.job.id == JobID(1))
    try await store.close()
    let again = try self.store(directory)
    #expect(try await again.job(submission.job.id) == submission.job)
    #expect(try await again.submit(Sample.request(key: "k")).isNew == false)
    let other = Sample.request(key: "k", body: ["stage": "dev"])
    let error = await #expect(throws: JobStoreError.self) { try await again.submit(other) }
    #expect(error?.code == .requestKeyConflict)
    #expect(error?.conflict == RequestKeyConflict(original: JobID(1), field: "stage"))
    try await again.close()
  }

  @Test func anIntentSurvivesAndIsSettledFirst() async throws {
    let directory = try TemporaryDirectory()
    var store = try store(directory)
    let id = try await store.submit(Sample.request()).job.id
    #expect(try await store.nextBatch(repository: "churn", limit: 3).jobs.map(\.id) == [id])
    #expect(try await store.nextBatch(repository: "churn", limit: 3).jobs.isEmpty)
    #expect(try await store.record(id, .prepared([Sample.intent()])) == .push([Sample.intent()]))
    try await store.close()
    store = try self.store(directory)
    let job = try #require(try await store.nextBatch(repository: "churn", limit: 3).jobs.first)
    #expect(job.intents == [Sample.intent()])
    #expect(job.attempts == 2)
    #expect(job.state == .running(.prepared))
    #expect(job.transitions.map(\.event) == ["submitted", "started", "prepared", "interrupted", "started"])
    #expect(try await store.record(id, .succeeded(1)) == .finish)
    try await store.finishBatch(repository: "churn", milliseconds: 3)
    #expect(try await store.repositoriesWithWork() == [])
    try await store.close()
  }

  @Test func refusalsSayWhy() async throws {
    let store = try store(try TemporaryDirectory(), JobStoreConfiguration(maximumOpenJobs: 1))
    let id = try await store.submit(Sample.request()).job.id
    #expect(await code { _ = try await store.submit(Sample.request()) } == .busy)
    #expect(await code { try await store.record(JobID(9), .started) } == .noSuchJob)
    #expect(await code { try await store.record(id, .pushing) } == .impossible)
    #expect(await code { _ = try await store.retry(id, by: nil) } == .impossible)
    _ = try await store.cancel(id, by: nil)
    #expect(await code { _ = try await store.cancel(id, by: nil) } == .impossible)
    let body = JSONValue.number(.infinity)
    #expect(await code { _ = try await store.submit(Sample.request(body: body)) } == .impossible)
    try await store.close()
    #expect(await code { _ = try await store.submit(Sample.request()) } == .closed)
    #expect(await code { _ = try await store.job(id) } == .closed)
    #expect(await code { try await store.close() } == .closed)
  }

  @Test(arguments: [FileCall.Kind.write, .sync])
  func theFirstFailureIsFinal(kind: FileCall.Kind) async throws {
    let directory = try TemporaryDirectory()
    let disk = FaultyDisk()
    let (fatal, continuation) = AsyncStream.makeStream(of: JobStoreError.self)
    let store = try JobStore.open(
      directory: directory.path, configuration: JobStoreConfiguration(faults: disk)
    ) { continuation.yield($0) }
    let job = try await store.submit(Sample.request()).job
    var updates = await store.updates(of: job.id).makeAsyncIterator()
    #expect(await updates.next()?.job == job)
    disk.set(kind, failing: .inputOutput)
    #expect(await code { _ = try await store.submit(Sample.request()) } == .failed)
    disk.set(kind, failing: nil)
    #expect(await code { _ = try await store.submit(Sample.request()) } == .failed)
    #expect(await code { _ = try await store.job(job.id) } == .failed)
    #expect(await code { _ = try await store.nextBatch(repository: "churn", limit: 1) } == .failed)
    #expect(await updates.next() == nil)
    var fatalCalls = fatal.makeAsyncIterator()
    #expect(await fatalCalls.next()?.code == .failed)
    #expect(await code { try await store.close() } == .failed)
    let again = try self.store(directory)
    #expect(try await again.job(job.id) == job)
    try await again.close()
  }

  @Test func aDeadlineThatHasPassedRejectsTheJob() async throws {
    let clock = TickingClock(start: 1000)
    var configuration = JobStoreConfiguration()
    configuration.now = { clock.next() }
    let store = try store(try TemporaryDirectory(), configuration)
    let late = try await store.submit(Sample.request(deadline: 1001)).job.id
    let next = try await store.submit(Sample.request(deadline: 9_000_000)).job.id
    #expect(try await store.nextBatch(repository: "churn", limit: 1).jobs.map(\.id) == [next])
    try await store.record(next, .succeeded(1))
    #expect(try await store.job(late)?.lastError?.code == JobError.deadlinePassed)
    #expect(try await store.job(late)?.state.name == .rejected)
    try await store.close()
  }

  @Test func aPausedRepositoryStaysPaused() async throws {
    let directory = try TemporaryDirectory()
    var store = try store(directory)
    let id = try await store.submit(Sample.request()).job.id
    try await store.setPaused(true, repository: "churn")
    #expect(try await store.nextBatch(repository: "churn", limit: 1).jobs.isEmpty)
    try await store.close()
    store = try self.store(directory)
    #expect(try await store.nextBatch(repository: "churn", limit: 1).jobs.isEmpty)
    #expect(try await store.queueStatistics.repositories.map(\.isPaused) == [true])
    try await store.setPaused(false, repository: "churn")
    #expect(try await store.nextBatch(repository: "churn", limit: 1).jobs.map(\.id) == [id])
    try await store.close()
  }

  @Test func listsAreFilteredAndPaged() async throws {
    let store = try store(try TemporaryDirectory())
    for number in 0..<10 {
      _ = try await store.submit(
        Sample.request(repository: number % 2 == 0 ? "churn" : "fraud", tenant: "t\(number % 3)"))
    }
    _ = try await store.cancel(JobID(1), by: nil)
    func ids(_ filter: JobFilter) async throws -> [UInt64] { try await store.jobs(filter).map(\.id.number) }
    #expect(try await ids(JobFilter(repository: "churn")) == [1, 3, 5, 7, 9])
    #expect(try await ids(JobFilter(tenant: "t0", states: [.queued])) == [4, 7, 10])
    #expect(try await ids(JobFilter(after: JobID(3), limit: 2)) == [4, 5])
    let statistics = try await store.queueStatistics
    #expect(statistics.jobs == [.queued: 9, .cancelled: 1])
    #expect(statistics.repositories.map(\.repository) == ["churn", "fraud"])
    #expect(statistics.repositories.map(\.queued) == [4, 5])
    try await store.close()
  }

  // MARK: Group commit

  @Test func whatArrivesTogetherSharesASync() async throws {
    let disk = GatedDisk()
    let store = try store(try TemporaryDirectory(), JobStoreConfiguration(faults: disk))
    _ = try await store.submit(Sample.request())
    let before = try await store.queueStatistics
    disk.hold()
    let submissions = (0..<100).map { _ in Task { try await store.submit(Sample.request()) } }
    // Reads go on while the sync hangs, and show nothing that is not on disk.
    while await store.table.nextID != JobID(102) { await Task.yield() }
    #expect(try await store.jobs().count == 1)
    disk.release()
    for submission in submissions { #expect(try await submission.value.isNew) }
    let after = try await store.queueStatistics
    #expect(after.records - before.records == 100)
    #expect(after.commits - before.commits == 2)
    try await store.close()
  }

  @Test("a job that is dropped, to make room, while it is taken back is gone")
  func droppedWhileWithdrawn() async throws {
    let disk = GatedDisk()
    var configuration = JobStoreConfiguration(faults: disk)
    configuration.retention = JobRetention(count: 0, requestKeyMilliseconds: 0)
    let store = try store(try TemporaryDirectory(), configuration)
    let id = try await store.submit(Sample.request()).job.id
    let other = try await store.submit(Sample.request()).job.id
    disk.hold()
    let isGone = Task { try await store.withdraw(id) }
    while await store.table.jobs[id]?.state != .cancelled { await Task.yield() }
    let cancelled = Task { try await store.cancel(other, by: nil) }
    while await store.table.jobs[id] != nil { await Task.yield() }
    disk.release()
    #expect(try await isGone.value)
    _ = try await cancelled.value
    #expect(try await store.job(id) == nil)
    try await store.close()
  }

  @Test("a job that has begun is gone once it has stopped")
  func withdrawnWhileRunning() async throws {
    let store = try store(try TemporaryDirectory())
    let id = try await store.submit(Sample.request(key: "a")).job.id
    _ = try await store.nextBatch(repository: Sample.request().repository, limit: 1)
    let isGone = Task { try await store.withdraw(id) }
    while await store.table.jobs[id]?.isCancelRequested != true { await Task.yield() }
    try await store.record(id, .interrupted)
    #expect(try await isGone.value)
    #expect(try await store.submit(Sample.request(key: "a")).isNew)
    try await store.close()
  }

  @Test("with a job of which it is not known what became of its push come all such, before their time")
  func unsettledTogether() async throws {
    let store = try store(try TemporaryDirectory())
    var ids: [JobID] = []
    for tenant in ["a", "b", "a"] {
      ids.append(try await store.submit(Sample.request(tenant: tenant)).job.id)
    }
    let other = try await store.submit(Sample.request(artifact: "other")).job.id
    #expect(
      Set(try await store.nextBatch(repository: "churn", limit: 10).jobs.map(\.id)) == Set(ids + [other]))
    for (id, wait) in zip(ids, [Int64(0), .max, .max]) {
      try await store.record(id, .prepared([Sample.intent()]))
      try await store.record(id, .pushing)
      try await store.record(id, .waiting(until: wait, Sample.error))
    }
    try await store.record(other, .waiting(until: .max, Sample.error))
    try await store.finishBatch(repository: "churn", milliseconds: 1)
    let batch = try await store.nextBatch(repository: "churn", limit: 1).jobs
    #expect(batch.map(\.id) == ids, "\(batch.map(\.id))")
    for id in ids { try await store.record(id, .failed(Sample.error)) }
    try await store.finishBatch(repository: "churn", milliseconds: 1)
    // So it is where one of them is tried again.
    _ = try await store.retry(ids[0], by: nil)
    #expect(
      Set(try await store.nextBatch(repository: "churn", limit: 10).jobs.map(\.id)) == Set(ids))
    try await store.close()
  }

  // MARK: Carried lines

  @Test func aRecordCarriesLinesUntilTheLogHasThem() async throws {
    let directory = try TemporaryDirectory()
    let configuration = JobStoreConfiguration(compactionMinimum: 10_000)
    let durable = Mutex<UInt64>(0)
    var store = try store(directory, configuration)
    await store.follow(CarriedLog(durable: { durable.withLock { $0 } }, takeWrite: { nil }), rewriting: false)
    var lines: [CarriedLines] = []
    for number in 0..<100 {
      let own = CarriedLines(first: UInt64(number + 5), time: 7, lines: [["number": .integer(Int64(number))]])
      let accepted = try #require(
        try await store.accept(Sample.request(artifact: "a\(number)")) { id in
          #expect(id == JobID(UInt64(number + 1)))
          return own
        })
      #expect(accepted.carried == own)
      try await store.untilDurable(accepted.mark)
      lines.append(own)
    }
    #expect(try await store.queueStatistics.compactions == 0)
    // Also that of a job which is gone again.
    #expect(try await store.withdraw(JobID(3)))
    try await store.close()

    store = try self.store(directory, configuration)
    #expect(await store.replayedLines == lines)
    for _ in 0..<20 { _ = try await store.submit(Sample.request()) }
    // Nobody has said that the log has them.
    #expect(try await store.queueStatistics.compactions == 0)
    await store.follow(CarriedLog(durable: { durable.withLock { $0 } }, takeWrite: { nil }), rewriting: true)
    while try await store.queueStatistics.compactions == 0 { await Task.yield() }
    try await store.close()

    store = try self.store(directory, configuration)
    #expect(await store.replayedLines == [])
    #expect(try await store.jobs().count == 119)
    try await store.close()
  }

  @Test("nobody is to come back for a job that waits in a paused repository before it is resumed")
  func pausedWhileWaiting() async throws {
    let store = try store(try TemporaryDirectory())
    let id = try await store.submit(Sample.request()).job.id
    _ = try await store.nextBatch(repository: "churn", limit: 1)
    try await store.record(id, .waiting(until: 1, Sample.error))
    try await store.finishBatch(repository: "churn", milliseconds: 1)
    try await store.setPaused(true, repository: "churn")
    let paused = try await store.nextBatch(repository: "churn", limit: 1)
    #expect(paused.jobs.isEmpty && paused.nextAttempt == nil)
    try await store.setPaused(false, repository: "churn")
    #expect(try await store.nextBatch(repository: "churn", limit: 1).jobs.map(\.id) == [id])
    try await store.close()
  }

  @Test(
    "a clock that is put back holds no waiting job up, and one that is put back a little not longer than that"
  )
  func clockPutBack() async throws {
    let now = Mutex<Int64>(1_000_000)
    var configuration = JobStoreConfiguration()
    configuration.now = { now.withLock { $0 } }
    let store = try store(try TemporaryDirectory(), configuration)
    let id = try await store.submit(Sample.request()).job.id
    for (clock, isDue) in [
      (900_000, true), (999_999, true), (1_000_000, false), (1_059_999, false), (1_060_000, true),
    ] {
      now.withLock { $0 = 1_000_000 }
      _ = try await store.nextBatch(repository: "churn", limit: 1)
      try await store.record(id, .waiting(until: 1_060_000, Sample.error))
      try await store.finishBatch(repository: "churn", milliseconds: 1)
      now.withLock { $0 = Int64(clock) }
      #expect(try await store.nextBatch(repository: "churn", limit: 1).jobs.map(\.id) == (isDue ? [id] : []))
      try await store.finishBatch(repository: "churn", milliseconds: 1)
      if !isDue { _ = try await store.retry(id, by: nil) }
    }
    try await store.close()
  }

  @Test func thereIsNoJobWhereItsLinesAreRefused() async throws {
    let store = try store(try TemporaryDirectory())
    #expect(try await store.accept(Sample.request(key: "k")) { _ in nil } == nil)
    #expect(try await store.jobs() == [])
    #expect(try await store.submit(Sample.request(key: "k")).job.id == JobID(1))
    try await store.close()
  }

  /// Also where the numbers have gaps, and while others have their turn.
  @Test func allJobsAreVisitedFromEitherEnd() async throws {
    var configuration = JobStoreConfiguration()
    configuration.retention = JobRetention(milliseconds: .max, count: 1_000_000, requestKeyMilliseconds: 0)
    let store = try store(try TemporaryDirectory(), configuration)
    try await withThrowingTaskGroup { group in
      for _ in 0..<1_600 { group.addTask { _ = try await store.submit(Sample.request()) } }
      try await group.waitForAll()
    }
    for number in [1, 2, 499, 500, 501, 1_100, 1_101, 1_600] {
      #expect(try await store.withdraw(JobID(UInt64(number))))
    }
    let all = try await store.jobs(JobFilter(limit: .max)).map(\.id)
    #expect(all.count == 1_592 && all == all.sorted())
    var newest: [JobID] = []
    try await store.visitJobs(newestFirst: true) { job in
      newest.append(job.id)
      return true
    }
    #expect(newest == all.reversed())
    newest = []
    try await store.visitJobs(newestFirst: true, beyond: JobID(1_102)) { job in
      newest.append(job.id)
      return newest.count < 700
    }
    #expect(newest == Array(all.filter { $0 < JobID(1_100) }.suffix(700).reversed()))
    #expect(try await store.jobs(JobFilter(after: JobID(499), limit: 3)).map(\.id.number) == [502, 503, 504])
    #expect(try await store.jobs(JobFilter(limit: 0)) == [])
    try await store.close()
  }

  @Test func theJournalIsCompactedOnceTheLogHasWhatItCarries() async throws {
    let durable = Mutex<UInt64>(0)
    let directory = try TemporaryDirectory()
    let store = try store(directory, JobStoreConfiguration(compactionMinimum: 10_000))
    await store.follow(CarriedLog(durable: { durable.withLock { $0 } }, takeWrite: { nil }), rewriting: false)
    func submit(line: UInt64?) async throws {
      guard let line else { return _ = try await store.submit(Sample.request()) }
      let accepted = try await store.accept(Sample.request()) { _ in
        CarriedLines(first: line, time: 7, lines: [[:]])
      }
      try await store.untilDurable(try #require(accepted).mark)
    }
    for line in 1...60 { try await submit(line: UInt64(line)) }
    #expect(try await store.queueStatistics.compactions == 0)
    durable.withLock { $0 = 60 }
    while try await store.queueStatistics.compactions == 0 { try await submit(line: nil) }
    try await store.close()
  }

  /// So that no line says what did not happen.
  @Test func linesAreAskedForOnlyWhereTheEventIsRecorded() async throws {
    let directory = try TemporaryDirectory()
    let store = try store(directory)
    let id = try await store.submit(Sample.request()).job.id
    let asked = Mutex(0)
    let lines: @Sendable (Job, JobEvent) -> CarriedLines? = { _, _ in
      let number = asked.withLock { asked in
        asked += 1
        return asked
      }
      return CarriedLines(first: UInt64(number), time: 7, lines: [["job": "1"]])
    }
    #expect(await code { try await store.record([(id, .pushing)], carrying: lines) } == .impossible)
    #expect(asked.withLock { $0 } == 0)
    _ = try await store.nextBatch(repository: "churn", limit: 1)
    try await store.record([(id, .prepared([Sample.intent()])), (id, .succeeded(1))], carrying: lines)
    try await store.close()
    let again = try self.store(directory)
    #expect(await again.replayedLines.map(\.first) == [1, 2])
    try await again.close()
  }

  @Test func whatIsOnItsWayWhenTheJournalIsCompactedIsNotWrittenTwice() async throws {
    let directory = try TemporaryDirectory()
    let store = try store(directory)
    let id = try await store.submit(Sample.request()).job.id
    _ = try await store.nextBatch(repository: "churn", limit: 1)
    // The snapshot has "started", which nobody waits for, before the journal has.
    await store.follow(CarriedLog(durable: { 0 }, takeWrite: { nil }), rewriting: true)
    #expect(try await store.queueStatistics.compactions == 1)
    try await store.record(id, .prepared([Sample.intent()]))
    try await store.close()
    let again = try self.store(directory)
    #expect(try await again.job(id)?.intents == [Sample.intent()])
    try await again.close()
  }

  /// Each compaction would write all of them again.
  @Test func aJournalInWhichJobsOnlyPileUpIsLeftAlone() async throws {
    let directory = try TemporaryDirectory()
    var configuration = JobStoreConfiguration(compactionMinimum: 10_000)
    configuration.retention = JobRetention(milliseconds: 0, count: 0, requestKeyMilliseconds: 0)
    let store = try store(directory, configuration)
    var ids: [JobID] = []
    func pileUp(toBytes length: Int64) async throws {
      while try await store.queueStatistics.journalBytes < length {
        ids.append(try await store.submit(Sample.request()).job.id)
      }
    }
    while try await store.queueStatistics.compactions == 0 { try await pileUp(toBytes: 10_500) }
    try await pileUp(toBytes: 60_000)
    #expect(try await store.queueStatistics.compactions == 1)
    // But what is kept of a job may be less than it was.
    try await pileUp(toBytes: 200_000)
    while try await store.queueStatistics.compactions == 1 { try await pileUp(toBytes: 201_000) }
    #expect(try await store.queueStatistics.compactions == 2)
    for id in ids { _ = try await store.cancel(id, by: nil) }
    // What ends next has those before it dropped.
    while try await store.queueStatistics.compactions == 2 {
      _ = try await store.cancel(try await store.submit(Sample.request()).job.id, by: nil)
    }
    #expect(try await store.queueStatistics.journalBytes < 200_000)
    try await store.close()
  }

  /// As under a load that never ends: what is carried is always a little ahead of what the log has synced.
  @Test func theJournalIsCompactedWhileTheLogLagsBehind() async throws {
    let directory = try TemporaryDirectory()
    var configuration = JobStoreConfiguration(compactionMinimum: 10_000)
    configuration.retention = JobRetention(milliseconds: 0, count: 0, requestKeyMilliseconds: 0)
    let store = try store(directory, configuration)
    let last = Mutex<UInt64>(0)
    await store.follow(
      CarriedLog(durable: { last.withLock { $0 } - 3 }, takeWrite: { nil }), rewriting: false)
    var line: UInt64 = 3
    while try await store.queueStatistics.compactions < 3 {
      line += 1
      last.withLock { [line] in $0 = line }
      let carried = CarriedLines(first: line, time: 7, lines: [["line": .integer(Int64(line))]])
      let accepted = try #require(try await store.accept(Sample.request()) { _ in carried })
      _ = try await store.cancel(accepted.submission.job.id, by: nil)
    }
    try await store.close()
    let again = try self.store(directory, configuration)
    // Those that the log had not are there, and no gap before them.
    #expect(await again.replayedLines.suffix(3).map(\.first) == [line - 2, line - 1, line])
    try await again.close()
  }

  // MARK: Watching

  @Test func watchersSeeTheStatesAndTheEnd() async throws {
    let store = try store(
      try TemporaryDirectory(), JobStoreConfiguration(positionInterval: 0.001))
    let first = try await store.submit(Sample.request()).job.id
    let id = try await store.submit(Sample.request()).job.id
    var updates = await store.updates(of: id).makeAsyncIterator()
    #expect(await updates.next()?.position == 2)
    _ = try await store.cancel(first, by: nil)
    #expect(await updates.next()?.position == 1)
    _ = try await store.nextBatch(repository: "churn", limit: 1)
    var update = await updates.next()
    while update?.job.state == .queued { update = await updates.next() }
    #expect(update?.job.state == .running(.planned))
    try await store.record(id, .succeeded(7))
    #expect(await updates.next()?.job.state == .succeeded(7))
    #expect(await updates.next() == nil)
    var finished = await store.updates(of: id).makeAsyncIterator()
    #expect(await finished.next()?.job.state == .succeeded(7))
    #expect(await finished.next() == nil)
    var unknown = await store.updates(of: JobID(99)).makeAsyncIterator()
    #expect(await unknown.next() == nil)
    try await store.close()
  }

  @Test func aSlowWatcherGetsTheLastStateOnly() async throws {
    let store = try store(try TemporaryDirectory())
    let id = try await store.submit(Sample.request()).job.id
    let updates = await store.updates(of: id)
    for _ in 0..<20 {
      _ = try await store.nextBatch(repository: "churn", limit: 1)
      try await store.finishBatch(repository: "churn", milliseconds: 1)
    }
    _ = try await store.cancel(id, by: nil)
    var seen: [JobStatus.State] = []
    for await snapshot in updates { seen.append(snapshot.job.state.name) }
    #expect(seen == [.cancelled])
    try await store.close()
  }

  @Test func aWatcherThatLeavesIsForgotten() async throws {
    let store = try store(try TemporaryDirectory())
    let id = try await store.submit(Sample.request()).job.id
    let task = Task { for await _ in await store.updates(of: id) {} }
    while await !store.watchers.isWatched(id) { await Task.yield() }
    task.cancel()
    await task.value
    while await store.watchers.isWatched(id) { await Task.yield() }
    try await store.close()
  }
}

/// A disk whose syncs can be held up.
final class GatedDisk: FileFaults {
  private let gate = DispatchSemaphore(value: 1)

  func hold() { gate.wait() }
  func release() { gate.signal() }

  func verdict(on call: FileCall) -> FaultVerdict {
    if call.kind == .sync {
      gate.wait()
      gate.signal()
    }
    return .proceed
  }

  func succeeded(_ call: FileCall, result: Int) {}
}
