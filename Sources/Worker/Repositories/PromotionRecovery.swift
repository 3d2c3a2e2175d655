internal import JobQueue
internal import LaneProtocol
internal import Registry
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

extension Repository {
  /// Sends intents exactly as they were journalled, whatever else changed, and plans anew only what the
  /// remote shows to be taken.
  ///
  /// - Returns: whether it is known of all of them what became of them, so that jobs behind them may go on.
  func settle(_ jobs: [Job]) async throws(JobStoreError) -> Bool {
    if jobs.isEmpty { return true }
    var isSettled = true
    var again: [Promotion] = []
    var givenUp: Set<BytewiseString> = []
    do throws(RoundFailure) {
      _ = try await contact { () throws(WireError) in try await self.synchronizeIfNew() }
      // The policy decided before they were journalled, and is not asked again.
      try await records.record(repeated: jobs)
      try await records.record(jobs.map { ($0.id, .pushing) })
      for settled in try await ends(of: jobs) {
        let job = settled.job
        switch settled.end {
        case .failure(let error):
          isSettled = false
          let known = error.with(landed: job.landed + settled.landed)
          try await storing { () throws(JobStoreError) in try await self.postpone([job], known, &givenUp) }
        case .success(let end):
          let landed = job.landed + settled.landed
          let isOpen = try await conclude(
            job, end, landed: landed, result: job.result(of: state), isRepeated: true)
          if isOpen, var promotion = try await store(promotionOf: job) {
            promotion.landed = landed
            again.append(promotion)
          }
        }
      }
      lastPushAt = WallClock.milliseconds
      if isSettled { lastProblem = nil }
    } catch {
      switch error {
      case .store(let error): throw error
      case .server(let error): try await postpone(jobs, error)
      }
      return false
    }
    if !again.isEmpty { try await promote(again) }
    for promotion in again where try await store.current(promotion.job.id)?.state.isFinished == false {
      isSettled = false
    }
    return isSettled
  }

  /// What becomes of jobs whose intents are sent again. Where the server does not take them together, those of each
  /// artifact are sent by themselves: it refuses all for the sake of one, or is still at work on one.
  private func ends(of jobs: [Job]) async throws(RoundFailure) -> [SettledJob] {
    let chains = jobs.sorted { $0.plannedAt < $1.plannedAt }.byArtifact
    let together = try await attempt(chains.flatMap { $0 })
    // One that takes its time takes it for all.
    if jobs.count == 1 || together.contains(where: \.isLate) { return together }
    var ends: [SettledJob] = []
    for chain in chains {
      let whole = together[ends.count..<(ends.count + chain.count)]
      ends += whole.allSatisfy(\.hasLanded) ? Array(whole) : try await oneByOne(chain)
      if ends.contains(where: \.isLate) {
        let rest = together.dropFirst(ends.count)
        return ends + rest.map { $0.hasLanded ? $0 : SettledJob(job: $0.job, end: ends.last?.end ?? $0.end) }
      }
    }
    return ends
  }

  /// Sends jobs of one artifact one after the other, as they were planned, each with those before it: nothing is sent of
  /// what was planned on a job that is not in the remote.
  private func oneByOne(_ chain: [Job]) async throws(RoundFailure) -> [SettledJob] {
    var ends: [SettledJob] = []
    for count in 1...chain.count {
      let end = try await attempt(Array(chain.prefix(count)))[count - 1]
      ends.append(end)
      if end.hasLanded { continue }
      return ends
        + chain.dropFirst(count).map { other in
          isInRemote(other) ? SettledJob(job: other, end: .success(.landed)) : end.behind(other)
        }
    }
    return ends
  }

  /// Whether the tags are as the job's intents have them. What it was planned on may have been changed since.
  private func isInRemote(_ job: Job) -> Bool {
    job.intents.allSatisfy { intent in
      let isThere = (try? state.check(ref: intent.ref))?.event.objectID.description == intent.objectID
      return isThere == (intent.object != nil)
    }
  }

  private func attempt(_ jobs: [Job]) async throws(RoundFailure) -> [SettledJob] {
    do throws(RoundFailure) {
      return try await repeated(jobs)
    } catch {
      guard case .server(let problem) = error else { throw error }
      return jobs.map { SettledJob(job: $0, end: .failure(problem)) }
    }
  }

  private func repeated(_ jobs: [Job]) async throws(RoundFailure) -> [SettledJob] {
    // Each time: where a new lane took the place of one that ended, what it finds must be known here.
    _ = try await contact { () throws(WireError) in try await self.synchronizeIfNew() }
    // Those of one artifact were planned on each other: all are sent or none.
    let groups = jobs.byArtifact.map { $0.flatMap(\.intents).compactMap(PreparedTag.init) }
    guard case .done(let results) = try await send(groups, branches: [], evenIfChanged: true)
    else {
      throw .server(
        WireError(.internalError, category: .retry, "the lane did not send what it was asked to send"))
    }
    return jobs.map { job in
      let names = job.intents.map { String($0.ref.dropFirst("refs/tags/".count)) }
      let end = PushEnd(of: names, in: results)
      return SettledJob(
        job: job, end: end.error.map { .failure($0.withUnknownOutcome) } ?? .success(end),
        landed: job.intents.landed(in: results))
    }
  }

  func store(promotionOf job: Job) async throws(RoundFailure) -> Promotion? {
    do throws(JobStoreError) { return try await promotion(of: job) } catch { throw .store(error) }
  }

  func storing(_ body: () async throws(JobStoreError) -> Void) async throws(RoundFailure) {
    do throws(JobStoreError) { try await body() } catch { throw .store(error) }
  }

  // MARK: Failed attempts

  /// Decides for each job that is still running whether it is tried again.
  func postpone(_ jobs: [Job], _ error: WireError) async throws(JobStoreError) {
    var givenUp: Set<BytewiseString> = []
    try await postpone(jobs, error, &givenUp)
  }

  /// - Parameter givenUp: artifacts of which a job before these failed for good without it being known what became of its
  ///   push. What was planned on that fails like it: it is not sent again without it.
  private func postpone(
    _ jobs: [Job], _ error: WireError, _ givenUp: inout Set<BytewiseString>
  ) async throws(JobStoreError) {
    lastProblem = error
    Log.write(
      .warning, "an attempt failed",
      ["repository": configuration.id, "code": error.code.rawValue, "error": error.message])
    for job in jobs {
      guard let current = try await store.current(job.id), case .running = current.state else { continue }
      // What may be in the remote is settled by asking it, whatever keeps that from being done now.
      let isUnsettled = error.isOutcomeUnknown || !current.intents.isEmpty
      if let seconds = current.intents.compactMap(\.taggerSeconds).max() {
        unsettledSeconds[job.request.artifact, default: seconds].formMaximum(seconds)
      }
      let isWorthRetrying = error.category == .retry || isUnsettled
      let error = error.with(landed: current.landed)
      let later = JobEvent.waiting(
        until: WallClock.milliseconds + backoff(attempt: current.attempts), JobError(error))
      if isStopping {
        try await store.record(job.id, .interrupted)
      } else if isWorthRetrying, current.attempts < limits.attempts,
        !(isUnsettled && givenUp.contains(BytewiseString(job.request.artifact)))
      {
        try await store.record(job.id, later)
      } else {
        if isUnsettled { givenUp.insert(BytewiseString(job.request.artifact)) }
        do throws(RoundFailure) {
          try await record(job.id, .failed(JobError(isUnsettled ? error.withUnknownOutcome : error)))
        } catch {
          // What can't be recorded must not end: it is tried again until it can.
          if case .store(let failure) = error { throw failure }
          try await store.record(job.id, later)
        }
      }
    }
  }

  /// Doubles with each attempt; half of it is chance, so that workers do not meet again.
  func backoff(attempt: Int) -> Int64 {
    let doubled = Double(limits.backoffMilliseconds) * Double(1 << min(attempt - 1, 20))
    let bounded = min(doubled, Double(limits.backoffMaximumSeconds) * 1000)
    return Int64(bounded * Double.random(in: 0.5...1))
  }
}

/// What a repeated push did to the tags of a job, and which of them are in the remote.
private struct SettledJob {
  let job: Job
  let end: Result<PushEnd, WireError>
  var landed = LandedTags()

  var hasLanded: Bool { if case .success(.landed) = end { true } else { false } }
  /// Whether the server took its time.
  var isLate: Bool { if case .failure(let error) = end { error.code == .remoteTimeout } else { false } }

  /// What that is for a job that was planned on this one, which is not in the remote. Where this one can't land any more,
  /// nor can the other, which may be planned anew; where it still may, so may both.
  func behind(_ other: Job) -> SettledJob {
    switch end {
    case .success(.rejected(let words)):
      SettledJob(job: other, end: .success(.rejected("job \(job.id), on which it was planned: \(words)")))
    case .success: SettledJob(job: other, end: .success(.unsent))
    case .failure: SettledJob(job: other, end: end)
    }
  }
}

extension [Job] {
  /// Those of each artifact, in the order in which they stand here.
  fileprivate var byArtifact: [[Job]] {
    Dictionary(grouping: self) { BytewiseString($0.request.artifact) }.values.sorted { $0[0].id < $1[0].id }
  }
}

extension Job {
  /// By what jobs of one artifact were planned on each other: a batch takes turns among tenants, but each tag is later than
  /// those before it. A job that deletes goes alone.
  fileprivate var plannedAt: (Int64, JobID) { (intents.compactMap(\.taggerSeconds).min() ?? .max, id) }

  /// What a job comes to of which only the intents are known. The version of a stage's tag is read from the registry, where
  /// the tags are now.
  fileprivate func result(of state: RegistryState) -> JSONValue {
    let made = intents.filter { $0.object != nil }
    let version = made.last.flatMap { try? state.check(ref: $0.ref) }?.versionText
    let all =
      landed
      + LandedTags(
        made: made.compactMap(CreatedTag.init),
        deleted: intents.filter { $0.object == nil }.map(DeletedTag.init))
    return .result(
      version: version ?? request.body["version"]?.stringValue, tags: all.made.map(\.json),
      deleted: all.deleted)
  }
}

extension Int64 {
  fileprivate mutating func formMaximum(_ other: Int64) { self = Swift.max(self, other) }
}

extension Intent {
  /// When the tag says that it was made, in seconds since 1970; nil for a deletion. Source: git-mktag(1): the fourth line
  /// ends with the time and its zone.
  fileprivate var taggerSeconds: Int64? {
    guard let object else { return nil }
    let lines = object.split(separator: UInt8(ascii: "\n"), maxSplits: 4, omittingEmptySubsequences: false)
    guard lines.count > 3 else { return nil }
    let words = lines[3].split(separator: UInt8(ascii: " ")).suffix(2)
    return words.first.flatMap { Int64(String(decoding: $0, as: UTF8.self)) }
  }
}

extension PreparedTag {
  fileprivate init?(_ intent: Intent) {
    guard let id = ObjectID(intent.objectID), intent.ref.hasPrefix("refs/tags/") else { return nil }
    self.init(name: String(intent.ref.dropFirst("refs/tags/".count)), objectID: id, object: intent.object)
  }
}
