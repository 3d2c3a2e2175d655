internal import Dispatch
internal import SystemCalls

/// All jobs, kept durably: the one place through which jobs are accepted, chosen and settled.
///
/// What has returned is on disk, wherever the method says so; what reads and updates show is on disk too.
/// Requests that arrive while the journal is being synced share the next sync. After the first failed
/// write or sync every call throws ``JobStoreError/Code/failed``: only a new start knows what is on disk.
public actor JobStore {
  let executor = DispatchQueueExecutor(label: "stagekeeper.jobs")
  let configuration: JobStoreConfiguration
  var table: JobTable
  var commits = CommitLine()
  var watchers = Watchers()
  /// Repositories whose places in line have changed since watchers were told.
  var moved: Set<ExactString> = []
  var isTellingPlanned = false
  /// Why nothing is done any more.
  var stop: JobStoreError?
  private let journalQueue = DispatchQueue(label: "stagekeeper.journal")
  private let fatal: @Sendable (JobStoreError) -> Void

  public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// Opens the state directory and replays its journal. Jobs that were running stand in line again.
  ///
  /// - Parameters:
  ///   - directory: made where there is none; one worker at a time uses it.
  ///   - fatal: called once, on the store's queue, when writing or syncing has failed: the worker must exit.
  /// - Throws: ``JobStoreError/Code/inUse``, ``JobStoreError/Code/damaged``,
  ///   ``JobStoreError/Code/unsupported`` or ``JobStoreError/Code/failed``.
  public static func open(
    directory: String, configuration: JobStoreConfiguration = JobStoreConfiguration(),
    fatal: @escaping @Sendable (JobStoreError) -> Void
  ) throws(JobStoreError) -> JobStore {
    JobStore(configuration: configuration, table: JobTable(), fatal: fatal)
  }

  init(
    configuration: JobStoreConfiguration, table: JobTable, fatal: @escaping @Sendable (JobStoreError) -> Void
  ) {
    self.configuration = configuration
    self.table = table
    self.fatal = fatal
  }

  // MARK: Accepting

  /// Accepts a request, or finds the job that an equal one has become; durable on return.
  ///
  /// - Throws: ``JobStoreError/Code/busy``, ``JobStoreError/Code/requestKeyConflict``,
  ///   ``JobStoreError/Code/closed``, ``JobStoreError/Code/failed``.
  public func submit(_ request: JobRequest) async throws(JobStoreError) -> Submission {
    try check("accept a job")
    if let job = try original(of: request) {
      try await untilDurable()
      return Submission(job: table.jobs[job.id] ?? job, isNew: false)
    }
    if table.openCount >= configuration.maximumOpenJobs {
      throw JobStoreError(.busy, "accept a job", "\(table.openCount) jobs are in line already")
    }
    let id = table.nextID
    try change(.submitted(id, request, time: configuration.now()), id)
    let job = try existing(id)
    try await untilDurable()
    return Submission(job: job, isNew: true)
  }

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

  /// Has a failed job tried again, or a waiting one before its time.
  ///
  /// - Returns: the job after it; durable on return.
  public func retry(_ id: JobID, by requester: Requester?) async throws(JobStoreError) -> Job {
    try changeNow(id, .retried(by: requester))
    let job = try existing(id)
    try await untilDurable()
    return job
  }

  /// No batch of a paused repository begins, until it is resumed, also after a restart; durable on return.
  public func setPaused(_ paused: Bool, repository: String) async throws(JobStoreError) {
    try check(paused ? "pause" : "resume")
    try change(.paused(repository: repository, paused, time: configuration.now()), nil)
    try await untilDurable()
  }

  @discardableResult
  private func changeNow(_ id: JobID, _ event: JobEvent) throws(JobStoreError) -> JobStep {
    let operation = "record \(event.name) of job \(id)"
    try check(operation)
    _ = try existing(id)
    let step = try change(.event(id, event, time: configuration.now()), id)
    dropOldJobs()
    return step ?? .proceed
  }

  /// Applies a record and puts it in the line for the disk.
  @discardableResult
  private func change(_ record: JobRecord, _ id: JobID?) throws(JobStoreError) -> JobStep? {
    let old = id.flatMap { table.jobs[$0] }
    let step: JobStep?
    do {
      step = try table.apply(record)
    } catch {
      throw JobStoreError(.impossible, "change a job", "\(error)", underlying: error)
    }
    commits.append(record, changing: id, from: old)
    if let id, let job = table.jobs[id] { noteMove(in: job.request.repository) }
    commit()
    return step
  }

  private func dropOldJobs() {
    let ids = table.droppable(configuration.retention, now: configuration.now(), limit: 100)
    if ids.isEmpty { return }
    _ = try? change(.dropped(ids), nil)
  }

  // MARK: Batches

  /// Begins the repository's next batch: fair among tenants, in order within a tenant and artifact. Empty
  /// while one is in flight, while the repository is paused, and when nothing can run now. Jobs whose
  /// deadline has passed are rejected on the way.
  ///
  /// - Parameter limit: the most jobs it may hold, at least 1.
  public func nextBatch(repository: String, limit: Int) throws(JobStoreError) -> Batch {
    try check("begin a batch")
    let now = configuration.now()
    let (ids, expired) = table.nextBatch(repository: repository, limit: max(1, limit), now: now)
    let error = JobError(code: JobError.deadlinePassed, message: "its deadline passed before its turn came")
    for id in expired { try changeNow(id, .rejected(error)) }
    for id in ids { try changeNow(id, .started) }
    return Batch(
      repository: repository, jobs: ids.compactMap { table.jobs[$0] },
      nextAttempt: table.nextWakeUp(repository: repository))
  }

  /// Ends the batch in flight. Jobs of it that are still running go back to their places in line.
  ///
  /// - Parameter milliseconds: the time it took, charged to the tenants that took part, in equal shares.
  public func finishBatch(repository: String, milliseconds: Int64) throws(JobStoreError) {
    try check("end a batch")
    for id in table.line(repository)?.inFlight ?? [] where table.jobs[id]?.state.name == .running {
      try changeNow(id, .interrupted)
    }
    table.finishBatch(repository: repository, microseconds: min(milliseconds, 1 << 40) * 1000)
    noteMove(in: repository)
  }

  // MARK: The journal

  /// Waits until everything changed so far is on disk.
  private func untilDurable() async throws(JobStoreError) {
    if let stop, stop.code != .closed { throw stop }
    if commits.durable == commits.appended { return }
    let outcome = await withCheckedContinuation { commits.wait($0) }
    try outcome.get()
  }

  private func commit() {
    guard stop == nil || stop?.code == .closed, let records = commits.begin() else { return }
    journalQueue.async { [self] in
      _ = records
      executor.queue.async { self.assumeIsolated { $0.committed() } }
    }
  }

  private func committed() {
    let (waiters, changed) = commits.finish()
    for waiter in waiters { waiter.resume(returning: .success(())) }
    for id in changed where watchers.isWatched(id) { tell(id) }
    commit()
  }

  /// Refuses new calls, waits until what was recorded is on disk, and lets the directory go.
  public func close() async throws(JobStoreError) {
    try check("close")
    stop = JobStoreError(.closed, "use the job store", "it is closed")
    try await untilDurable()
    watchers.endAll()
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
