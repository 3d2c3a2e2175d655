internal import JobQueue
internal import LaneProtocol
internal import Registry
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

extension Repository {
  /// Makes, journals and pushes the tags.
  ///
  /// - Returns: those that have to be planned anew; and where nothing else was the matter with any than that the server
  ///   could not lock a name, its words.
  func push(_ promotions: [Promotion]) async throws(RoundFailure) -> (again: [Promotion], lock: String?) {
    let prepared = try await prepare(promotions)
    if prepared.count < promotions.count {
      return (try await replanned(prepared, "a job that it may build on was cancelled"), nil)
    }
    try await records.record(prepared.map { ($0.job.id, .pushing) })
    let branches = prepared.reduce(into: Set<String>()) { $0.formUnion($1.planned?.branches ?? []) }
    switch try await sendOrGiveUp(prepared, branches: branches.sorted()) {
    case .changed(let facts):
      note(facts)
      return (try await replanned(prepared, "the remote had changed; nothing was sent"), nil)
    case .done(let results):
      lastPushAt = WallClock.milliseconds
      let ends = prepared.map { PushEnd(of: $0.prepared.map(\.name), in: results) }
      let landed = zip(prepared, ends).filter { $0.1 == .landed }.map(\.0)
      try await recordSuccesses(landed)
      let others = prepared.filter { other in !landed.contains { $0.job.id == other.job.id } }
      let again = try await conclude(others, results)
      if !again.isEmpty { try await contact { () throws(WireError) in try await self.synchronize() } }
      return (again, ends.commonLock)
    }
  }

  /// Sends what was prepared. After a failure before anything was sent the intents are given up: by the next attempt a
  /// job may be cancelled, late, or not allowed any more.
  private func sendOrGiveUp(
    _ promotions: [Promotion], branches: [String]
  ) async throws(RoundFailure) -> PushReply {
    do throws(RoundFailure) {
      return try await send(promotions.map(\.prepared), branches: branches, evenIfChanged: false)
    } catch {
      // What is a defect may have come after the push.
      if case .server(let problem) = error, !problem.isOutcomeUnknown, problem.category != .internal {
        _ = try await replanned(promotions, problem.message)
      }
      throw error
    }
  }

  /// Gives the intents up, of which nothing was sent. Returns the jobs that are still wanted.
  private func replanned(
    _ promotions: [Promotion], _ reason: String
  ) async throws(RoundFailure) -> [Promotion] {
    var again: [Promotion] = []
    for promotion in promotions where try await replan(promotion.job, reason, landed: promotion.landed) {
      again.append(promotion)
    }
    return again
  }

  /// Records what a push did to each job. A hook such as pre-receive refuses all tags for the sake of one:
  /// of several that were refused, only one that is refused alone is rejected, and the others are planned
  /// anew without it.
  ///
  /// - Returns: those that have to be planned anew.
  func conclude(
    _ promotions: [Promotion], _ results: [PushedTag]
  ) async throws(RoundFailure) -> [Promotion] {
    var again: [Promotion] = []
    var unanswered: WireError?
    var hasTriedAlone = promotions.count == 1
    for var promotion in promotions {
      var end = PushEnd(of: promotion.prepared.map(\.name), in: results)
      var landed = promotion.intents.landed(in: results)
      if case .rejected = end, promotions.count > 1 {
        if hasTriedAlone {
          promotion.landed = promotion.landed + landed
          let reason = "the server refused it together with others"
          if try await replan(promotion.job, reason, landed: promotion.landed) { again.append(promotion) }
          continue
        } else if case .done(let own) = try await send(
          [promotion.prepared], branches: [], evenIfChanged: true)
        {
          end = PushEnd(of: promotion.prepared.map(\.name), in: own)
          landed = promotion.intents.landed(in: own)
          hasTriedAlone = true
        }
      }
      let result = promotion.result
      promotion.landed = promotion.landed + landed
      if let error = end.error {
        unanswered = error
        try await storing { [promotion] () throws(JobStoreError) in
          try await self.postpone([promotion.job], error.withUnknownOutcome.with(landed: promotion.landed))
        }
        continue
      }
      if try await conclude(promotion.job, end, landed: promotion.landed, result: result) {
        again.append(promotion)
      }
    }
    // Until that one is settled, nobody knows what there is to be planned on.
    if let unanswered { throw .server(unanswered) }
    return again
  }

  func prepare(_ promotions: [Promotion]) async throws(RoundFailure) -> [Promotion] {
    let drafts = promotions.flatMap { promotion in
      (promotion.plan?.tags ?? []).map { tag in
        TagDraft(name: tag.ref, target: tag.commit, message: tag.message, time: tag.time)
      }
    }
    var tags = try await make(drafts)[...]
    var prepared: [Promotion] = []
    for var promotion in promotions {
      let made = tags.prefix(promotion.plan?.tags.count ?? 0)
      tags = tags.dropFirst(made.count)
      promotion.prepared = Array(made) + (promotion.plan?.deletions ?? []).map(PreparedTag.init(deleting:))
      prepared.append(promotion)
    }
    return try await recordIntents(prepared)
  }

  /// Has the lane make tag objects.
  private func make(_ drafts: [TagDraft]) async throws(RoundFailure) -> [PreparedTag] {
    if drafts.isEmpty { return [] }
    let tags = try await contact { () throws(WireError) in
      let value = try await self.ask(.prepare(drafts))
      return try self.decode(value) { value throws(JSONShapeError) in
        var reader = try ObjectReader(value, path: "prepare")
        return try reader.elements("tags", PreparedTag.init)
      }
    }
    forgetKeyProblems("signing_key")
    return tags
  }

  /// Journals all intents at once, so that they share a sync; leaves out jobs that were cancelled meanwhile.
  func recordIntents(_ promotions: [Promotion]) async throws(RoundFailure) -> [Promotion] {
    let pushes = promotions.map { promotion in
      JobPush(
        job: promotion.job,
        rule: policy.rule(promotion.request.access, tenant: promotion.job.request.requester.tenant),
        intents: promotion.intents)
    }
    let steps = try await records.record(intents: pushes)
    return zip(promotions, steps).filter { $0.1.isPush }.map(\.0)
  }

  /// - Parameter groups: tags of which all are sent or none: those of a job, or of several that were planned on each other.
  func send(
    _ groups: [[PreparedTag]], branches: [String], evenIfChanged: Bool
  ) async throws(RoundFailure) -> PushReply {
    let tags = groups.enumerated().flatMap { number, tags in tags.map { $0.inGroup(number) } }
    if tags.isEmpty { return .done([]) }
    do throws(RoundFailure) {
      let reply = try await contact { () throws(WireError) in
        let value = try await self.ask(.push(tags, branches: branches, evenIfChanged: evenIfChanged))
        return try self.decode(value) { value throws(JSONShapeError) in try PushReply(value) }
      }
      counters.countPush(tags: tags.count)
      return reply
    } catch {
      counters.countFailedPush()
      throw error
    }
  }

  /// Journals what has landed at once, so that all of a push share a sync.
  func recordSuccesses(_ promotions: [Promotion]) async throws(RoundFailure) {
    try await records.record(promotions.map { ($0.job.id, .succeeded($0.result)) })
  }

  /// - Parameters:
  ///   - landed: which of its tags are in the remote, where it does not end well.
  ///   - isRepeated: whether the same was sent before, and nobody knows what became of that: what the server refuses now,
  ///     it may still be about to take.
  /// - Returns: whether the job has to be planned anew.
  func conclude(
    _ job: Job, _ end: PushEnd, landed: LandedTags, result: JSONValue, isRepeated: Bool = false
  ) async throws(RoundFailure) -> Bool {
    switch end {
    case .landed: try await record(job.id, .succeeded(result))
    case .pending(let name):
      let error = WireError(
        .remoteRefused, category: .refused,
        "tag \"\(name)\" was made or changed by somebody else, while other tags of the job may still land")
      try await record(job.id, .rejected(JobError(error.withUnknownOutcome.with(landed: landed))))
    case .rejected(let words):
      var error = WireError(.remoteRefused, category: .refused, "the Git server refused: \(words)")
      if isRepeated {
        error = error.withUnknownOutcome
        error.message += "; the same was sent before without an answer, and may still land"
      }
      try await record(job.id, .rejected(JobError(error.with(landed: landed))))
    // Such a job is postponed instead.
    case .unanswered: return false
    case .taken(let name):
      let reason = "tag \"\(name)\" was made or changed by somebody else meanwhile"
      return try await replan(job, reason, landed: landed)
    case .locked(let words): return try await replan(job, words, landed: landed)
    case .unsent:
      return try await replan(
        job, "the server did not take a tag before it; nothing was sent", landed: landed)
    }
    return false
  }

  /// - Returns: whether the job is still wanted.
  func replan(_ job: Job, _ reason: String, landed: LandedTags) async throws(RoundFailure) -> Bool {
    let error = JobError(WireError(.remoteRefused, category: .retry, reason).with(landed: landed))
    return try await record(job.id, .replanned(error)) == .plan
  }
}

extension PreparedTag {
  fileprivate func inGroup(_ number: Int) -> PreparedTag {
    var copy = self
    copy.group = number
    return copy
  }
}

extension [PushEnd] {
  /// The words of one, where all are locked.
  fileprivate var commonLock: String? {
    let words = compactMap { if case .locked(let words) = $0 { words } else { nil } }
    return words.count == count ? words.first : nil
  }
}

extension JobStep {
  /// Whether the job's intents are to be pushed.
  fileprivate var isPush: Bool { if case .push = self { true } else { false } }
}
