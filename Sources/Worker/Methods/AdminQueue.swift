internal import JobQueue
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

extension AdminHandler {
  /// `queue`: the jobs that are not finished, or those in one state; in the order of acceptance.
  func queue(_ params: JSONValue) async throws(WireError) -> JSONValue {
    let (filter, limit) = try readParameters(params) { reader throws(JSONShapeError) in
      (try JobFilter(reading: &reader), Int(try reader.optionalInteger("limit", in: 1...10_000) ?? 1000))
    }
    let now = WallClock.milliseconds
    let jobs: [Job]
    do throws(JobStoreError) { jobs = try await worker.store.jobs(filter) } catch { throw WireError(error) }
    // One that is configured no more may have jobs still.
    if jobs.isEmpty, let id = filter.repository { _ = try repository(id) }
    var snapshots: [JobSnapshot] = []
    // A hundred at a time, so that others have their turn.
    for start in stride(from: 0, to: min(limit, jobs.count), by: 100) {
      let part = jobs[start..<min(start + 100, limit, jobs.count)]
      snapshots += try await worker.ask { store throws(JobStoreError) in
        var snapshots: [JobSnapshot] = []
        for job in part { if let snapshot = try store.snapshot(job.id) { snapshots.append(snapshot) } }
        return snapshots
      }
    }
    let shown: [JSONValue] = snapshots.map { snapshot in
      let job = snapshot.job
      var object = worker.status(snapshot).json.objectValue ?? JSONObject()
      object["waitingSeconds"] = .integer(max(0, ((job.finishedAt ?? now) - job.submittedAt) / 1000))
      return .object(object)
    }
    return ["jobs": .array(shown), "total": .integer(Int64(jobs.count))]
  }

  /// `job`: everything about one job.
  func job(_ params: JSONValue) async throws(WireError) -> JSONValue {
    let id = try readParameters(params) { reader throws(JSONShapeError) in try reader.jobID() }
    guard let snapshot = try await worker.ask({ store throws(JobStoreError) in try store.snapshot(id) })
    else {
      throw .unknownJob
    }
    let job = snapshot.job
    var object = worker.status(snapshot).json.objectValue ?? JSONObject()
    object["request"] = job.request.body
    object["requestKey"] = job.request.requestKey.map { .string($0) }
    object["transitions"] = .array(job.transitions.map(\.json))
    object["intents"] = .array(
      job.intents.map { intent in
        [
          "ref": .string(intent.ref), "objectId": .string(intent.objectID),
          "delete": .bool(intent.object == nil),
        ]
      })
    return .object(object)
  }

  func retry(_ params: JSONValue, _ peer: Peer) async throws(WireError) -> JSONValue {
    let id = try readParameters(params) { reader throws(JSONShapeError) in try reader.jobID() }
    let requester = Requester(uid: peer.uid, user: peer.userName, tenant: "")
    let job: Job
    do throws(JobStoreError) {
      job = try await worker.store.retry(id, by: requester)
    } catch {
      if error.code == .impossible {
        throw WireError(
          .jobNotRetryable, category: .refused, "job \(id) neither has failed nor waits for its next attempt")
      }
      throw WireError(error)
    }
    await worker.repositories[job.request.repository]?.wake()
    return worker.status(job).json
  }

  func cancel(_ params: JSONValue, _ peer: Peer) async throws(WireError) -> JSONValue {
    let id = try readParameters(params) { reader throws(JSONShapeError) in try reader.jobID() }
    return try await worker.cancel(
      id, by: Requester(uid: peer.uid, user: peer.userName, tenant: ""))
  }

  /// `pause`, `resume`: no batch of a paused repository begins; jobs are accepted all the same.
  func setPaused(_ paused: Bool, _ params: JSONValue) async throws(WireError) -> JSONValue {
    let id = try readParameters(params) { reader throws(JSONShapeError) in try reader.string("repository") }
    let repository = try self.repository(id)
    do throws(JobStoreError) {
      try await worker.store.setPaused(paused, repository: id)
    } catch {
      throw WireError(error)
    }
    if !paused { await repository.wake() }
    return ["repository": .string(id), "paused": .bool(paused)]
  }
}

extension AdminHandler {
  /// - Throws: `unknown_repository`, with the nearest name there is.
  func repository(_ id: String) throws(WireError) -> Repository {
    if let repository = worker.repositories[id] { return repository }
    let hint = nearest(to: id, among: worker.configuration.repositories.map(\.id))
    throw WireError(
      .unknownRepository, category: .refused,
      "there is no repository \"\(id.escapedForMessage)\""
        + (hint.map { "; did you mean \"\($0)\"?" } ?? ""))
  }

  /// `drain`: finishes what was accepted and accepts nothing more until the worker starts again.
  func drain(_ params: JSONValue) async throws(WireError) -> JSONValue {
    try readParameters(params) { _ in }
    if !worker.settings.current.isDraining {
      Log.write(.notice, "draining: no more jobs are accepted until the worker starts again")
    }
    worker.settings.update { $0.isDraining = true }
    let statistics = try await worker.ask { store throws(JobStoreError) in try store.queueStatistics }
    // Nothing ends of what no repository is there for.
    let lines = statistics.repositories.filter { worker.repositories[$0.repository] != nil }
    let awaiting = lines.reduce(0) { $0 + $1.awaitingApproval }
    return [
      "draining": true, "openJobs": .integer(Int64(lines.reduce(-awaiting) { $0 + $1.openJobs })),
      "awaitingApproval": .integer(Int64(awaiting)),
    ]
  }

  /// `reload`: reads the configuration file again.
  func reload(_ params: JSONValue) async throws(WireError) -> JSONValue {
    try readParameters(params) { _ in }
    let needRestart = try await reloader.reload()
    return [
      "repositories": .integer(Int64(worker.configuration.repositories.count)),
      "needRestart": .array(needRestart.map { .string($0) }),
    ]
  }
}

extension WireError.Code {
  static let unknownRepository = Self(rawValue: "unknown_repository")
}

extension JobTransition {
  fileprivate var json: JSONValue {
    var object = JSONObject()
    object["event"] = .string(event)
    object["state"] = .string(state.rawValue)
    object["phase"] = phase.map { .string($0.rawValue) }
    object["at"] = .string(timestamp(milliseconds: time))
    object["note"] = note.map { .string($0) }
    return .object(object)
  }
}

extension JobFilter {
  fileprivate init(reading reader: inout ObjectReader) throws(JSONShapeError) {
    let state = try reader.optionalChoice("state", JobStatus.State.self)
    let open = Set(JobStatus.State.allCases.filter { !$0.isFinished })
    self.init(
      repository: try reader.optionalString("repository"), tenant: try reader.optionalString("tenant"),
      states: state.map { [$0] } ?? open, limit: .max)
  }
}
