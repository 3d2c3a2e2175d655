internal import Dispatch
internal import JobQueue
internal import LaneProtocol
internal import Registry
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

/// One repository: its registry in memory, its lane, and the work on it, on a serial Dispatch queue of its own.
///
/// Invariants:
/// - Whoever talks to the lane holds the turn (`turns`), so that the lane is asked one thing at a time.
/// - `state` is what the lane reported last. Reads answer from it and never wait for a push.
actor Repository {
  nonisolated let executor: DispatchQueueExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// What the lane was given. What a reload has brought since is in force with the next turn.
  private(set) var configuration: RepositoryConfiguration
  private(set) var reloaded: RepositoryConfiguration?
  var newestConfiguration: RepositoryConfiguration { reloaded ?? configuration }
  nonisolated let identity: String
  private(set) var limits: Limits
  private(set) var policy: Policy
  nonisolated let store: JobStore
  nonisolated let records: Records
  nonisolated let counters: Counters
  private nonisolated let stateDirectory: String
  private nonisolated let laneProgram: String
  private nonisolated let pool: LanePool

  var state = RegistryState()
  var facts = RepositoryFacts()
  /// When the remote was last compared with `state`, in milliseconds since 1970.
  var contactedAt: Int64?
  var lastPushAt: Int64?
  var comparisons = Comparisons()
  /// Why the last attempt at the server failed; nil after one that did not.
  var lastProblem: WireError?
  /// At how many commits the files are read in one turn.
  var annotationsAtOnce = Repository.annotationsPerRequest.first
  /// The latest time of a tag by artifact, in seconds since 1970, of which it was not known what became of it: others that
  /// are made meanwhile are later than that too.
  var unsettledSeconds: [String: Int64] = [:]
  /// Keys and trust files that the lane could not use when it started last.
  var keyProblems: [KeyProblem] = []

  /// Whether reads find all that they show of the commits and the tip that were there when the remote was last compared.
  var isEnriched = false
  /// Commits that the remote does not give: they are not asked for again.
  var unreadableCommits: Set<ObjectID> = []
  /// The commits at which the repository's files have been read.
  var annotatedCommits: Set<ObjectID> = []
  /// Those of them of which somebody asked once, oldest first.
  var oneOffCommits: [ObjectID] = []
  /// What is wrong with the repository's files at a commit.
  var fileProblems: [ObjectID: [String]] = [:]

  /// The version of Landlock that contains the lane; 0: none, nil: no lane was started yet.
  var landlockVersion: Int?

  private var lane: LaneProcess?
  /// One that has not opened the repository yet.
  private var startingLane: LaneProcess?
  /// The files that the lane may read, as they were when it started.
  private var laneFiles = FileIdentities([])
  /// What the lane reported during the request under way.
  private var reported: [TagDelta] = []
  /// Whether `lane` reported all there is since it started.
  private var isLaneSynchronized = false
  private var turns = TurnLine()
  private var isWorking = false
  /// Something may have become ready since the line was looked at last.
  private var isLookWanted = false
  private(set) var isStopping = false
  private var alarm: Task<Void, Never>?
  private var idleSince: MonotonicTime?

  init(
    _ configuration: RepositoryConfiguration, worker: String, stateDirectory: String, laneProgram: String,
    limits: Limits, policy: Policy, store: JobStore, records: Records, pool: LanePool,
    counters: Counters
  ) {
    executor = DispatchQueueExecutor(label: "stagekeeper.repository.\(configuration.id)")
    self.configuration = configuration
    self.identity = worker
    self.stateDirectory = stateDirectory
    self.laneProgram = laneProgram
    self.limits = limits
    self.policy = policy
    self.store = store
    self.records = records
    self.pool = pool
    self.counters = counters
  }

  var lanePid: Int32? { lane?.process.pid }

  // MARK: Work

  /// Looks for jobs. Call it after anything that may have made one ready.
  func wake() {
    if isStopping { return }
    // Whoever is at work may have looked just before.
    isLookWanted = true
    if isWorking { return }
    isWorking = true
    Task { await work() }
  }

  /// The same for whoever does not wait for it.
  nonisolated func wakeSoon() { executor.queue.async { self.assumeIsolated { $0.wake() } } }

  private func work() async {
    var nextAttempt: Int64?
    while isLookWanted, !isStopping {
      isLookWanted = false
      do throws(JobStoreError) {
        nextAttempt = try await workOffLine()
      } catch {
        // A store that failed ends the worker; what else it says is about one job, and others go on.
        Log.write(.error, "a batch was broken off", ["repository": configuration.id, "error": "\(error)"])
        nextAttempt = WallClock.milliseconds + 1000
        try? await store.finishBatch(repository: configuration.id, milliseconds: 0)
      }
    }
    isWorking = false
    setAlarm(nextAttempt)
    await endIdleLaneLater()
  }

  /// Carries out batch after batch until nothing can run now.
  ///
  /// - Returns: when a waiting job may run again, in milliseconds since 1970.
  private func workOffLine() async throws(JobStoreError) -> Int64? {
    while !isStopping {
      let batch = try await store.nextBatch(repository: configuration.id, limit: configuration.tagsPerPush)
      if batch.jobs.isEmpty {
        await enrichWhileIdle()
        return batch.nextAttempt
      }
      let began = MonotonicTime.now
      try await carryOut(batch.jobs)
      try await store.finishBatch(
        repository: configuration.id, milliseconds: Int64(-began.secondsLeft * 1000))
      if await pool.isWanted { await giveUpLane() }
    }
    return nil
  }

  /// Lets a repository that waits for a lane have this one's place.
  private func giveUpLane() async {
    guard let lane else { return }
    await takeTurn()
    defer { turns.pass() }
    await forgetLane(lane, killed: false)
  }

  /// Fetches what new versions need for being shown. A failure here is no job's: the next contact tries again.
  private func enrichWhileIdle() async {
    guard isLaneSynchronized,
      !isEnriched || !state.commitsWithoutRecord.isSubset(of: unreadableCommits)
    else { return }
    do throws(WireError) {
      try await withTurn { () throws(WireError) in try await self.enrich() }
    } catch {
      lastProblem = error
    }
  }

  private func carryOut(_ jobs: [Job]) async throws(JobStoreError) {
    await takeTurn()
    defer { turns.pass() }
    try await carryOutBatch(jobs)
  }

  /// Wakes at the time at which a waiting job may run again.
  private func setAlarm(_ milliseconds: Int64?) {
    alarm?.cancel()
    guard let milliseconds, !isStopping else { return }
    let delay = max(0, milliseconds - WallClock.milliseconds) + 1
    alarm = Task { [weak self] in
      guard (try? await Task.sleep(for: .milliseconds(delay))) != nil else { return }
      await self?.wake()
    }
  }

  // MARK: The lane

  /// Does something with the lane when nobody else talks to it. Whatever comes of it, the lane is idle then.
  func withTurn<Value>(_ body: () async throws(WireError) -> Value) async throws(WireError) -> Value {
    await takeTurn()
    let result: Result<Value, WireError>
    do throws(WireError) { result = .success(try await body()) } catch { result = .failure(error) }
    await endIdleLaneLater()
    turns.pass()
    return try result.get()
  }

  /// Waits until nobody else talks to the lane. Pass the turn on with `turns.pass()`.
  func takeTurn() async {
    if !turns.takeIfFree() { await withCheckedContinuation { turns.wait($0) } }
    if let reloaded { return await takeOver(reloaded) }
    if let lane, laneFiles.haveChanged { await forgetLane(lane, killed: false) }
  }

  /// Gives the turn back.
  func passTurn() { turns.pass() }

  /// Asks the lane, which is started first where there is none. Assumes the caller has the turn.
  ///
  /// - Throws: the lane's error, or one that says why there is no lane.
  func ask(_ request: LaneRequest) async throws(WireError) -> JSONValue {
    let lane = try await runningLane()
    reported = []
    do throws(WireError) {
      let answer = try await lane.ask(request, within: Double(limits.attemptSeconds)) {
        [weak self] event throws(JSONShapeError) in
        let delta = try TagDelta(event)
        self?.assumeIsolated { $0.reported.append(delta) }
      }
      apply(reported)
      return answer
    } catch {
      // What was reported before an error is reported again.
      reported = []
      if await !lane.isRunning { await forgetLane(lane, killed: true) }
      throw error
    }
  }

  /// Compares with the remote and brings `state` and `facts` up to date, as far as a promotion needs it. Assumes the
  /// caller has the turn.
  func synchronize() async throws(WireError) {
    note(
      try decode(try await ask(.synchronize)) { value throws(JSONShapeError) in try RepositoryFacts(value) })
    isLaneSynchronized = true
  }

  /// Takes over what the lane found. The remote was in that state a moment ago.
  func note(_ facts: RepositoryFacts) {
    if facts.tip != self.facts.tip { isEnriched = false }
    self.facts = facts
    state.head = facts.tip
    contactedAt = WallClock.milliseconds
    lastProblem = nil
  }

  /// Brings a lane up to date that was not asked since it started; the others report changes with a push.
  func synchronizeIfNew() async throws(WireError) -> Bool {
    _ = try await runningLane()
    if isLaneSynchronized { return false }
    try await synchronize()
    return true
  }

  /// Reads what a lane sent. Both are of one build, so that a wrong shape is a defect.
  func decode<Value>(
    _ value: JSONValue, _ read: (JSONValue) throws(JSONShapeError) -> Value
  ) throws(WireError) -> Value {
    do throws(JSONShapeError) {
      return try read(value)
    } catch {
      throw WireError(.internalError, category: .internal, "the lane's answer can't be read: \(error)")
    }
  }

  /// Takes over what the lane reported: all there is, at once, or what has changed.
  private func apply(_ deltas: [TagDelta]) {
    reported = []
    if deltas.contains(where: \.startsOver) {
      state = RegistryState(tags: deltas.flatMap(\.tags), commits: [], head: facts.tip)
      isEnriched = false
      (annotatedCommits, oneOffCommits, fileProblems) = ([], [], [:])
      unreadableCommits = []
      return
    }
    for delta in deltas {
      for ref in delta.removed { state.remove(ref: ref) }
      for tag in delta.tags { state.insert(tag) }
    }
  }

  private func runningLane() async throws(WireError) -> LaneProcess {
    await pool.noteBusy(configuration.id)
    if let lane {
      if await lane.isRunning { return lane }
      await forgetLane(lane, killed: true)
    }
    await pool.enter()
    do throws(WireError) {
      if isStopping { throw WireError(.shuttingDown, category: .retry, "the worker is shutting down") }
      return try await startLane()
    } catch {
      await pool.leave()
      throw error
    }
  }

  /// Starts the lane where there is none. Assumes the caller has the turn.
  func openLane() async throws(WireError) { _ = try await runningLane() }

  private func startLane() async throws(WireError) -> LaneProcess {
    let new: LaneProcess
    do throws(SystemCallError) {
      new = try LaneProcess(
        executable: laneProgram, executor: executor, reportBytes: configuration.containment.reportBytes)
    } catch {
      throw WireError(.internalError, category: .retry, "the lane can't be started: \(error)")
    }
    counters.countLaneStart()
    await new.start()
    startingLane = new
    defer { startingLane = nil }
    do throws(WireError) {
      let settings = configuration.laneConfiguration(stateDirectory: stateDirectory, limits: limits)
      laneFiles = FileIdentities(settings.watchedFiles)
      try noteOpening(try await new.ask(.open(settings), within: Double(limits.attemptSeconds)))
    } catch {
      await new.stop()
      await new.waitUntilGone()
      counters.countLaneEnd(killed: true)
      throw error
    }
    lane = new
    isLaneSynchronized = false
    return new
  }

  private func forgetLane(_ ended: LaneProcess, killed: Bool) async {
    guard lane === ended else { return }
    lane = nil
    isLaneSynchronized = false
    await ended.stop()
    await ended.waitUntilGone()
    counters.countLaneEnd(killed: killed)
    await pool.leave()
  }

  // MARK: Idle and the end

  /// Takes over what a reload brought: limits and policy at once, the rest with the next turn, for which nobody waits
  /// here. A lane that was given something else is ended then.
  func reconfigure(_ new: RepositoryConfiguration, limits: Limits, policy: Policy) {
    // The files may have changed although their names have not.
    let isSame =
      new == newestConfiguration && !new.hasKeys && limits.attemptSeconds == self.limits.attemptSeconds
    self.limits = limits
    self.policy = policy
    // One that was left out for a while has jobs that nobody has looked at since.
    if isSame { return wake() }
    reloaded = new
    Task {
      await takeTurn()
      turns.pass()
      wake()
    }
  }

  /// Assumes the caller has the turn.
  private func takeOver(_ new: RepositoryConfiguration) async {
    reloaded = nil
    if new != configuration {
      contactedAt = nil
      comparisons.forget()
    }
    configuration = new
    if let lane { await forgetLane(lane, killed: false) }
  }

  /// Ends the lane when nothing has been asked of it for the configured time, or when its place is needed.
  func endIdleLaneLater() async {
    guard let lane else { return }
    let since = MonotonicTime.now
    idleSince = since
    await pool.noteIdle(configuration.id) { [weak self] in await self?.endLane(ifIdle: true) }
    let seconds = limits.laneIdleSeconds
    Task { [weak self, weak lane] in
      try? await Task.sleep(for: .seconds(seconds))
      guard let self, let lane, await self.idleSince == since, await self.lane === lane else { return }
      await self.endLane(ifIdle: true)
    }
  }

  func endLane(ifIdle: Bool) async {
    guard !ifIdle || !isWorking, let lane else { return }
    await takeTurn()
    defer { turns.pass() }
    await pool.noteBusy(configuration.id)
    await forgetLane(lane, killed: false)
  }

  /// Ends the lane, unless somebody waits for the turn, who wants it. Assumes the caller has the turn.
  func endUnwantedLane() async {
    if let lane, !turns.isAwaited { await forgetLane(lane, killed: false) }
  }

  /// Lets the batch in flight end within the time, then ends the lane; what it was doing is settled by the
  /// next start.
  func stop(within seconds: Double) async {
    isStopping = true
    alarm?.cancel()
    let deadline = MonotonicTime.after(seconds: seconds)
    while isWorking, !deadline.hasPassed { try? await Task.sleep(for: .milliseconds(20)) }
    if let lane { await forgetLane(lane, killed: isWorking) }
    await startingLane?.stop()
    while isWorking { try? await Task.sleep(for: .milliseconds(5)) }
  }
}

extension RepositoryConfiguration {
  /// The name of its folder in the state directory: hexadecimal digits only, different for different ids.
  var directoryName: String {
    id.utf8.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
  }
}
