internal import JobQueue
internal import LaneProtocol
internal import Registry
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

extension Repository {
  /// Plans each; those that are refused are settled and left out, those that have to be approved first leave
  /// the line. Both count only against what the remote holds now: where jobs before such a one have something to push,
  /// which the server may refuse, it is handed back without a plan, and so are all behind it. So is what comes after a
  /// deletion: one push can't take a tag away and make it.
  func plan(
    _ promotions: [Promotion], isFresh: inout Bool
  ) async throws(RoundFailure) -> [Promotion] {
    while true {
      let round = try await planOnce(promotions)
      if !round.refused.isEmpty || !round.unapproved.isEmpty, !isFresh {
        try await contact { () throws(WireError) in try await self.synchronize() }
        isFresh = true
        continue
      }
      for (job, error) in round.refused { try await record(job.id, .rejected(JobError(error))) }
      try await askForApproval(round.unapproved)
      return round.open
    }
  }

  /// What becomes of jobs that are planned together.
  private struct PlanningRound {
    /// In their order. The first one has a plan.
    var open: [Promotion] = []
    var refused: [(Job, WireError)] = []
    var unapproved: [(job: Job, plan: ApprovalPlan)] = []
  }

  private func planOnce(_ promotions: [Promotion]) async throws(RoundFailure) -> PlanningRound {
    var draft = RegistryDraft(state)
    var round = PlanningRound()
    for var promotion in promotions {
      promotion.landed = promotion.landed.still(in: state)
      // An earlier round's was made on another state, and may be refused by now.
      promotion.planned = nil
      if let last = round.open.last, last.plan?.deletions.isEmpty != true {
        round.open.append(promotion)
        continue
      }
      do throws(WireError) {
        if let deadline = promotion.job.request.deadline, deadline <= WallClock.milliseconds {
          throw WireError(
            .deadlinePassed, category: .refused, "its deadline passed before it could be pushed")
        }
        let (plan, branches) = try await plan(
          promotion.rest, on: draft, trailers: trailers(promotion.job),
          tenant: promotion.job.request.requester.tenant)
        if let missing = try missingApproval(plan, of: promotion.job, on: draft) {
          if round.open.isEmpty {
            round.unapproved.append((promotion.job, missing))
            continue
          }
        } else {
          draft.apply(plan)
          promotion.planned = PlannedTags(
            plan: plan, branches: branches, needsLanding: restsOnDraft(plan, promotion.request))
        }
      } catch {
        if error.category == .retry { throw .server(error) }
        if round.open.isEmpty {
          let end = staleApproval(of: promotion.job, on: draft) ?? error
          round.refused.append((promotion.job, end.with(landed: promotion.landed)))
          continue
        }
      }
      round.open.append(promotion)
    }
    return round
  }

  /// Plans one request on top of a draft, which does not have the plan yet. Assumes the caller has the turn.
  ///
  /// - Returns: the plan, and the branches on whose tips it depends.
  func plan(
    _ request: WireProtocol.WriteRequest, on draft: RegistryDraft, trailers: [String], tenant: String
  ) async throws(WireError) -> (Plan, branches: Set<String>) {
    if request.delete, !configuration.allowDelete { throw .deletionNotAllowed(configuration.id) }
    if let problem = facts.fileProblem {
      throw WireError(.repositoryFileInvalid, category: .refused, problem)
    }
    let (wanted, branches) = try await resolved(request, tenant: tenant)
    let context = PlanContext(
      now: WallClock.seconds, allowedStages: facts.allowedStages, defaultBranchTip: facts.tip,
      trailers: trailers, unsettledSeconds: unsettledSeconds[request.artifact])
    let plan: Plan
    do throws(Refusal) {
      plan = try draft.preview(wanted, context)
      try checkRegistration(plan, request, tenant: tenant)
    } catch {
      throw WireError(error)
    }
    try checkDeletions(plan, request, tenant: tenant)
    try checkOtherStages(plan, request, on: draft, tenant: tenant)
    return (plan, branches.union(try await checkConditions(plan, request, on: draft)))
  }

  /// An assignment that registers a version first needs the right to do that too.
  func checkRegistration(
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
  func resolved(
    _ request: WireProtocol.WriteRequest, tenant: String
  ) async throws(WireError) -> (Registry.WriteRequest, branches: Set<String>) {
    var result = try RequestCheck.registryRequest(request)
    guard let ref = request.ref else {
      return (result, request.meansTip ? Set([facts.defaultBranch].compactMap { $0 }) : [])
    }
    if let artifact = GTORef.artifact(of: ref), artifact != request.artifact,
      !policy.allows(Access(.read, repository: request.repository, artifact: artifact), tenant: tenant)
    {
      throw .unknownRef(ref)
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
      throw .unknownRef(ref, refs.first?.problem)
    }
    return resolved
  }
}

extension WireError {
  static func unknownRef(_ ref: String, _ problem: String? = nil) -> WireError {
    WireError(
      .unknownRef, category: .refused,
      problem ?? "the remote has no branch, tag or commit \"\(ref.escapedForMessage)\"")
  }
}
