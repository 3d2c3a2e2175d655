internal import AuditLog
internal import JobQueue
internal import LaneProtocol
internal import Registry
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

extension AdminHandler {
  /// `repositories`: how each stands with its server.
  func repositories(_ params: JSONValue) async throws(WireError) -> JSONValue {
    try readParameters(params) { _ in }
    let statistics = try await queueStatistics()
    var list: [JSONValue] = []
    for configuration in worker.configuration.repositories {
      guard let repository = worker.repositories[configuration.id] else { continue }
      let line = statistics.repositories.first { $0.repository == configuration.id }
      list.append(await repository.description(line))
    }
    return ["repositories": .array(list)]
  }

  /// `tenants`: who they are and what they have in line.
  func tenants(_ params: JSONValue) async throws(WireError) -> JSONValue {
    try readParameters(params) { _ in }
    let statistics = try await queueStatistics()
    let tenants: [JSONValue] = worker.configuration.tenants.map { tenant in
      let open = statistics.repositories.reduce(0) { $0 + ($1.tenants[tenant.name] ?? 0) }
      return [
        "tenant": .string(tenant.name), "uids": .array(tenant.uids.sorted().map { .integer(Int64($0)) }),
        "gids": .array(tenant.gids.sorted().map { .integer(Int64($0)) }), "openJobs": .integer(Int64(open)),
      ]
    }
    return ["tenants": .array(tenants)]
  }

  /// `stats`: the worker in numbers since its start.
  func stats(_ params: JSONValue) async throws(WireError) -> JSONValue {
    try readParameters(params) { _ in }
    let statistics = try await queueStatistics()
    let connections = await listeners.counts
    let counters = worker.counters.current
    let audit = await worker.audit.statistics
    let jobs = JobStatus.State.allCases.map { state in
      (key: state.rawValue, value: JSONValue.integer(Int64(statistics.jobs[state] ?? 0)))
    }
    return [
      "worker": [
        "id": .string(worker.identity), "version": .string(Worker.version),
        "pid": .integer(Int64(ThisProcess.pid)),
        "startedAt": .string(timestamp(milliseconds: worker.startedAt)),
        "uptimeSeconds": .integer((WallClock.milliseconds - worker.startedAt) / 1000),
        "isDraining": .bool(worker.settings.current.isDraining),
      ],
      "connections": [
        "open": .integer(Int64(connections.open)), "accepted": .integer(Int64(connections.accepted)),
      ],
      "requests": [
        "total": .integer(Int64(counters.requests)), "errors": .integer(Int64(counters.errors)),
      ],
      "jobs": .object(JSONObject(jobs)),
      "journal": [
        "records": .integer(Int64(statistics.records)), "commits": .integer(Int64(statistics.commits)),
      ],
      "audit": [
        "directory": .string(worker.audit.directory), "isWritable": .bool(audit.isWritable),
        "seq": .integer(Int64(clamping: audit.head.sequence)), "head": .string(audit.head.hash),
        "file": .integer(Int64(clamping: audit.file)), "fileBytes": .integer(audit.fileBytes),
      ],
      "pushes": [
        "total": .integer(Int64(counters.pushes)), "tags": .integer(Int64(counters.pushedTags)),
        "failed": .integer(Int64(counters.failedPushes)),
      ],
      "lanes": [
        "running": .integer(Int64(counters.runningLanes)),
        "started": .integer(Int64(counters.startedLanes)),
        "killed": .integer(Int64(counters.killedLanes)),
      ],
    ]
  }

  private func queueStatistics() async throws(WireError) -> QueueStatistics {
    try await worker.ask { store throws(JobStoreError) in try store.queueStatistics }
  }
}

extension Repository {
  /// As `repositories` shows it.
  fileprivate func description(_ line: RepositoryStatistics?) -> JSONValue {
    var object = JSONObject()
    object["repository"] = .string(configuration.id)
    object["url"] = .string(newestConfiguration.url)
    object["state"] = .string(stateWord(line))
    object["queued"] = .integer(Int64(line?.queued ?? 0))
    object["running"] = .integer(Int64(line?.running ?? 0))
    object["waiting"] = .integer(Int64(line?.waiting ?? 0))
    object["awaitingApproval"] = .integer(Int64(line?.awaitingApproval ?? 0))
    object["tags"] = contactedAt == nil ? .null : .integer(Int64(state.tagCount))
    object["lastContactAt"] = contactedAt.map { .string(timestamp(milliseconds: $0)) }
    object["lastPushAt"] = lastPushAt.map { .string(timestamp(milliseconds: $0)) }
    object["nextAttemptAt"] = line?.nextAttempt.map { .string(timestamp(milliseconds: $0)) }
    object["lanePid"] = lanePid.map { .integer(Int64($0)) }
    object["landlockVersion"] = landlockVersion.map { .integer(Int64($0)) }
    object["error"] = lastProblem?.json
    object["keyProblems"] = keyProblems.isEmpty ? nil : .array(keyProblems.map(\.json))
    return .object(object)
  }

  private func stateWord(_ line: RepositoryStatistics?) -> String {
    if line?.isPaused ?? false { return "paused" }
    if line?.running ?? 0 > 0 { return "active" }
    if lastProblem != nil { return "unreachable" }
    return line?.waiting ?? 0 > 0 ? "waiting" : "idle"
  }
}
