internal import StrictJSON

/// The line of one repository: which jobs run next, strictly one batch at a time.
///
/// Turns go round the tenants, charged by the time their jobs used: the tenant that used the least is
/// next. A tenant that comes with work after it had none starts level with the one whose turn it is, so
/// that idling saves nothing up; what it owes from before is not forgotten, but it is served in the
/// second batch after its arrival at the latest. So a single job waits for the batch in flight plus one,
/// whatever others have queued.
struct RepositoryLine: Sendable {
  struct Entry: Sendable {
    let tenant: BytewiseString
    let artifact: BytewiseString
    var state: State
  }

  enum State: Equatable, Sendable {
    case ready, running
    case waiting(until: Int64)
  }

  private(set) var entries: [JobID: Entry] = [:]
  private(set) var tenants: [BytewiseString: TenantLine] = [:]
  private var turns = Heap<Turn>()
  private var wakeUps = Heap<WakeUp>()
  private var arrivals: [Arrival] = []
  private var nextTurn: UInt64 = 0
  /// The used time of the tenant whose turn was the last.
  private var clock: Int64 = 0
  /// What a job is charged until its batch reports, in microseconds: the last batch's average.
  private var jobEstimate: Int64 = 1000
  /// Counts the batches that were begun.
  private(set) var batch: UInt64 = 0
  private(set) var inFlight: [JobID] = []
  /// Who is charged for the batch in flight; a job may have left it already.
  private var charged: [BytewiseString] = []
  private(set) var runningCount = 0
  private(set) var waitingCount = 0

  var queuedCount: Int { entries.count - runningCount - waitingCount }

  /// Unfinished jobs in line per tenant.
  var openByTenant: [String: Int] {
    var counts: [String: Int] = [:]
    for (tenant, line) in tenants where line.ranks.count > 0 { counts[tenant.string] = line.ranks.count }
    return counts
  }

  // MARK: What changes the line

  /// Puts a job in line, or back in line: at the place of its number.
  ///
  /// - Parameters:
  ///   - until: when it may run, in milliseconds since 1970; nil for now.
  ///   - since: when that was decided.
  mutating func stand(
    _ id: JobID, tenant: BytewiseString, artifact: BytewiseString, until: Int64?, since: Int64 = 0
  ) {
    let entry = Entry(
      tenant: tenant, artifact: artifact, state: until.map { .waiting(until: $0) } ?? .ready)
    let old = entries.updateValue(entry, forKey: id)?.state
    leave(old)
    if let until {
      waitingCount += 1
      wakeUps.push(WakeUp(time: until, since: since, id: id))
    }
    tenants[tenant, default: TenantLine()].stand(
      id, artifact: artifact, wasAway: old == nil || old == .running)
    offerHead(of: artifact, tenant)
  }

  /// The job runs and is no longer in line; the next one of its artifact may join its batch. Assumes it is
  /// the first of its artifact that does not run.
  mutating func start(_ id: JobID) {
    guard let entry = entries[id] else { return }
    leave(entry.state)
    entries[id]?.state = .running
    runningCount += 1
    tenants[entry.tenant]?.ranks.remove(id)
    if tenants[entry.tenant]?.artifacts[entry.artifact]?.min == id {
      tenants[entry.tenant]?.artifacts[entry.artifact]?.pop()
    }
    offerHead(of: entry.artifact, entry.tenant)
  }

  /// The job has ended; the next one of its artifact may run.
  mutating func leave(_ id: JobID) {
    guard let entry = entries.removeValue(forKey: id) else { return }
    leave(entry.state)
    tenants[entry.tenant]?.ranks.remove(id)
    offerHead(of: entry.artifact, entry.tenant)
  }

  private mutating func leave(_ state: State?) {
    switch state {
    case .running: runningCount -= 1
    case .waiting: waitingCount -= 1
    case .ready, nil: break
    }
  }

  // MARK: Batches

  /// Chooses the next batch; none while one is in flight. Ensures that no job overtakes an older one of its
  /// tenant and artifact: in a batch they stand in the order of their numbers, and one that waits holds
  /// those behind it back.
  ///
  /// - Parameters:
  ///   - now: in milliseconds since 1970.
  ///   - isExpired: whether a job is no longer worth starting. Such a job leaves the line and costs no turn.
  /// - Returns: the batch, and the expired jobs that were met on the way.
  mutating func nextBatch(
    limit: Int, now: Int64, isExpired: (JobID) -> Bool
  ) -> (batch: [JobID], expired: [JobID]) {
    if !inFlight.isEmpty { return ([], []) }
    var expired: [JobID] = []
    wake(now: now)
    while inFlight.count < limit, let tenant = nextTenant() {
      guard let id = firstReady(of: tenant) else {
        takeTurn(tenant)
        continue
      }
      if isExpired(id) {
        expired.append(id)
        leave(id)
        takeTurn(tenant)
        continue
      }
      inFlight.append(id)
      charged.append(tenant)
      start(id)
      charge(tenant)
    }
    if !inFlight.isEmpty { batch += 1 }
    return (inFlight, expired)
  }

  /// Adds a job to the batch in flight, although its turn or its time has not come.
  ///
  /// - Returns: false where one of its tenant and artifact is before it.
  mutating func join(_ id: JobID) -> Bool {
    guard let entry = entries[id], entry.state != .running, head(of: entry.artifact, entry.tenant) == id
    else { return false }
    inFlight.append(id)
    charged.append(entry.tenant)
    start(id)
    charge(entry.tenant)
    return true
  }

  /// Ends the batch in flight and shares its time out among those who took part.
  mutating func finishBatch(microseconds: Int64) {
    guard !charged.isEmpty else { return }
    let share = max(0, microseconds) / Int64(charged.count)
    for tenant in charged {
      tenants[tenant]?.usedTime += share - jobEstimate
      takeTurn(tenant)
    }
    jobEstimate = max(1, share)
    charged = []
    inFlight = []
  }

  /// When the first waiting job may run, in milliseconds since 1970.
  var nextWakeUp: Int64? {
    mutating get {
      dropVoidWakeUps()
      return wakeUps.min?.time
    }
  }

  private mutating func wake(now: Int64) {
    dropVoidWakeUps()
    while let first = wakeUps.min, first.isDue(now: now), let entry = entries[first.id] {
      wakeUps.pop()
      waitingCount -= 1
      entries[first.id]?.state = .ready
      offerHead(of: entry.artifact, entry.tenant)
      dropVoidWakeUps()
    }
  }

  private mutating func dropVoidWakeUps() {
    while let first = wakeUps.min, entries[first.id]?.state != .waiting(until: first.time) { wakeUps.pop() }
  }

  // MARK: Turns

  /// Whose turn it is: who waits since before the last batch was begun, else who used the least.
  private mutating func nextTenant() -> BytewiseString? {
    while let arrival = arrivals.first {
      let isServed = tenants[arrival.tenant]?.arrival != arrival.number
      if !isServed, arrival.batch + 2 > batch + 1 { break }
      arrivals.removeFirst()
      if !isServed { return arrival.tenant }
    }
    while let turn = turns.pop() {
      if let line = tenants[turn.tenant], line.isActive, line.turn == turn.turn { return turn.tenant }
    }
    return nil
  }

  /// The tenant's job was chosen: it pays the estimate and goes to the end of the turns.
  private mutating func charge(_ tenant: BytewiseString) {
    clock = max(clock, tenants[tenant]?.usedTime ?? 0)
    tenants[tenant]?.usedTime += jobEstimate
    tenants[tenant]?.arrival = nil
    takeTurn(tenant)
  }

  /// Files the tenant's claim anew, after something in it has changed.
  private mutating func takeTurn(_ tenant: BytewiseString) {
    let isActive = firstReady(of: tenant, removing: false) != nil
    nextTurn += 1
    tenants[tenant]?.turn = nextTurn
    tenants[tenant]?.isActive = isActive
    if isActive, let line = tenants[tenant] {
      turns.push(Turn(usedTime: line.usedTime, turn: line.turn, tenant: tenant))
    }
  }

  private mutating func activate(_ tenant: BytewiseString) {
    guard tenants[tenant]?.isActive == false, let usedTime = tenants[tenant]?.usedTime else { return }
    tenants[tenant]?.usedTime = max(usedTime, clock)
    takeTurn(tenant)
    tenants[tenant]?.arrival = nextTurn
    arrivals.append(Arrival(tenant: tenant, number: nextTurn, batch: batch))
  }

  // MARK: Artifacts

  /// The job of that tenant and artifact that is the first to run.
  private mutating func head(of artifact: BytewiseString, _ tenant: BytewiseString) -> JobID? {
    tenants[tenant]?.head(of: artifact) { entries[$0] != nil }
  }

  private mutating func offerHead(of artifact: BytewiseString, _ tenant: BytewiseString) {
    guard let id = head(of: artifact, tenant), entries[id]?.state == .ready else { return }
    tenants[tenant]?.ready.push(id)
    activate(tenant)
  }

  private mutating func firstReady(of tenant: BytewiseString, removing: Bool = true) -> JobID? {
    while let id = tenants[tenant]?.ready.min {
      if let entry = entries[id], entry.state == .ready, head(of: entry.artifact, tenant) == id {
        if removing { tenants[tenant]?.ready.pop() }
        return id
      }
      tenants[tenant]?.ready.pop()
    }
    return nil
  }

  // MARK: Positions

  /// The place in line, from 1, as if every tenant had work for each of its turns: an upper bound on how
  /// many jobs run before it and itself. Nil when it is not in line.
  func position(of id: JobID) -> Int? {
    guard let entry = entries[id], let rank = tenants[entry.tenant]?.ranks.rank(of: id) else { return nil }
    let others = tenants.reduce(0) { sum, other in
      other.key == entry.tenant ? sum : sum + min(other.value.ranks.count, rank + 1)
    }
    return rank + others + 1
  }
}
