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
  /// - Returns: whether the server could be asked.
  func settle(_ jobs: [Job]) async throws(JobStoreError) -> Bool {
    if jobs.isEmpty { return true }
    do throws(RoundFailure) {
      _ = try await contact { () throws(WireError) in try await self.synchronizeIfNew() }
      let tags = jobs.flatMap(\.intents).compactMap(PreparedTag.init)
      // The policy decided before they were journalled, and is not asked again.
      try await records.record(repeated: jobs)
      try await records.record(jobs.map { ($0.id, .pushing) })
      guard case .done(let results) = try await send(tags, branches: [], evenIfChanged: true) else {
        throw .server(
          WireError(.internalError, category: .retry, "the lane did not send what it was asked to send"))
      }
      lastPushAt = WallClock.milliseconds
      lastProblem = nil
      var again: [Promotion] = []
      for job in jobs {
        let names = job.intents.map { String($0.ref.dropFirst("refs/tags/".count)) }
        let end = PushEnd(of: names, in: results)
        if try await conclude(job, end, result: job.result(of: state)),
          let promotion = try await store(promotionOf: job)
        {
          again.append(promotion)
        }
      }
      if !again.isEmpty {
        try await storeErrors { () throws(JobStoreError) in try await self.promote(again) }
      }
      return true
    } catch {
      switch error {
      case .store(let error): throw error
      case .server(let error): try await postpone(jobs, error)
      }
      return false
    }
  }

  func store(promotionOf job: Job) async throws(RoundFailure) -> Promotion? {
    do throws(JobStoreError) { return try await promotion(of: job) } catch { throw .store(error) }
  }

  func storeErrors(_ body: () async throws(JobStoreError) -> Void) async throws(RoundFailure) {
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
      let isWorthRetrying = error.category == .retry || error.isOutcomeUnknown
      let later = JobEvent.waiting(
        until: WallClock.milliseconds + backoff(attempt: current.attempts), JobError(error))
      if isStopping {
        try await store.record(job.id, .interrupted)
      } else if isWorthRetrying, current.attempts < limits.attempts {
        try await store.record(job.id, later)
      } else {
        do throws(RoundFailure) {
          try await record(job.id, .failed(JobError(error)))
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

extension Job {
  /// The same for a job of which only the intents are known: the rest is read from the registry, where the
  /// tags are now.
  fileprivate func result(of state: RegistryState) -> JSONValue {
    let deleted = intents.filter { $0.object == nil }.map(DeletedTag.init)
    let tags = intents.filter { $0.object != nil }.compactMap { try? state.check(ref: $0.ref) }
    let created = tags.map { tag in
      CreatedTag(
        ref: tag.event.ref, objectID: tag.event.objectID.description, commit: tag.event.commit.description,
        event: tag.eventName
      ).json
    }
    return .result(version: tags.last?.versionText, tags: created, deleted: deleted)
  }
}

extension PreparedTag {
  fileprivate init?(_ intent: Intent) {
    guard let id = ObjectID(intent.objectID), intent.ref.hasPrefix("refs/tags/") else { return nil }
    self.init(name: String(intent.ref.dropFirst("refs/tags/".count)), objectID: id, object: intent.object)
  }
}
