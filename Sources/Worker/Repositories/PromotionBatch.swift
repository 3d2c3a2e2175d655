internal import JobQueue
internal import LaneProtocol
internal import Registry
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

extension Repository {
  /// How often a batch is planned anew, because others changed the remote meanwhile, until that counts as a
  /// failed attempt.
  static let setbackLimit = 50

  /// Brings every job of a batch to an end or to its next wait. Assumes the caller has the turn.
  func carryOutBatch(_ jobs: [Job]) async throws(JobStoreError) {
    let unsettled = jobs.filter { !$0.intents.isEmpty }
    // Where it is not known what became of a job, those behind it must not overtake it.
    guard try await settle(unsettled) else { return }
    var fresh: [Promotion] = []
    for job in jobs where job.intents.isEmpty {
      if let promotion = try await promotion(of: job) { fresh.append(promotion) }
    }
    if !fresh.isEmpty { try await promote(fresh) }
  }

  /// The request of a job, read back and allowed still; nil where the job was rejected.
  func promotion(of job: Job) async throws(JobStoreError) -> Promotion? {
    let request: WireProtocol.WriteRequest
    do throws(JSONShapeError) {
      request = try WireProtocol.WriteRequest(body: job.request.body)
    } catch {
      try await reject(job, WireError(error))
      return nil
    }
    guard policy.allows(request.access, tenant: job.request.requester.tenant) else {
      try await reject(job, .notAllowed(request.access))
      return nil
    }
    return Promotion(job: job, request: request)
  }

  func promote(_ promotions: [Promotion]) async throws(JobStoreError) {
    var open = promotions
    do throws(RoundFailure) {
      var isFresh = try await contact { () throws(WireError) in
        try await self.synchronizeIfOld(for: promotions)
      }
      var (setbacks, lockings) = (0, 0)
      while setbacks < Self.setbackLimit {
        open = try await plan(open, isFresh: &isFresh)
        let part = open.prefix(ofTags: configuration.tagsPerPush)
        if part.isEmpty { return }
        let (again, lock) = try await push(Array(part))
        if !again.isEmpty {
          setbacks += 1
          isFresh = true
        }
        lockings = lock == nil ? 0 : lockings + 1
        if let lock { try await waitForLock(lock, times: lockings) }
        open = again + open.dropFirst(part.count)
      }
      throw .server(Self.contention)
    } catch {
      switch error {
      case .store(let error): throw error
      case .server(let error): try await postpone(open.map(\.job), error)
      }
    }
  }

  /// How often in a row a server may say that it can't lock a name.
  private static let lockLimit = 5

  /// Gives whoever else is at work on the server time to end it.
  ///
  /// - Throws: after several times the server's words, so that the jobs are tried again later.
  private func waitForLock(_ words: String, times: Int) async throws(RoundFailure) {
    if times >= Self.lockLimit {
      throw .server(
        WireError(.remoteLocked, category: .retry, "the Git server can't lock the tag's name: \(words)"))
    }
    try? await Task.sleep(for: .milliseconds(20 << times))
  }

  static let contention = WireError(
    .remoteUnreachable, category: .retry,
    "others changed the repository's tags \(setbackLimit) times in a row meanwhile")

  // MARK: Errors

  /// Talks to the lane; its errors end the round.
  func contact<Value>(
    _ body: () async throws(WireError) -> Value
  ) async throws(RoundFailure) -> Value {
    do throws(WireError) { return try await body() } catch { throw .server(error) }
  }

  @discardableResult
  func record(_ id: JobID, _ event: JobEvent) async throws(RoundFailure) -> JobStep {
    try await records.record([(id, event)]).first ?? .finish
  }

  /// Ends a job that has nothing in the remote.
  func reject(_ job: Job, _ error: WireError) async throws(JobStoreError) {
    do throws(RoundFailure) {
      try await record(job.id, .rejected(JobError(error.with(landed: job.landed))))
    } catch {
      switch error {
      case .store(let error): throw error
      case .server(let error): try await postpone([job], error)
      }
    }
  }
}

extension [Promotion] {
  /// As many from the front as one push may carry; at least one, for what belongs together goes together. What rests
  /// on tags that have to land first begins the next push, and so does what is not planned yet.
  fileprivate func prefix(ofTags limit: Int) -> ArraySlice<Promotion> {
    var tags = 0
    let count = prefix { promotion in
      guard let planned = promotion.planned, planned.plan.deletions.isEmpty, !planned.needsLanding else {
        return false
      }
      tags += planned.plan.tags.count
      return tags <= limit
    }.count
    return prefix(Swift.max(1, count))
  }
}
