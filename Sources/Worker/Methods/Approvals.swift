internal import AuditLog
internal import JobQueue
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

extension ClientHandler {
  /// `approvals`: what waits for the caller, and what of the caller's waits for others.
  func approvals(_ params: JSONValue, _ peer: Peer) async throws(WireError) -> JSONValue {
    let (repository, limit) = try readParameters(params) { reader throws(JSONShapeError) in
      (
        try reader.optionalString("repository"),
        Int(try reader.optionalInteger("limit", in: 1...1000) ?? 100)
      )
    }
    let waiting = try await worker.ask { store throws(JobStoreError) in try store.jobsAwaitingApproval() }
      .filter { job in repository.map { $0.utf8.elementsEqual(job.request.repository.utf8) } ?? true }
    let policy = worker.policy
    let approver = Approver(peer, policy)
    let toApprove = waiting.lazy.filter { job in
      policy.mayApprove(job, approver)
        && !(job.approval?.approvals.contains { $0.by.uid == peer.uid } ?? false)
    }.prefix(limit)
    let mine = waiting.lazy.filter { isOwn($0, peer) }.prefix(limit)
    return [
      "toApprove": .array(toApprove.map { worker.status($0).json }),
      "mine": .array(mine.map { worker.status($0).json }),
    ]
  }

  /// `approve`: one more approval; the job goes on where that is enough.
  func approve(_ params: JSONValue, _ peer: Peer) async throws(WireError) -> JSONValue {
    let decision = try await decision(params, peer)
    let entry = try await worker.recordDecision("approve", about: decision.job, by: peer)
    let worker = worker
    let job: Job
    do throws(JobStoreError) {
      // The rules of that moment: a reload looks at what waits once its rules are in force.
      job = try await worker.store.approve(
        decision.job.id, by: Approver(peer, worker.policy), message: decision.message
      ) { worker.policy.isApproved($0) }
    } catch {
      if let entry { try? await worker.audit.repeated(entry) }
      throw try await worker.tooLate(decision.job.id, error)
    }
    if job.state == .queued { await worker.repositories[job.request.repository]?.wake() }
    return worker.status(job).json
  }

  /// `reject`: ends a job that waits for approval.
  func reject(_ params: JSONValue, _ peer: Peer) async throws(WireError) -> JSONValue {
    let decision = try await decision(params, peer)
    let entry = try await worker.recordDecision("reject", about: decision.job, by: peer)
    let user = peer.userName
    var by = JSONObject([("uid", .integer(Int64(peer.uid)))])
    by["user"] = user.map { .string($0) }
    var details = JSONObject([("by", .object(by))])
    details["message"] = decision.message.map { .string($0) }
    let words = decision.message.map { ": \($0)" } ?? ""
    let error = WireError(
      .approvalRejected, category: .refused, "\(user ?? "uid \(peer.uid)") rejected it\(words)",
      details: details)
    do throws(JobStoreError) {
      return worker.status(try await worker.records.decline(decision.job.id, JobError(error))).json
    } catch {
      if let entry { try? await worker.audit.repeated(entry) }
      throw try await worker.tooLate(decision.job.id, error)
    }
  }

  /// Whether the caller, or a tenant of the caller's, asked for the job.
  func isOwn(_ job: Job, _ peer: Peer) -> Bool {
    let requester = job.request.requester
    return requester.principal == peer.principal
      || worker.policy.tenants(of: peer).contains(requester.tenant)
  }

  /// Whether the caller may see the job: an approver sees what others were asked to approve.
  func isVisible(_ job: Job, _ peer: Peer) -> Bool {
    if isOwn(job, peer) { return true }
    return worker.policy.mayApprove(job, Approver(peer, worker.policy))
  }

  /// The job that is decided about. Whoever may not see it learns nothing of it.
  private func decision(
    _ params: JSONValue, _ peer: Peer
  ) async throws(WireError) -> (job: Job, message: String?) {
    let (id, message) = try readParameters(params) { reader throws(JSONShapeError) in
      (try reader.jobID(), try reader.decisionMessage())
    }
    if let message { try RequestCheck.checkDecision(message) }
    guard let job = try await worker.ask({ store throws(JobStoreError) in try store.job(id) }),
      isVisible(job, peer)
    else { throw .unknownJob }
    if Peer.account(of: job.request.requester.uid) == peer.account {
      throw WireError(
        .ownRequest, category: .denied, "job \(id) is your own: somebody else has to decide about it")
    }
    let approver = Approver(peer, worker.policy)
    if !worker.policy.mayApprove(job, approver), job.approval != nil || !worker.policy.isApproved(job),
      var access = job.access
    {
      access.action = .approve
      throw .notAllowed(access)
    }
    await waitUntilPlanned(job)
    let now = try await worker.ask { store throws(JobStoreError) in try store.job(id) }
    return (now ?? job, message)
  }

  /// A job that was just accepted is about to be planned; only then can it be approved.
  private func waitUntilPlanned(_ job: Job) async {
    guard job.approval == nil, !job.state.isFinished, !worker.policy.isApproved(job) else { return }
    let store = worker.store
    await withTaskGroup { group in
      group.addTask {
        for await snapshot in await store.updates(of: job.id) {
          let isAbout = [.queued, .running].contains(snapshot.job.state.name)
          if !isAbout || snapshot.isPaused { return }
        }
      }
      group.addTask { try? await Task.sleep(for: .seconds(10)) }
      await group.next()
      group.cancelAll()
    }
  }
}

extension Worker {
  /// A job as its owner and its approvers see it.
  func status(_ job: Job) -> JobStatus { decorated(JobStatus(job), job) }

  /// The same with its place in line, and what holds the line up.
  func status(_ snapshot: JobSnapshot) -> JobStatus { decorated(JobStatus(snapshot), snapshot.job) }

  private func decorated(_ status: JobStatus, _ job: Job) -> JobStatus {
    var status = status
    if job.approval != nil { status.approval = ApprovalStatus(job, policy) }
    if !status.state.isFinished, repositories[status.repository] == nil {
      status.error = WireError(
        .repositoryRemoved, category: .unavailable,
        "repository \"\(status.repository.escapedForMessage)\" is not in the worker's configuration any more; the job is kept until it is there again, or until it is cancelled"
      )
    }
    return status
  }

  /// Has jobs go on that need no more approvals by the rules as they are now.
  func releaseApproved() async {
    let policy = policy
    let repositories = try? await store.releaseApproved { policy.isApproved($0) }
    for id in repositories ?? [] { await self.repositories[id]?.wake() }
  }

  /// Why a word about a job comes too late.
  fileprivate func tooLate(_ id: JobID, _ error: JobStoreError) async throws(WireError) -> WireError {
    guard error.code == .notAwaitingApproval,
      let job = try await ask({ store throws(JobStoreError) in try store.job(id) })
    else { return WireError(error) }
    var result = WireError(error)
    if case .rejected(let end) = job.state, end.code == JobError.approvalExpired { result = end.wireError }
    result.details = JSONObject([("state", .string(job.state.name.rawValue))])
    return result
  }
}

extension ApprovalStatus {
  init(_ job: Job, _ policy: Policy) {
    let standing = policy.standing(of: job)
    let asked = job.approval
    self.init(
      conditions: (standing?.lines ?? []).map { line in
        Condition(
          required: Int64(line.rule.required), approved: Int64(line.counting.count),
          approvers: line.rule.approvers)
      },
      plan: asked.map { asked in
        Plan(
          version: asked.plan.version, commit: asked.plan.commit, stage: asked.plan.stage,
          current: asked.plan.holder)
      }, askedAt: asked?.askedAt, expiresAt: asked?.expiresAt,
      approvals: (asked?.approvals ?? []).map { approval in
        let tenant = standing?.tenant(of: approval)
        return Given(
          uid: Int64(approval.by.uid), user: approval.by.user, tenant: tenant ?? approval.by.tenants.first,
          at: approval.time, message: approval.message, counts: tenant != nil)
      })
  }

  /// What a request would need; nil where it needs nothing.
  init?(_ rules: [ApprovalRule]) {
    if rules.isEmpty { return nil }
    self.init(
      conditions: rules.map {
        Condition(required: Int64($0.required), approved: 0, approvers: $0.approvers)
      })
  }
}

extension ObjectReader {
  /// The member `message` of a decision.
  fileprivate mutating func decisionMessage() throws(JSONShapeError) -> String? {
    guard let message = try optionalString("message") else { return nil }
    guard message.utf8.count <= ProtocolLimits.decisionMessageBytes else {
      throw error("message", "is longer than \(ProtocolLimits.decisionMessageBytes) bytes")
    }
    return message
  }
}
