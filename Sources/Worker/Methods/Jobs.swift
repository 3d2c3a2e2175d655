internal import JobQueue
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

extension ClientHandler {
  func jobStatus(_ params: JSONValue, _ peer: Peer) async throws(WireError) -> JSONValue {
    worker.status(try await visibleJob(params, peer)).json
  }

  func jobWait(
    _ params: JSONValue, _ peer: Peer, _ events: EventSink
  ) async throws(WireError) -> JSONValue {
    try await waitForEnd(of: try await visibleJob(params, peer).job.id, events)
  }

  func jobCancel(_ params: JSONValue, _ peer: Peer) async throws(WireError) -> JSONValue {
    let job = try await visibleJob(params, peer).job
    // Who may approve it sees it, and yet it is not his to take back.
    guard isOwn(job, peer) else { throw .unknownJob }
    let requester = Requester(
      uid: peer.uid, user: peer.userName, tenant: job.request.requester.tenant)
    return try await worker.cancel(job.id, by: requester)
  }

  func jobList(_ params: JSONValue, _ peer: Peer) async throws(WireError) -> JSONValue {
    let (repository, state, limit) = try readParameters(params) { reader throws(JSONShapeError) in
      (
        try reader.optionalString("repository"), try reader.optionalChoice("state", JobStatus.State.self),
        Int(try reader.optionalInteger("limit", in: 1...1000) ?? 100)
      )
    }
    let states = state.map { Set([$0]) }
    let tenants = worker.policy.tenants(of: peer)
    let filter = JobFilter(repository: repository, states: states)
    var newest: [Job] = []
    do throws(JobStoreError) {
      try await worker.store.visitJobs(newestFirst: true) { job in
        let requester = job.request.requester
        if requester.principal == peer.principal || tenants.contains(requester.tenant), filter.matches(job) {
          newest.append(job)
        }
        return newest.count < limit
      }
    } catch {
      throw WireError(error)
    }
    return ["jobs": .array(newest.map { worker.status($0).json })]
  }

  /// Streams the job's states and ends with the job, or with its error.
  func waitForEnd(of id: JobID, _ events: EventSink) async throws(WireError) -> JSONValue {
    var last: JobStatus?
    for await snapshot in await worker.store.updates(of: id) {
      let status = worker.status(snapshot)
      // The journal knows more steps than a client is told of.
      if status == last { continue }
      last = status
      if let error = status.endError { throw error }
      if status.state.isFinished { return status.json }
      await events(["job": status.json])
    }
    throw WireError(
      .shuttingDown, category: .retry,
      "the worker is shutting down; job \(id) is kept and goes on when it is back",
      details: JSONObject([("pendingJob", .string("\(id)"))]), retryAfter: 5)
  }

  private func visibleJob(_ params: JSONValue, _ peer: Peer) async throws(WireError) -> JobSnapshot {
    let id = try readParameters(params) { reader throws(JSONShapeError) in try reader.jobID() }
    guard let snapshot = try await worker.ask({ store throws(JobStoreError) in try store.snapshot(id) }),
      isVisible(snapshot.job, peer)
    else {
      throw .unknownJob
    }
    return snapshot
  }
}

extension Requester {
  var principal: Principal { Principal(uid: uid, fixedTenant: fixedTenant) }
}

extension ObjectReader {
  /// The member `job`: a job's number.
  mutating func jobID() throws(JSONShapeError) -> JobID {
    let text = try string("job")
    guard let number = UInt64(text), number > 0, String(number) == text else {
      throw error("job", "expected a job's number, found \"\(text.escapedForMessage)\"")
    }
    return JobID(number)
  }
}
