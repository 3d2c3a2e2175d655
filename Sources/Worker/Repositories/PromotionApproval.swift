internal import JobQueue
internal import Registry
internal import SystemCalls
internal import WireProtocol

extension Repository {
  /// What others have to approve before a plan may be carried out; nil where nothing is missing.
  ///
  /// - Parameter draft: what the plan was made on, without the plan itself.
  /// - Throws: `approval_stale` where it is not what was approved, or what others were asked to approve.
  func missingApproval(
    _ plan: Plan, of job: Job, on draft: RegistryDraft
  ) throws(WireError) -> ApprovalPlan? {
    let standing = policy.standing(of: job)
    guard standing != nil || job.approval != nil, let stage = plan.stage else { return nil }
    let now = ApprovalPlan(
      version: plan.version?.description, commit: plan.commit.description, stage: stage.text,
      holder: draft.artifact(plan.artifact)?.holder(of: stage)?.version.description)
    if let asked = job.approval?.plan, asked != now { throw .approvalStale(asked: asked, now: now) }
    return standing?.isSatisfied ?? true ? nil : now
  }

  /// The error of a job that can't be planned any more because another version holds its stage than when others were asked
  /// to approve it; nil where that is not why.
  func staleApproval(of job: Job, on draft: RegistryDraft) -> WireError? {
    guard let asked = job.approval?.plan, let artifact = try? ArtifactName(job.request.artifact),
      let stage = try? StageName(asked.stage)
    else { return nil }
    var now = asked
    now.holder = draft.artifact(artifact)?.holder(of: stage)?.version.description
    return now == asked ? nil : .approvalStale(asked: asked, now: now)
  }

  /// Takes jobs out of the line until they are approved.
  func askForApproval(_ jobs: [(job: Job, plan: ApprovalPlan)]) async throws(RoundFailure) {
    for (job, plan) in jobs {
      let seconds = policy.standing(of: job)?.lines.map(\.rule.expireSeconds).min() ?? 0
      try await record(
        job.id, .approvalAsked(plan, until: WallClock.milliseconds + Int64(seconds) * 1000))
    }
  }

  /// Who asked and who approved, and what makes the tag this job's own, so that two equal requests never make
  /// the same object.
  func trailers(_ job: Job) -> [String] {
    let requester = job.request.requester
    var trailers = [
      TagTrailer.job(worker: identity, number: job.id.description),
      TagTrailer.requestedBy(tenant: requester.tenant, user: requester.user, uid: requester.uid),
    ]
    if let key = job.request.requestKey { trailers.append(TagTrailer.requestKey(key)) }
    guard let standing = policy.standing(of: job) else { return trailers }
    for approval in job.approval?.approvals ?? [] {
      guard let tenant = standing.tenant(of: approval) else { continue }
      trailers.append(TagTrailer.approvedBy(tenant: tenant, user: approval.by.user, uid: approval.by.uid))
    }
    return trailers
  }
}

extension WireError {
  fileprivate static func approvalStale(asked: ApprovalPlan, now: ApprovalPlan) -> WireError {
    var changes: [String] = []
    func compare(_ what: String, _ old: String?, _ new: String?) {
      if old != new { changes.append("\(what) was \(old ?? "none") and is \(new ?? "none") now") }
    }
    compare("the version", asked.version, now.version)
    compare("the commit", asked.commit, now.commit)
    compare("the version that stage '\(asked.stage)' holds", asked.holder, now.holder)
    return WireError(
      .approvalStale, category: .refused,
      "it is not what approvers were asked to approve: \(changes.joined(separator: "; ")); ask again")
  }
}
