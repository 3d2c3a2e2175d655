internal import StrictJSON
internal import WireProtocol

/// All jobs of the worker, and the lines of the repositories. Holds no I/O and reads no clock: it changes
/// by ``apply(_:)`` alone, so that replay ends in the state that live operation had.
struct JobTable: Sendable {
  private(set) var jobs: [JobID: Job] = [:]
  /// The number that the next job gets.
  private(set) var nextID = JobID(1)
  private(set) var pausedRepositories: Set<BytewiseString> = []
  private(set) var counts: [JobStatus.State: Int] = [:]
  private var openByTenant: [BytewiseString: Int] = [:]
  /// By repository, then by tenant.
  private var openByRepository: [BytewiseString: [BytewiseString: Int]] = [:]
  private var requestKeys: [RequestKey: JobID] = [:]
  private var lines: [BytewiseString: RepositoryLine] = [:]
  private var order = JobOrder()
  private var finished = FinishedJobs()
  private var finishedByTenant: [BytewiseString: FinishedShare] = [:]
  private(set) var awaiting = AwaitingJobs()

  init() {}

  /// Unfinished jobs.
  private(set) var openCount = 0

  /// How many unfinished jobs a tenant has, in all repositories.
  func openCount(ofTenant tenant: String) -> Int { openByTenant[BytewiseString(tenant), default: 0] }

  /// The same in one repository.
  func openCount(ofTenant tenant: String, repository: String) -> Int {
    openByRepository[BytewiseString(repository)]?[BytewiseString(tenant)] ?? 0
  }

  private mutating func countOpen(_ job: Job, _ change: Int) {
    let tenant = BytewiseString(job.request.requester.tenant)
    openCount += change
    openByTenant.add(change, to: tenant)
    openByRepository[BytewiseString(job.request.repository), default: [:]].add(change, to: tenant)
  }

  // MARK: Changes

  /// Applies one record.
  ///
  /// - Returns: what to do next with the job concerned; nil where the record concerns none.
  @discardableResult
  mutating func apply(_ record: JobRecord) throws -> JobStep? {
    switch record {
    case .base(let next):
      guard jobs.isEmpty else { throw ContradictoryRecord(description: "a base after jobs") }
      nextID = next
    case .kept(let job):
      guard job.id < nextID, jobs[job.id] == nil else { throw contradiction(job.id, "is kept twice") }
      insert(job)
    case .submitted(let id, let request, let time):
      guard id == nextID else { throw contradiction(id, "comes when job \(nextID) is due") }
      nextID = JobID(id.number + 1)
      insert(Job(id: id, request: request, submittedAt: time))
      return .standInLine
    case .event(let id, let event, let time): return try apply(event, to: id, at: time)
    case .dropped(let ids): try drop(ids)
    case .paused(let repository, let paused, _): pause(repository, paused)
    }
    return nil
  }

  private mutating func insert(_ job: Job) {
    jobs[job.id] = job
    order.insert(job.id)
    counts[job.state.name, default: 0] += 1
    if !job.state.isFinished { countOpen(job, 1) }
    if let key = RequestKey(job.request) { requestKeys[key] = job.id }
    if let time = job.finishedAt { addFinished(job, at: time) }
    place(job)
  }

  private mutating func apply(_ event: JobEvent, to id: JobID, at time: Int64) throws -> JobStep {
    guard var job = jobs[id] else { throw contradiction(id, "is not there") }
    let before = job.state.name
    let step = try job.apply(event, at: time)
    jobs[id] = job
    counts[before, default: 0] -= 1
    counts[job.state.name, default: 0] += 1
    if before.isFinished != job.state.isFinished { countOpen(job, before.isFinished ? 1 : -1) }
    if before.isFinished, !job.state.isFinished { removeFinished(job) }
    if !before.isFinished, job.state.isFinished { addFinished(job, at: time) }
    place(job)
    return step
  }

  private mutating func addFinished(_ job: Job, at time: Int64) {
    finished.append(job.id, at: time)
    finishedByTenant[BytewiseString(job.request.requester.tenant), default: FinishedShare()].append(
      job, at: time)
  }

  private mutating func removeFinished(_ job: Job) {
    finished.remove(job.id)
    finishedByTenant[BytewiseString(job.request.requester.tenant)]?.remove(job)
  }

  /// Puts the job where its state belongs in its repository's line.
  private mutating func place(_ job: Job) {
    let request = job.request
    let repository = BytewiseString(request.repository)
    let tenant = BytewiseString(request.requester.tenant)
    let artifact = BytewiseString(request.artifact)
    if let end = job.approvalEnd { awaiting.insert(job.id, until: end.time) } else { awaiting.remove(job.id) }
    switch job.state {
    case .queued:
      lines[repository, default: RepositoryLine()].stand(
        job.id, tenant: tenant, artifact: artifact, until: nil)
    case .waiting(let until, _):
      lines[repository, default: RepositoryLine()].stand(
        job.id, tenant: tenant, artifact: artifact, until: until,
        since: job.transitions.last?.time ?? until)
    case .running:
      // A job that a segment keeps as running was never in line since.
      if lines[repository]?.entries[job.id] == nil {
        lines[repository, default: RepositoryLine()].stand(
          job.id, tenant: tenant, artifact: artifact, until: nil)
      }
      lines[repository]?.start(job.id)
    case .awaitingApproval:
      // Those behind it go on; when it is approved it stands where its number belongs.
      lines[repository, default: RepositoryLine()].leave(job.id)
    default: lines[repository]?.leave(job.id)
    }
  }

  private mutating func drop(_ ids: [JobID]) throws {
    for id in ids {
      guard let job = jobs[id], job.state.isFinished else { throw contradiction(id, "has not ended") }
      jobs[id] = nil
      order.remove(id)
      removeFinished(job)
      counts[job.state.name, default: 0] -= 1
      if let key = RequestKey(job.request), requestKeys[key] == id { requestKeys[key] = nil }
    }
  }

  private mutating func pause(_ repository: String, _ paused: Bool) {
    if paused {
      pausedRepositories.insert(BytewiseString(repository))
    } else {
      pausedRepositories.remove(BytewiseString(repository))
    }
  }

  private func contradiction(_ id: JobID, _ what: String) -> ContradictoryRecord {
    ContradictoryRecord(description: "job \(id) \(what)")
  }

  // MARK: Deduplication and retention

  /// The job that an equal request under the same key became; nil when this one is new.
  func original(of request: JobRequest) throws(RequestKeyConflict) -> Job? {
    guard let key = RequestKey(request), let id = requestKeys[key], let job = jobs[id] else { return nil }
    if let field = request.firstDifference(from: job.request) {
      throw RequestKeyConflict(original: id, field: field)
    }
    return job
  }

  func isKnown(_ key: RequestKey) -> Bool { requestKeys[key] != nil }

  /// What a tenant's finished jobs take, in bytes.
  func finishedBytes(ofTenant tenant: String) -> Int { finishedByTenant[BytewiseString(tenant)]?.bytes ?? 0 }

  /// The finished jobs that need not be kept any longer, at most `limit`: those that are old, whosesoever they are, and
  /// those by which a tenant has too many.
  func droppable(_ retention: JobRetention, tenant: String, now: Int64, limit: Int) -> [JobID] {
    let old = finished.droppable(limit: limit) { id, time, _ in
      if now - time < retention.milliseconds { return .keepAll }
      return isKeyDue(id, time, retention, now) ? .drop : .keep
    }
    guard old.isEmpty, let share = finishedByTenant[BytewiseString(tenant)] else { return old }
    var bytes = share.bytes
    return share.jobs.droppable(limit: limit) { id, time, dropped in
      if share.jobs.count - dropped <= retention.count, bytes <= retention.bytes { return .keepAll }
      guard let job = jobs[id], job.intents.isEmpty, isKeyDue(id, time, retention, now) else { return .keep }
      bytes -= job.retainedBytes
      return .drop
    }
  }

  private func isKeyDue(_ id: JobID, _ time: Int64, _ retention: JobRetention, _ now: Int64) -> Bool {
    jobs[id]?.request.requestKey == nil || now - time >= retention.requestKeyMilliseconds
  }

  // MARK: Lines

  /// See ``RepositoryLine/nextBatch(limit:now:isExpired:)``; nothing of a paused repository. With one job of which it is
  /// not known what became of its push come all such, for they may have been planned on each other.
  mutating func nextBatch(
    repository: String, limit: Int, now: Int64
  ) -> (batch: [JobID], expired: [JobID]) {
    let key = BytewiseString(repository)
    if pausedRepositories.contains(key) { return ([], []) }
    let jobs = jobs
    func isUnsettled(_ id: JobID) -> Bool { jobs[id]?.intents.isEmpty == false }
    var next: (batch: [JobID], expired: [JobID]) =
      lines[key]?.nextBatch(limit: limit, now: now) { id in
        guard let job = jobs[id], let deadline = job.request.deadline else { return false }
        return deadline <= now && job.intents.isEmpty
      } ?? ([], [])
    if next.batch.contains(where: isUnsettled) {
      for id in lines[key]?.entries.keys.filter(isUnsettled).sorted() ?? [] where lines[key]?.join(id) == true
      {
        next.batch.append(id)
      }
    }
    return next
  }

  /// The other jobs of the same artifact that failed without it being known what became of their push.
  func failedUnsettled(beside job: Job) -> [JobID] {
    jobs.values.filter { other in
      other.state.name == .failed && !other.intents.isEmpty && other.id != job.id
        && other.request.repository.hasSameBytes(as: job.request.repository)
        && other.request.artifact.hasSameBytes(as: job.request.artifact)
    }.map(\.id).sorted()
  }

  mutating func finishBatch(repository: String, microseconds: Int64) {
    lines[BytewiseString(repository)]?.finishBatch(microseconds: microseconds)
  }

  func line(_ repository: String) -> RepositoryLine? { lines[BytewiseString(repository)] }

  /// When a waiting job may run again; nil where none waits, and while the repository is paused.
  mutating func nextWakeUp(repository: String) -> Int64? {
    let key = BytewiseString(repository)
    return pausedRepositories.contains(key) ? nil : lines[key]?.nextWakeUp
  }

  /// When the next job ends that nobody approves, in milliseconds since 1970.
  var nextApprovalEnd: Int64? { mutating get { awaiting.nextEnd } }

  /// A job that nobody approved in time, and what it ends with; nil where there is none.
  mutating func overdueApproval(now: Int64) -> (id: JobID, error: JobError)? {
    guard let id = awaiting.firstOverdue(now: now), let end = jobs[id]?.approvalEnd else { return nil }
    return (id, end.error)
  }

  func position(of id: JobID) -> Int? {
    guard let job = jobs[id] else { return nil }
    return lines[BytewiseString(job.request.repository)]?.position(of: id)
  }

  /// Repositories with unfinished jobs.
  var repositoriesWithWork: [String] {
    lines.filter { !$0.value.entries.isEmpty }.map(\.key.string).sorted {
      $0.utf8.lexicographicallyPrecedes($1.utf8)
    }
  }

  /// How many jobs of each repository and tenant wait for approval.
  var awaitingByRepository: [BytewiseString: [String: Int]] {
    awaiting.ids.reduce(into: [:]) { counts, id in
      guard let request = jobs[id]?.request else { return }
      counts[BytewiseString(request.repository), default: [:]][request.requester.tenant, default: 0] += 1
    }
  }

  /// Every repository that has jobs or is paused.
  var knownRepositories: [String] {
    Set(lines.keys).union(pausedRepositories).map(\.string).sorted {
      $0.utf8.lexicographicallyPrecedes($1.utf8)
    }
  }

  // MARK: Reading

  /// The numbers of all jobs after one, ascending.
  func ids(after: JobID?) -> some Sequence<JobID> { order.ids(after: after) }

  func idsNewestFirst(before: JobID?) -> some Sequence<JobID> { order.idsNewestFirst(before: before) }

  /// The records from which ``apply(_:)`` makes an equal table.
  var snapshot: some Sequence<JobRecord> {
    let ordered = order.ids(after: nil).compactMap { jobs[$0] }.map { JobRecord.kept($0) }
    let paused = pausedRepositories.map { JobRecord.paused(repository: $0.string, true, time: 0) }
    return [.base(nextID: nextID)] + paused + ordered
  }
}

extension [BytewiseString: Int] {
  /// Counts; what comes to nothing is not kept.
  fileprivate mutating func add(_ change: Int, to key: BytewiseString) {
    let count = self[key, default: 0] + change
    self[key] = count == 0 ? nil : count
  }
}

extension JobTable: Equatable {
  /// Equal where it was recorded; what tenants have used up in their turns is not.
  static func == (left: JobTable, right: JobTable) -> Bool {
    left.nextID == right.nextID && left.jobs == right.jobs && left.requestKeys == right.requestKeys
      && left.pausedRepositories == right.pausedRepositories
      && left.counts.filter { $0.value != 0 } == right.counts.filter { $0.value != 0 }
  }
}
