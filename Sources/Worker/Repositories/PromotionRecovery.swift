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
    do throws(RoundFailure) {
      _ = try await contact { () throws(WireError) in try await self.synchronizeIfNew() }
      // The policy decided before they were journalled, and is not asked again.
      try await records.record(repeated: jobs)
      try await records.record(jobs.map { ($0.id, .pushing) })
      for (job, end) in try await ends(of: jobs) {
        switch end {
        case .failure(let error):
          isSettled = false
          try await storing { () throws(JobStoreError) in try await self.postpone([job], error) }
        case .success(let end):
          let landed = job.landed + end.landed
          let isOpen = try await conclude(
            job, end.end, landed: landed, result: job.result(of: state), isRepeated: true)
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

  /// What becomes of jobs whose intents are sent again. Where the server does not take them together, each is sent by
  /// itself: it refuses all for the sake of one, or is still at work on one.
  private func ends(
    of jobs: [Job]
  ) async throws(RoundFailure) -> [(Job, Result<SettledEnd, WireError>)] {
    if jobs.count > 1 {
      let together = try await attempt(jobs)
      var taken: Set<[BytewiseString]> = []
      let isCertain = together.allSatisfy { job, end in
        if end.isTaken { taken.insert(job.place) }
        return end.isCertain || end.isUnsent && taken.contains(job.place)
      }
      if isCertain { return together }
    }
    var ends: [(Job, Result<SettledEnd, WireError>)] = []
    var taken: [[BytewiseString]: Job] = [:]
    for job in jobs {
      // One that takes its time takes it for all.
      if case .failure(let error)? = ends.last?.1, error.code == .remoteTimeout {
        ends.append((job, .failure(error)))
      } else {
        // With one before it that can't come any more, so that nothing is sent of what was planned on that.
        let before = taken[job.place].map { [$0] } ?? []
        ends += try await attempt(before + [job]).suffix(1)
        if ends.last?.1.isTaken ?? false { taken[job.place] = job }
      }
    }
    return ends
  }

  private func attempt(_ jobs: [Job]) async throws(RoundFailure) -> [(Job, Result<SettledEnd, WireError>)] {
    do throws(RoundFailure) {
      return try await repeated(jobs).map { ($0, .success($1)) }
    } catch {
      guard case .server(let problem) = error else { throw error }
      return jobs.map { ($0, .failure(problem)) }
    }
  }

  private func repeated(_ jobs: [Job]) async throws(RoundFailure) -> [(Job, SettledEnd)] {
    // Each time: where a new lane took the place of one that ended, what it finds must be known here.
    _ = try await contact { () throws(WireError) in try await self.synchronizeIfNew() }
    // A tenant's of one artifact were planned on each other, for none begins while one before it is not settled: all are
    // sent or none.
    var groups: [(place: [BytewiseString], tags: [PreparedTag])] = []
    for job in jobs {
      let tags = job.intents.compactMap(PreparedTag.init)
      if let group = groups.firstIndex(where: { $0.place == job.place }) {
        groups[group].tags += tags
      } else {
        groups.append((job.place, tags))
      }
    }
    guard case .done(let results) = try await send(groups.map(\.tags), branches: [], evenIfChanged: true)
    else {
      throw .server(
        WireError(.internalError, category: .retry, "the lane did not send what it was asked to send"))
    }
    return jobs.map { job in
      let names = job.intents.map { String($0.ref.dropFirst("refs/tags/".count)) }
      return (job, SettledEnd(end: PushEnd(of: names, in: results), landed: job.intents.landed(in: results)))
    }
  }

  func store(promotionOf job: Job) async throws(RoundFailure) -> Promotion? {
    do throws(JobStoreError) { return try await promotion(of: job) } catch { throw .store(error) }
  }

  private func storing(_ body: () async throws(JobStoreError) -> Void) async throws(RoundFailure) {
    do throws(JobStoreError) { try await body() } catch { throw .store(error) }
  }

  // MARK: Failed attempts

  /// Decides for each job that is still running whether it is tried again.
  func postpone(_ jobs: [Job], _ error: WireError) async throws(JobStoreError) {
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
      } else if isWorthRetrying, current.attempts < limits.attempts {
        try await store.record(job.id, later)
      } else {
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

/// What a push did to the tags of a job, and which of them are in the remote.
private struct SettledEnd {
  let end: PushEnd
  let landed: LandedTags
}

extension Result<SettledEnd, WireError> {
  /// Whether the others of the same push have nothing to do with it; a server that took its time has.
  fileprivate var isCertain: Bool {
    switch self {
    case .success(let end): end.end.isCertain
    case .failure(let error): error.code == .remoteTimeout
    }
  }

  fileprivate var isTaken: Bool {
    if case .success(let end) = self, case .taken = end.end { true } else { false }
  }

  fileprivate var isUnsent: Bool { if case .success(let end) = self { end.end == .unsent } else { false } }
}

extension Job {
  /// Where it stands in line: its tenant and artifact.
  fileprivate var place: [BytewiseString] {
    [BytewiseString(request.requester.tenant), BytewiseString(request.artifact)]
  }

  /// What a job comes to of which only the intents are known. The version of a stage's tag is read from the registry, where
  /// the tags are now.
  fileprivate func result(of state: RegistryState) -> JSONValue {
    let made = intents.filter { $0.object != nil }
    let version = made.last.flatMap { try? state.check(ref: $0.ref) }?.versionText
    return .result(
      version: version ?? request.body["version"]?.stringValue,
      tags: (landed.made + made.compactMap(CreatedTag.init)).map(\.json),
      deleted: landed.deleted + intents.filter { $0.object == nil }.map(DeletedTag.init))
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
