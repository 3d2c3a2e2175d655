internal import JobQueue
internal import LaneProtocol
internal import Registry
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

/// One job of a batch on its way from the request to the tags.
struct Promotion: Sendable {
  let job: Job
  let request: WireProtocol.WriteRequest
  var plan: Plan?
  /// The branches on whose tips the plan depends.
  var branches: Set<String> = []
  var prepared: [PreparedTag] = []

  var intents: [Intent] {
    prepared.map { tag in
      Intent(ref: "refs/tags/" + tag.name, objectID: tag.objectID.description, object: tag.object)
    }
  }
}

extension Repository {
  /// How often a batch is planned anew, because others changed the remote meanwhile, until that counts as a
  /// failed attempt.
  private static let setbackLimit = 50

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
  private func promotion(of job: Job) async throws(JobStoreError) -> Promotion? {
    let request: WireProtocol.WriteRequest
    do throws(JSONShapeError) {
      request = try WireProtocol.WriteRequest(body: job.request.body)
    } catch {
      try await store.record(job.id, .rejected(JobError(WireError(error))))
      return nil
    }
    guard policy.allows(request.access, tenant: job.request.requester.tenant) else {
      try await store.record(job.id, .rejected(JobError(.notAllowed(request.access))))
      return nil
    }
    return Promotion(job: job, request: request)
  }

  private func promote(_ promotions: [Promotion]) async throws(JobStoreError) {
    var open = promotions
    do throws(RoundFailure) {
      var isFresh = try await contact { () throws(WireError) in try await self.synchronizeIfNew() }
      var setbacks = 0
      while setbacks < Self.setbackLimit {
        open = try await plan(open, isFresh: &isFresh)
        let part = open.prefix(ofTags: configuration.tagsPerPush)
        if part.isEmpty { return }
        let again = try await push(Array(part))
        if !again.isEmpty {
          setbacks += 1
          isFresh = true
        }
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

  private static let contention = WireError(
    .remoteUnreachable, category: .retry,
    "others changed the repository's tags \(setbackLimit) times in a row meanwhile")

  // MARK: Plan

  /// Plans each; those that are refused are settled and left out. A refusal counts only against what the
  /// remote holds now.
  private func plan(
    _ promotions: [Promotion], isFresh: inout Bool
  ) async throws(RoundFailure) -> [Promotion] {
    while true {
      var draft = RegistryDraft(state)
      var planned: [Promotion] = []
      var refused: [(Job, WireError)] = []
      for var promotion in promotions {
        do throws(WireError) {
          (promotion.plan, promotion.branches) = try await plan(
            promotion.request, on: &draft, trailers: trailers(promotion.job),
            tenant: promotion.job.request.requester.tenant)
          planned.append(promotion)
        } catch {
          if error.category == .retry { throw .server(error) }
          refused.append((promotion.job, error))
        }
      }
      if !refused.isEmpty, !isFresh {
        try await contact { () throws(WireError) in try await self.synchronize() }
        isFresh = true
        continue
      }
      for (job, error) in refused { try await record(job.id, .rejected(JobError(error))) }
      return planned
    }
  }

  /// Plans one request on top of a draft. Assumes the caller has the turn.
  ///
  /// - Returns: the plan, and the branches on whose tips it depends.
  func plan(
    _ request: WireProtocol.WriteRequest, on draft: inout RegistryDraft, trailers: [String], tenant: String
  ) async throws(WireError) -> (Plan, branches: Set<String>) {
    if let problem = facts.fileProblem {
      throw WireError(.repositoryFileInvalid, category: .refused, problem)
    }
    let (wanted, branches) = try await resolved(request)
    let context = PlanContext(
      now: WallClock.seconds, allowedStages: facts.allowedStages, defaultBranchTip: facts.tip,
      trailers: trailers)
    do throws(Refusal) {
      let plan = try draft.preview(wanted, context)
      try checkRegistration(plan, request, tenant: tenant)
      draft.apply(plan)
      return (plan, branches)
    } catch {
      throw WireError(error)
    }
  }

  /// An assignment that registers a version first needs the right to do that too.
  private func checkRegistration(
    _ plan: Plan, _ request: WireProtocol.WriteRequest, tenant: String
  ) throws(Refusal) {
    guard request.action != .register, plan.tags.contains(where: { $0.kind == .registration }) else { return }
    let access = Access(.register, repository: request.repository, artifact: request.artifact)
    if policy.allows(access, tenant: tenant) { return }
    throw Refusal(
      .noVersionAtCommit,
      "the commit has no version of '\(request.artifact)', and you may not register one; name a registered version"
    )
  }

  /// The request in the registry's terms, with the ref resolved.
  private func resolved(
    _ request: WireProtocol.WriteRequest
  ) async throws(WireError) -> (Registry.WriteRequest, branches: Set<String>) {
    var result = try RequestCheck.registryRequest(request)
    guard let ref = request.ref else {
      let usesTip = request.action == .register || (result.version == nil && request.action != .rollback)
      return (result, usesTip ? Set([facts.defaultBranch].compactMap { $0 }) : [])
    }
    let resolved = try await resolve(ref)
    result.commit = resolved.commit
    return (result, Set([resolved.branch].compactMap { $0 }))
  }

  func resolve(_ ref: String) async throws(WireError) -> ResolvedRef {
    let value = try await ask(.resolve([ref]))
    let refs = try decode(value) { value throws(JSONShapeError) in
      var reader = try ObjectReader(value, path: "resolve")
      return try reader.elements("refs", ResolvedRef.init)
    }
    guard let resolved = refs.first, resolved.commit != nil else {
      throw WireError(
        .unknownRef, category: .refused,
        refs.first?.problem ?? "the remote has no branch, tag or commit \"\(ref.escapedForMessage)\"")
    }
    return resolved
  }

  /// What makes the tag this job's own, so that two equal requests never make the same object.
  func trailers(_ job: Job) -> [String] { ["Stagekeeper-Job: \(identity)/\(job.id)"] }

  // MARK: Push

  /// Makes, journals and pushes the tags. Returns those that have to be planned anew.
  private func push(_ promotions: [Promotion]) async throws(RoundFailure) -> [Promotion] {
    let prepared = try await prepare(promotions)
    for promotion in prepared { try await record(promotion.job.id, .pushing) }
    let branches = prepared.reduce(into: Set<String>()) { $0.formUnion($1.branches) }
    let reply = try await send(
      prepared.flatMap(\.prepared), branches: branches.sorted(), evenIfChanged: false)
    switch reply {
    case .changed(let facts):
      note(facts)
      var again: [Promotion] = []
      for promotion in prepared
      where try await replan(promotion.job, "the remote had changed; nothing was sent") {
        again.append(promotion)
      }
      return again
    case .done(let results):
      lastPushAt = WallClock.milliseconds
      let landed = prepared.filter { PushEnd(of: $0.prepared.map(\.name), in: results) == .landed }
      try await recordSuccesses(landed)
      let others = prepared.filter { other in !landed.contains { $0.job.id == other.job.id } }
      let again = try await conclude(others, results)
      if !again.isEmpty { try await contact { () throws(WireError) in try await self.synchronize() } }
      return again
    }
  }

  /// Records what a push did to each job. A hook such as pre-receive refuses all tags for the sake of one:
  /// of several that were refused, only one that is refused alone is rejected, and the others are planned
  /// anew without it.
  ///
  /// - Returns: those that have to be planned anew.
  private func conclude(
    _ promotions: [Promotion], _ results: [PushedTag]
  ) async throws(RoundFailure) -> [Promotion] {
    var again: [Promotion] = []
    var hasTriedAlone = promotions.count == 1
    for promotion in promotions {
      var end = PushEnd(of: promotion.prepared.map(\.name), in: results)
      if case .rejected = end, promotions.count > 1 {
        if hasTriedAlone {
          if try await replan(promotion.job, "the server refused it together with others") {
            again.append(promotion)
          }
          continue
        } else if case .done(let own) = try await send(promotion.prepared, branches: [], evenIfChanged: true)
        {
          end = PushEnd(of: promotion.prepared.map(\.name), in: own)
          hasTriedAlone = true
        }
      }
      if try await conclude(promotion.job, end, result: promotion.result) { again.append(promotion) }
    }
    return again
  }

  private func prepare(_ promotions: [Promotion]) async throws(RoundFailure) -> [Promotion] {
    let drafts = promotions.flatMap { promotion in
      (promotion.plan?.tags ?? []).map { tag in
        TagDraft(name: tag.ref, target: tag.commit, message: tag.message, time: tag.time)
      }
    }
    var tags = try await contact { () throws(WireError) in
      let value = try await self.ask(.prepare(drafts))
      return try self.decode(value) { value throws(JSONShapeError) in
        var reader = try ObjectReader(value, path: "prepare")
        return try reader.elements("tags", PreparedTag.init)
      }
    }[...]
    forgetKeyProblems("signing_key")
    var prepared: [Promotion] = []
    for var promotion in promotions {
      promotion.prepared = Array(tags.prefix(promotion.plan?.tags.count ?? 0))
      tags = tags.dropFirst(promotion.prepared.count)
      prepared.append(promotion)
    }
    return try await recordIntents(prepared)
  }

  /// Journals all intents at once, so that they share a sync; leaves out jobs that were cancelled meanwhile.
  private func recordIntents(_ promotions: [Promotion]) async throws(RoundFailure) -> [Promotion] {
    let store = store
    let outcomes = await withTaskGroup(of: (Int, Result<JobStep, JobStoreError>).self) { group in
      for (index, promotion) in promotions.enumerated() {
        group.addTask {
          do throws(JobStoreError) {
            return (index, .success(try await store.record(promotion.job.id, .prepared(promotion.intents))))
          } catch {
            return (index, .failure(error))
          }
        }
      }
      return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    var kept: [Promotion] = []
    for (index, promotion) in promotions.enumerated() {
      switch outcomes[index] {
      case .success(.push): kept.append(promotion)
      case .success, nil: break
      case .failure(let error): throw .store(error)
      }
    }
    return kept
  }

  private func send(
    _ tags: [PreparedTag], branches: [String], evenIfChanged: Bool
  ) async throws(RoundFailure) -> PushReply {
    if tags.isEmpty { return .done([]) }
    do throws(RoundFailure) {
      let reply = try await contact { () throws(WireError) in
        let value = try await self.ask(.push(tags, branches: branches, evenIfChanged: evenIfChanged))
        return try self.decode(value) { value throws(JSONShapeError) in try PushReply(value) }
      }
      await counters.countPush(tags: tags.count)
      return reply
    } catch {
      await counters.countFailedPush()
      throw error
    }
  }

  /// Journals what has landed at once, so that all of a push share a sync.
  private func recordSuccesses(_ promotions: [Promotion]) async throws(RoundFailure) {
    let store = store
    let failure = await withTaskGroup(of: JobStoreError?.self) { group in
      for promotion in promotions {
        group.addTask {
          do throws(JobStoreError) {
            try await store.record(promotion.job.id, .succeeded(promotion.result))
            return nil
          } catch {
            return error
          }
        }
      }
      return await group.reduce(nil) { $0 ?? $1 }
    }
    if let failure { throw .store(failure) }
  }

  /// - Returns: whether the job has to be planned anew.
  private func conclude(_ job: Job, _ end: PushEnd, result: JSONValue) async throws(RoundFailure) -> Bool {
    switch end {
    case .landed: try await record(job.id, .succeeded(result))
    case .rejected(let words):
      try await record(
        job.id,
        .rejected(JobError(WireError(.remoteRefused, category: .refused, "the Git server refused: \(words)")))
      )
    case .taken(let name):
      return try await replan(job, "tag \"\(name)\" was made by somebody else meanwhile")
    }
    return false
  }

  /// - Returns: whether the job is still wanted.
  private func replan(_ job: Job, _ reason: String) async throws(RoundFailure) -> Bool {
    let error = JobError(WireError(.remoteRefused, category: .retry, reason))
    return try await record(job.id, .replanned(error)) == .plan
  }

  // MARK: What is left from before

  /// Sends intents exactly as they were journalled, whatever else changed, and plans anew only what the
  /// remote shows to be taken.
  ///
  /// - Returns: whether the server could be asked.
  private func settle(_ jobs: [Job]) async throws(JobStoreError) -> Bool {
    if jobs.isEmpty { return true }
    do throws(RoundFailure) {
      _ = try await contact { () throws(WireError) in try await self.synchronizeIfNew() }
      let tags = jobs.flatMap(\.intents).compactMap(PreparedTag.init)
      for job in jobs { try await record(job.id, .pushing) }
      guard case .done(let results) = try await send(tags, branches: [], evenIfChanged: true) else {
        throw .server(
          WireError(.internalError, category: .retry, "the lane did not send what it was asked to send"))
      }
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

  private func store(promotionOf job: Job) async throws(RoundFailure) -> Promotion? {
    do throws(JobStoreError) { return try await promotion(of: job) } catch { throw .store(error) }
  }

  private func storeErrors(_ body: () async throws(JobStoreError) -> Void) async throws(RoundFailure) {
    do throws(JobStoreError) { try await body() } catch { throw .store(error) }
  }

  // MARK: Failed attempts

  /// Decides for each job that is still running whether it is tried again.
  private func postpone(_ jobs: [Job], _ error: WireError) async throws(JobStoreError) {
    lastProblem = error
    Log.write(
      .warning, "an attempt failed",
      ["repository": configuration.id, "code": error.code.rawValue, "error": error.message])
    for job in jobs {
      guard let current = try await store.job(job.id), case .running = current.state else { continue }
      let isWorthRetrying = error.category == .retry || error.isOutcomeUnknown
      if isStopping {
        try await store.record(job.id, .interrupted)
      } else if isWorthRetrying, current.attempts < limits.attempts {
        let until = WallClock.milliseconds + backoff(attempt: current.attempts)
        try await store.record(job.id, .waiting(until: until, JobError(error)))
      } else {
        try await store.record(job.id, .failed(JobError(error)))
      }
    }
  }

  /// Doubles with each attempt; half of it is chance, so that workers do not meet again.
  private func backoff(attempt: Int) -> Int64 {
    let doubled = Double(limits.backoffMilliseconds) * Double(1 << min(attempt - 1, 20))
    let bounded = min(doubled, Double(limits.backoffMaximumSeconds) * 1000)
    return Int64(bounded * Double.random(in: 0.5...1))
  }

  // MARK: Errors

  /// Talks to the lane; its errors end the round.
  private func contact<Value>(
    _ body: () async throws(WireError) -> Value
  ) async throws(RoundFailure) -> Value {
    do throws(WireError) { return try await body() } catch { throw .server(error) }
  }

  @discardableResult
  private func record(_ id: JobID, _ event: JobEvent) async throws(RoundFailure) -> JobStep {
    do throws(JobStoreError) { return try await store.record(id, event) } catch { throw .store(error) }
  }
}

/// Why a round of a batch ended early.
enum RoundFailure: Error {
  /// The jobs are tried again or fail, each by its own count.
  case server(WireError)
  /// Nothing can be recorded.
  case store(JobStoreError)
}

/// What a push did to the tags of one job.
enum PushEnd: Equatable {
  case landed
  case rejected(String)
  case taken(String)

  /// A refusal in words outweighs a lost race: what the server does not want is not tried under another name.
  init(of names: [String], in results: [PushedTag]) {
    let mine = names.map { name in
      results.first { $0.name.utf8.elementsEqual(name.utf8) }
        ?? PushedTag(name: name, outcome: .rejected, reason: "it did not say what became of the tag")
    }
    if let refused = mine.first(where: { $0.outcome == .rejected }) {
      self = .rejected("\(refused.name): \(refused.reason ?? "without a reason")")
    } else if let taken = mine.first(where: { $0.outcome == .taken }) {
      self = .taken(taken.name)
    } else {
      self = .landed
    }
  }
}

extension Promotion {
  /// What the job comes to when its tags are in the remote.
  var result: JSONValue {
    guard let plan else { return [:] }
    let tags = zip(plan.tags, prepared).map { planned, prepared in
      CreatedTag(
        ref: prepared.name, objectID: prepared.objectID.description, commit: planned.commit.description,
        event: planned.kind.rawValue
      ).json
    }
    return [
      "version": plan.version.map { .string($0.description) } ?? .null, "tags": .array(tags),
    ]
  }
}

extension [Promotion] {
  /// As many from the front as one push may carry; at least one, for what belongs together goes together.
  fileprivate func prefix(ofTags limit: Int) -> ArraySlice<Promotion> {
    var tags = 0
    let count = prefix { promotion in
      tags += promotion.plan?.tags.count ?? 0
      return tags <= limit
    }.count
    return prefix(Swift.max(1, count))
  }
}

extension Job {
  /// The same for a job of which only the intents are known: the rest is read from the registry, where the
  /// tags are now.
  fileprivate func result(of state: RegistryState) -> JSONValue {
    let tags = intents.compactMap { try? state.check(ref: $0.ref) }
    let created = tags.map { tag in
      CreatedTag(
        ref: tag.event.ref, objectID: tag.event.objectID.description, commit: tag.event.commit.description,
        event: tag.eventName
      ).json
    }
    return [
      "version": tags.last?.versionText.map { .string($0) } ?? .null, "tags": .array(created),
    ]
  }
}

extension PreparedTag {
  fileprivate init?(_ intent: Intent) {
    guard let id = ObjectID(intent.objectID), intent.ref.hasPrefix("refs/tags/") else { return nil }
    self.init(name: String(intent.ref.dropFirst("refs/tags/".count)), objectID: id, object: intent.object)
  }
}
