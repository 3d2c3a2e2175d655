internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

extension JobStore {
  // MARK: Reading

  /// The job as it is on disk; nil when there is none, or none any more.
  public func job(_ id: JobID) throws(JobStoreError) -> Job? {
    try check("read job \(id)")
    return durableJob(id)
  }

  /// The job with what is still on its way to the disk; nil when there is none, or none any more.
  public func current(_ id: JobID) throws(JobStoreError) -> Job? {
    try check("read job \(id)")
    return table.jobs[id]
  }

  /// The job with its place in line.
  public func snapshot(_ id: JobID) throws(JobStoreError) -> JobSnapshot? {
    try check("read job \(id)")
    return durableJob(id).map { snapshot(of: $0) }
  }

  /// The jobs that pass the filter, in the order of their numbers. See ``visitJobs(newestFirst:beyond:_:)``.
  public nonisolated func jobs(_ filter: JobFilter = JobFilter()) async throws(JobStoreError) -> [Job] {
    var found: [Job] = []
    if filter.limit <= 0 { return found }
    try await visitJobs(beyond: filter.after) { job in
      if filter.matches(job) { found.append(job) }
      return found.count < filter.limit
    }
    return found
  }

  /// Shows the jobs as they are on disk, in the order of their numbers or the newest first. After every few hundred
  /// others have their turn: so the jobs are not all of one moment, and none that is there all the time is left out.
  ///
  /// - Parameters:
  ///   - last: the number before the first one that is shown; nil: all are.
  ///   - visit: returns whether to go on.
  public nonisolated func visitJobs(
    newestFirst: Bool = false, beyond last: JobID? = nil, _ visit: (Job) -> Bool
  ) async throws(JobStoreError) {
    var last = last
    repeat {
      let part: [Job]
      (part, last) = try await jobs(newestFirst: newestFirst, beyond: last)
      for job in part where !visit(job) { return }
    } while last != nil
  }

  /// - Returns: some jobs, and beyond which there are more.
  private func jobs(newestFirst: Bool, beyond last: JobID?) throws(JobStoreError) -> ([Job], last: JobID?) {
    try check("list jobs")
    let count = 500
    let ids =
      newestFirst
      ? Array(table.idsNewestFirst(before: last).prefix(count)) : Array(table.ids(after: last).prefix(count))
    return (ids.compactMap { durableJob($0) }, ids.count < count ? nil : ids.last)
  }

  /// The jobs that wait for approval, in the order of their numbers.
  public func jobsAwaitingApproval() throws(JobStoreError) -> [Job] {
    try check("list jobs")
    return table.awaiting.ids.sorted().compactMap { durableJob($0) }.filter {
      $0.state.name == .awaitingApproval
    }
  }

  /// The repositories that have unfinished jobs, in the order of their ids.
  public func repositoriesWithWork() throws(JobStoreError) -> [String] {
    try check("list repositories")
    return table.repositoriesWithWork
  }

  /// The queue in numbers.
  public var queueStatistics: QueueStatistics {
    get throws(JobStoreError) {
      try check("count jobs")
      var statistics = QueueStatistics()
      statistics.jobs = table.counts.filter { $0.value > 0 }
      statistics.ended = ended
      statistics.durations = durations
      let awaiting = table.awaitingByRepository
      statistics.repositories = table.knownRepositories.map { repository in
        self.statistics(of: repository, awaiting[BytewiseString(repository)] ?? [:])
      }
      statistics.records = commits.durable
      statistics.commits = commits.commits
      statistics.journalBytes = space.length
      statistics.compactions = compactions
      statistics.isDiskFull = isDiskFull
      return statistics
    }
  }

  /// - Parameter awaiting: how many jobs of each tenant wait for approval.
  private func statistics(of repository: String, _ awaiting: [String: Int]) -> RepositoryStatistics {
    let line = table.line(repository) ?? RepositoryLine()
    return RepositoryStatistics(
      repository: repository, queued: line.queuedCount, running: line.runningCount,
      waiting: line.waitingCount, awaitingApproval: awaiting.values.reduce(0, +),
      tenants: line.openByTenant.merging(awaiting, uniquingKeysWith: +),
      oldestJob: line.entries.keys.min().flatMap { table.jobs[$0]?.dueSince },
      nextAttempt: table.nextWakeUp(repository: repository),
      isPaused: table.pausedRepositories.contains(BytewiseString(repository)), batches: line.batch)
  }

  // MARK: Watching

  /// The job now, and again whenever its state, its place in line or a pause has changed; ends after it has ended,
  /// or when the store closes. A slow reader misses steps in between, never the last one.
  ///
  /// - Returns: an empty stream when there is no such job.
  public func updates(of id: JobID) -> AsyncStream<JobSnapshot> {
    let (stream, continuation) = AsyncStream.makeStream(
      of: JobSnapshot.self, bufferingPolicy: .bufferingNewest(1))
    guard stop == nil, let request = table.jobs[id]?.request else {
      continuation.finish()
      return stream
    }
    let number = watchers.add(id, repository: request.repository, continuation)
    continuation.onTermination = { [weak self] _ in
      guard let self else { return }
      executor.async {
        self.assumeIsolated { $0.watchers.remove(number, of: id, repository: request.repository) }
      }
    }
    tell(id)
    return stream
  }

  func tell(_ id: JobID) {
    // A job that is not on disk yet is told of when it is.
    if let job = durableJob(id) { watchers.tell(snapshot(of: job)) }
  }

  /// Has whoever watches unfinished jobs of a repository look again, for something that the store does not know of.
  public func announceChange(in repository: String) {
    watchers.forgetTold(in: repository)
    noteMove(in: repository)
  }

  /// Remembers that places in line have changed, and tells the watchers in a while.
  func noteMove(in repository: String) {
    if watchers.watched(in: repository).isEmpty { return }
    moved.insert(BytewiseString(repository))
    if isTellingPlanned { return }
    isTellingPlanned = true
    executor.async(at: .after(seconds: configuration.positionInterval)) { [weak self] in
      guard let self else { return }
      self.assumeIsolated { $0.tellMoves() }
    }
  }

  private func tellMoves() {
    isTellingPlanned = false
    if stop != nil { return }
    for repository in moved { for id in watchers.watched(in: repository.string) { tell(id) } }
    moved = []
  }

  private func snapshot(of job: Job) -> JobSnapshot {
    let isFinished = job.state.isFinished
    let repository = BytewiseString(job.request.repository)
    // A job that is known to be queued may have left the line since, and its start is not durable yet.
    let position =
      switch job.state.name {
      case .queued: table.position(of: job.id) ?? 1
      case .waiting: table.position(of: job.id)
      default: Int?.none
      }
    return JobSnapshot(
      job: job, position: position,
      isPaused: !isFinished && table.pausedRepositories.contains(repository))
  }

  private func durableJob(_ id: JobID) -> Job? { commits.durableJob(id, current: table.jobs[id]) }
}
