internal import Dispatch
internal import StrictJSON
public import SystemCalls
internal import WireProtocol

/// All jobs, kept durably: the one place through which jobs are accepted, chosen and settled.
///
/// What has returned is on disk, wherever the method says so; what reads and updates show is on disk too.
/// Requests that arrive while the journal is being synced share the next sync. After the first failed
/// write or sync every call throws ``JobStoreError/Code/failed``: only a new start knows what is on disk.
public actor JobStore {
  nonisolated let executor: any SerialQueue
  let configuration: JobStoreConfiguration
  var table: JobTable
  var commits = CommitLine()
  var isCommitClockSet = false
  var watchers = Watchers()
  /// Repositories whose places in line have changed since watchers were told.
  var moved: Set<BytewiseString> = []
  var isTellingPlanned = false
  /// Why nothing is done any more.
  var stop: JobStoreError?
  /// Used on `journalQueue` alone.
  let journal: Journal
  let journalQueue: any SerialQueue
  let compactionQueue = DispatchQueue(label: "stagekeeper.compaction", qos: .utility)
  /// As the last finished operation of the journal left it.
  var space: Journal.Space
  var isDiskFull = false
  var isClearing = false
  /// Who waits for an answer from the disk: for space, or for the end of a compaction.
  var waitingForSpace: [CheckedContinuation<Void, Never>] = []
  var waitingForCompaction: [CheckedContinuation<Void, Never>] = []
  var isCompacting = false
  var compactions: UInt64 = 0
  /// What the records that were replayed carry, until ``follow(_:rewriting:)``.
  public internal(set) var replayedLines: [CarriedLines]
  /// The last line that a record carries; 0 where none does.
  var lastCarriedLine: UInt64
  /// The last of those that the compaction under way would drop.
  var compactionLine: UInt64 = 0
  var carriedLog = CarriedLog(durable: { 0 }, takeWrite: { nil })
  /// How many jobs have ended since the start.
  private(set) var ended: [JobStatus.State: Int] = [:]
  /// What those that succeeded took.
  private(set) var durations = DurationHistogram()
  /// When the next job ends that nobody approves, in milliseconds since 1970.
  var approvalAlarm = Int64.max
  /// The length before which the journal is not compacted again, in bytes.
  var compactionLength: Int64
  /// What the last compaction kept for a job on average, in bytes; 0 before the first.
  var keptBytesPerJob = 0.0
  let fatal: @Sendable (JobStoreError) -> Void

  /// What the record of a request takes on disk beside the request's body, with the lines that it carries, in bytes.
  private static let recordMargin: Int64 = 4096

  public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// Opens the state directory and replays its journal. Jobs that were running stand in line again.
  ///
  /// - Parameters:
  ///   - directory: made where there is none; one worker at a time uses it.
  ///   - executor: on which the store runs. Actors that share it call each other without a change of thread.
  ///   - journalQueue: on which the journal is written and synced, one thing after the other.
  ///   - awaitsLog: whether ``follow(_:rewriting:)`` is called before anything else: until then no job's time is over.
  ///   - fatal: called once, on the store's queue, when writing or syncing has failed: the worker must exit.
  /// - Throws: ``JobStoreError/Code/inUse``, ``JobStoreError/Code/damaged``,
  ///   ``JobStoreError/Code/unsupported`` or ``JobStoreError/Code/failed``.
  public static func open(
    directory: String, configuration: JobStoreConfiguration = JobStoreConfiguration(),
    executor: any SerialQueue = DispatchQueueExecutor(label: "stagekeeper.jobs"),
    journalQueue: any SerialQueue = DispatchQueueExecutor(label: "stagekeeper.journal", hasOwnThread: true),
    awaitsLog: Bool = false, fatal: @escaping @Sendable (JobStoreError) -> Void
  ) throws(JobStoreError) -> JobStore {
    let (journal, replay) = try Journal.open(directory, faults: configuration.faults)
    let store = JobStore(
      configuration: configuration, executor: executor, journalQueue: journalQueue, journal: journal,
      replay: replay, fatal: fatal)
    store.executor.sync { store.assumeIsolated { $0.resume(awaitsLog: awaitsLog) } }
    return store
  }

  private init(
    configuration: JobStoreConfiguration, executor: any SerialQueue, journalQueue: any SerialQueue,
    journal: Journal,
    replay: (table: JobTable, carried: [CarriedLines]),
    fatal: @escaping @Sendable (JobStoreError) -> Void
  ) {
    self.configuration = configuration
    self.executor = executor
    self.journalQueue = journalQueue
    self.journal = journal
    table = replay.table
    replayedLines = replay.carried
    lastCarriedLine = replay.carried.map(\.last).max() ?? 0
    self.fatal = fatal
    space = journal.space
    compactionLength = max(configuration.compactionMinimum, 2 * journal.space.length)
  }

  /// What was running when the last worker ended stands in line again; intents say what may be under way.
  private func resume(awaitsLog: Bool) {
    reserveForOpenJobs()
    for id in table.ids(after: nil) where table.jobs[id]?.state.name == .running {
      _ = try? changeNow(id, .interrupted)
    }
    if !awaitsLog { startApprovalClock() }
  }

  // MARK: Accepting

  /// Accepts a request, or finds the job that an equal one has become: what is accepted is on its way to the disk on
  /// return, and there after ``untilDurable(_:)`` with the mark. Nobody may be told before.
  ///
  /// - Parameter lines: called on the store's executor with the number of a new job; what it returns is as durable
  ///   as the job, and returned here. Where it returns nil, there is no job.
  /// - Returns: nil where there is no job because there are no lines.
  /// - Throws: ``JobStoreError/Code/busy``, ``JobStoreError/Code/requestKeyConflict``,
  ///   ``JobStoreError/Code/closed``, ``JobStoreError/Code/failed``.
  public func accept(
    _ request: JobRequest, carrying lines: (@Sendable (JobID) -> CarriedLines?)? = nil
  ) async throws(JobStoreError) -> (submission: Submission, mark: UInt64, carried: CarriedLines?)? {
    while true {
      try check("accept a job")
      if let job = try original(of: request) {
        return (submission(of: job, isNew: false), commits.appended, nil)
      }
      if table.openCount >= configuration.maximumOpenJobs {
        throw JobStoreError(.busy, "accept a job", "\(table.openCount) jobs are in line already")
      }
      try checkShare(of: request)
      let size = Int64(request.body.serializedCount) + Self.recordMargin
      if !hasRoom(forRecordOf: size) {
        // While this waits for space, others may be accepted: look again.
        try await makeRoom(forRecordOf: size)
        continue
      }
      let id = table.nextID
      let carried = lines?(id)
      if lines != nil, carried == nil { return nil }
      try change(.submitted(id, request, time: configuration.now()), id, carrying: carried)
      commit()
      return (submission(of: try existing(id), isNew: true), commits.appended, carried)
    }
  }

  private func submission(of job: Job, isNew: Bool) -> Submission {
    let isPaused = table.pausedRepositories.contains(BytewiseString(job.request.repository))
    return Submission(job: job, isNew: isNew, isPaused: isPaused)
  }

  /// Takes back a job that was accepted and of which nobody was told: its number is used up, its request key is
  /// free. One that has begun meanwhile is stopped, for which this waits; one whose tags may be on their way stays.
  ///
  /// - Returns: whether it is gone; durable on return.
  public func withdraw(_ id: JobID) async throws(JobStoreError) -> Bool {
    if try await !cancel(id, by: nil).state.isFinished {
      for await snapshot in updates(of: id) where !snapshot.job.intents.isEmpty { break }
    }
    // Who watches it was told that it was cancelled. It may have been dropped since, or tried again.
    if let job = table.jobs[id] {
      guard job.state == .cancelled else { return false }
      try change(.dropped([id]), nil)
    }
    try await untilDurable()
    return true
  }

  /// Whether the tenant may have one more.
  private func checkShare(of request: JobRequest) throws(JobStoreError) {
    func refuse(_ message: String, _ limit: String) -> JobStoreError {
      var error = JobStoreError(.busy, "accept a job", message)
      error.limit = limit
      return error
    }
    let tenant = request.requester.tenant
    let mine = table.openCount(ofTenant: tenant)
    if mine >= configuration.maximumOpenJobsPerTenant {
      throw refuse("your tenant has \(mine) unfinished jobs, as many as one tenant may have", "jobsPerTenant")
    }
    let bytes = configuration.retention.bytes
    if request.requestKey != nil, table.finishedBytes(ofTenant: tenant) > bytes {
      dropOldJobs(tenant: tenant)
      let finished = table.finishedBytes(ofTenant: tenant)
      if finished > bytes {
        throw refuse(
          "your tenant's finished jobs take \(finished >> 10) KiB, and those with request keys are kept for a while",
          "finishedBytesPerTenant")
      }
    }
    let here = table.openCount(ofTenant: tenant, repository: request.repository)
    if here >= configuration.maximumOpenJobsPerTenantAndRepository {
      throw refuse(
        "your tenant has \(here) unfinished jobs in this repository, as many as one tenant may have there",
        "jobsPerTenantAndRepository")
    }
  }

  /// Whether a job has the request's key, be it for the same request or for another.
  public func isKnown(_ request: JobRequest) -> Bool { RequestKey(request).map(table.isKnown) ?? false }

  private func original(of request: JobRequest) throws(JobStoreError) -> Job? {
    do throws(RequestKeyConflict) {
      return try table.original(of: request)
    } catch {
      throw JobStoreError(
        .requestKeyConflict, "accept a job",
        "job \(error.original) has this request key, and its \"\(error.field)\" is another", conflict: error)
    }
  }

  // MARK: Changing

  /// Records what happened to a job. Durable on return when the event ``JobEvent/mustBeDurable``.
  ///
  /// - Returns: what to do next. Heed it: a job that somebody wants stopped answers
  ///   ``JobStep/finish`` to ``JobEvent/prepared(_:)``, and nothing may be pushed for it.
  /// - Throws: ``JobStoreError/Code/noSuchJob``, ``JobStoreError/Code/impossible``,
  ///   ``JobStoreError/Code/closed``, ``JobStoreError/Code/failed``.
  @discardableResult
  public func record(_ id: JobID, _ event: JobEvent) async throws(JobStoreError) -> JobStep {
    let step = try changeNow(id, event)
    if event.mustBeDurable { try await untilDurable() }
    return step
  }

  /// Records what happened to several jobs, in this order and with nothing in between; durable on return when
  /// one of the events ``JobEvent/mustBeDurable``. After a crash the first few of them may be there, never a
  /// later one without those before it.
  ///
  /// - Parameter lines: called on the store's executor with each job as it is before its event, once nothing keeps that
  ///   from being recorded; what it returns is as durable as the event.
  /// - Returns: what to do next with each, as ``record(_:_:)`` does.
  @discardableResult
  public func record(
    _ events: [(id: JobID, event: JobEvent)],
    carrying lines: @Sendable (Job, JobEvent) -> CarriedLines? = { _, _ in nil }
  ) async throws(JobStoreError) -> [JobStep] {
    var steps: [JobStep] = []
    for (id, event) in events { steps.append(try changeNow(id, event, carrying: lines)) }
    if events.contains(where: \.event.mustBeDurable) { try await untilDurable() }
    return steps
  }

  /// Stops a job: at once, or as soon as what may be on its way to the remote is settled.
  ///
  /// - Parameter by: who wants it, for the record.
  /// - Returns: the job after it; durable on return.
  public func cancel(_ id: JobID, by requester: Requester?) async throws(JobStoreError) -> Job {
    try changeNow(id, .cancelRequested(by: requester))
    let job = try existing(id)
    try await untilDurable()
    return job
  }

  /// Has a failed job tried again, or a waiting one before its time. One of which it is not known what became of its push
  /// takes those of its artifact along that failed like that: it may have been planned on them.
  ///
  /// - Returns: the job after it; durable on return.
  public func retry(_ id: JobID, by requester: Requester?) async throws(JobStoreError) -> Job {
    let before = try existing(id)
    try changeNow(id, .retried(by: requester))
    let job = try existing(id)
    if !job.intents.isEmpty, before.state.name == .failed {
      for other in table.failedUnsettled(beside: job) { try changeNow(other, .retried(by: requester)) }
    }
    try await untilDurable()
    return job
  }

  /// No batch of a paused repository begins, until it is resumed, also after a restart; durable on return.
  public func setPaused(_ paused: Bool, repository: String) async throws(JobStoreError) {
    try check(paused ? "pause" : "resume")
    try change(.paused(repository: repository, paused, time: configuration.now()), nil)
    noteMove(in: repository)
    try await untilDurable()
  }

  @discardableResult
  func changeNow(
    _ id: JobID, _ event: JobEvent, carrying lines: (Job, JobEvent) -> CarriedLines? = { _, _ in nil }
  ) throws(JobStoreError) -> JobStep {
    let operation = "record \(event.name) of job \(id)"
    try check(operation)
    // Before the change, so that a job which ends with it can still be looked at.
    dropOldJobs(tenant: try existing(id).request.requester.tenant)
    let job = try existing(id)
    let time = configuration.now()
    do {
      var changed = job
      _ = try changed.apply(event, at: time)
    } catch {
      throw JobStoreError(.impossible, operation, "\(error)", underlying: error)
    }
    let step = try change(.event(id, event, time: time), id, carrying: lines(job, event)) ?? .proceed
    if case .awaitApproval = step { setApprovalAlarm() }
    return step
  }

  /// Rejects a job because its time is over, which nobody else decides.
  func expire(_ id: JobID, _ error: JobError) throws(JobStoreError) {
    try changeNow(id, .rejected(error), carrying: carriedLog.expiry)
  }

  private func payload(of entry: JournalEntry) throws(JobStoreError) -> [UInt8] {
    guard let payload = entry.payload() else {
      throw JobStoreError(.impossible, "change a job", "the record is too long or cannot be written as JSON")
    }
    return payload
  }

  /// Applies a record and puts it in the line for the disk, where it goes with the next commit that somebody waits for,
  /// or soon.
  @discardableResult
  private func change(
    _ record: JobRecord, _ id: JobID?, carrying lines: CarriedLines? = nil
  ) throws(JobStoreError) -> JobStep? {
    let payload = try payload(of: JournalEntry(record: record, carried: lines))
    let old = id.flatMap { table.jobs[$0] }
    let step: JobStep?
    do {
      step = try table.apply(record)
    } catch {
      throw JobStoreError(.impossible, "change a job", "\(error)", underlying: error)
    }
    if let id, let state = table.jobs[id]?.state.name, state.isFinished, old?.state.isFinished == false {
      noteEnd(of: id, state)
    }
    commits.append(payload, changing: id, from: old)
    if let lines { lastCarriedLine = max(lastCarriedLine, lines.last) }
    if let id, let job = table.jobs[id] { noteMove(in: job.request.repository) }
    setCommitClock()
    return step
  }

  private func noteEnd(of id: JobID, _ state: JobStatus.State) {
    ended[state, default: 0] += 1
    guard state == .succeeded, let job = table.jobs[id], let end = job.finishedAt else { return }
    durations.add(milliseconds: end - job.dueSince)
  }

  private func dropOldJobs(tenant: String) {
    let ids = table.droppable(configuration.retention, tenant: tenant, now: configuration.now(), limit: 100)
    if ids.isEmpty { return }
    _ = try? change(.dropped(ids), nil)
  }

  func check(_ operation: String) throws(JobStoreError) {
    if let stop { throw JobStoreError(stop.code, operation, stop.message, underlying: stop.underlying) }
  }

  func existing(_ id: JobID) throws(JobStoreError) -> Job {
    guard let job = table.jobs[id] else {
      throw JobStoreError(.noSuchJob, "find job \(id)", "there is no such job, or it was dropped by now")
    }
    return job
  }
}
