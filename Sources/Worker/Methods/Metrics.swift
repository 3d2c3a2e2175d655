internal import AuditLog
internal import JobQueue
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

extension AdminHandler {
  /// `metrics`: the worker in the text format of Prometheus.
  func metrics(_ params: JSONValue) async throws(WireError) -> JSONValue {
    try readParameters(params) { _ in }
    let statistics = try await worker.ask { store throws(JobStoreError) in try store.queueStatistics }
    var text = MetricsText()
    text.add(
      "stagekeeper_info", .gauge, "The worker.",
      [(["version": Worker.version, "worker": worker.identity], 1)])
    text.add(
      "stagekeeper_start_time_seconds", .gauge, "When it started, since 1970.",
      [([:], Double(worker.startedAt) / 1000)])
    text.add(
      "stagekeeper_draining", .gauge, "1 where it accepts no more jobs until it starts again.",
      [([:], worker.settings.current.isDraining ? 1 : 0)])
    text.add(
      "stagekeeper_jobs", .gauge, "Jobs that are known, by state.",
      JobStatus.State.allCases.map { (["state": $0.rawValue], Double(statistics.jobs[$0] ?? 0)) })
    text.add(
      "stagekeeper_jobs_ended_total", .counter, "Jobs that have ended, by how they did.",
      JobStatus.State.allCases.filter(\.isFinished).map { state in
        (["state": state.rawValue], Double(statistics.ended[state] ?? 0))
      })
    text.add(
      "stagekeeper_job_duration_seconds",
      "What jobs that succeeded took since they were accepted, approved or retried.", statistics.durations)
    addRepositories(statistics, to: &text)
    await addContacts(to: &text)
    await addCounters(to: &text)
    text.add(
      "stagekeeper_journal_records_total", .counter, "Records journalled.",
      [([:], Double(statistics.records))])
    text.add(
      "stagekeeper_journal_syncs_total", .counter, "Syncs of the journal.",
      [([:], Double(statistics.commits))])
    await addAudit(to: &text)
    return ["text": .string(text.text)]
  }

  private func addRepositories(_ statistics: QueueStatistics, to text: inout MetricsText) {
    // One that the configuration has lost is there as long as jobs wait for it.
    let lines = statistics.repositories.filter {
      worker.repositories[$0.repository] != nil || $0.openJobs > 0
    }
    text.add(
      "stagekeeper_repository_jobs", .gauge, "Unfinished jobs, by repository and state.",
      lines.flatMap { line in
        [
          ("queued", line.queued), ("running", line.running), ("waiting", line.waiting),
          ("awaiting_approval", line.awaitingApproval),
        ].map { state, count in
          (["repository": line.repository, "state": state], Double(count))
        }
      })
    text.add(
      "stagekeeper_repository_oldest_job_time_seconds", .gauge,
      "When the oldest unfinished job was accepted, approved or retried, since 1970; missing where there is none.",
      lines.compactMap { line in
        line.oldestJob.map { (["repository": line.repository], Double($0) / 1000) }
      })
    text.add(
      "stagekeeper_repository_paused", .gauge, "1 where the repository is paused.",
      lines.map { (["repository": $0.repository], $0.isPaused ? 1 : 0) })
    text.add(
      "stagekeeper_repository_batches_total", .counter, "Batches begun, by repository.",
      lines.map { (["repository": $0.repository], Double($0.batches)) })
  }

  private func addContacts(to text: inout MetricsText) async {
    var contacts: [(id: String, isFailing: Bool, lastContactAt: Int64?)] = []
    for (id, repository) in worker.repositories.sorted(by: { BytewiseString($0.key) < BytewiseString($1.key) }
    ) {
      contacts.append((id, await repository.lastProblem != nil, await repository.contactedAt))
    }
    text.add(
      "stagekeeper_repository_failing", .gauge,
      "1 where the last attempt to use the Git server failed, for whatever reason.",
      contacts.map { (["repository": $0.id], $0.isFailing ? 1 : 0) })
    text.add(
      "stagekeeper_repository_contact_time_seconds", .gauge,
      "When it was last compared with the Git server, since 1970; missing before the first time.",
      contacts.compactMap { contact in
        contact.lastContactAt.map { (["repository": contact.id], Double($0) / 1000) }
      })
  }

  private func addAudit(to text: inout MetricsText) async {
    let audit = await worker.audit.statistics
    text.add(
      "stagekeeper_audit_line", .gauge, "The number of the last line of the audit log, with its hash.",
      [(["hash": audit.head.hash], Double(audit.head.sequence))])
    text.add(
      "stagekeeper_audit_writable", .gauge, "0 where the audit log can't be written and nothing is changed.",
      [([:], audit.isWritable ? 1 : 0)])
  }

  private func addCounters(to text: inout MetricsText) async {
    let counters = worker.counters.current
    let connections = await listeners.counts
    text.add("stagekeeper_connections", .gauge, "Open connections.", [([:], Double(connections.open))])
    text.add(
      "stagekeeper_connections_total", .counter, "Connections accepted.",
      [([:], Double(connections.accepted))])
    text.add(
      "stagekeeper_requests_total", .counter, "Requests answered.", [([:], Double(counters.requests))])
    text.add(
      "stagekeeper_request_errors_total", .counter, "Requests answered with an error.",
      [([:], Double(counters.errors))])
    text.add(
      "stagekeeper_pushes_total", .counter, "Pushes that ended.", [([:], Double(counters.pushes))])
    text.add(
      "stagekeeper_pushed_tags_total", .counter, "Tags sent in them.",
      [([:], Double(counters.pushedTags))])
    text.add(
      "stagekeeper_failed_pushes_total", .counter, "Pushes that broke off.",
      [([:], Double(counters.failedPushes))])
    text.add("stagekeeper_lanes", .gauge, "Lanes that run.", [([:], Double(counters.runningLanes))])
    text.add(
      "stagekeeper_lanes_total", .counter, "Lanes started.", [([:], Double(counters.startedLanes))])
    text.add(
      "stagekeeper_lanes_killed_total", .counter, "Lanes that were ended before their time.",
      [([:], Double(counters.killedLanes))])
  }
}

/// Prometheus' text exposition format 0.0.4.
struct MetricsText {
  enum Kind: String {
    case gauge, counter
  }

  private(set) var text = ""

  /// Adds one metric with its samples; nothing where there are none.
  mutating func add(
    _ name: String, _ kind: Kind, _ help: String,
    _ samples: [(labels: KeyValuePairs<String, String>, value: Double)]
  ) {
    if samples.isEmpty { return }
    head(name, kind.rawValue, help)
    for (labels, value) in samples { sample(name, labels, value) }
  }

  /// Adds a histogram.
  mutating func add(_ name: String, _ help: String, _ durations: DurationHistogram) {
    head(name, "histogram", help)
    var count: UInt64 = 0
    for (number, inBucket) in durations.counts.enumerated() {
      count += inBucket
      let bound = number < DurationHistogram.bounds.count ? DurationHistogram.bounds[number] : nil
      sample("\(name)_bucket", ["le": bound.map { Self.number(Double($0) / 1000) } ?? "+Inf"], Double(count))
    }
    sample("\(name)_sum", [:], Double(durations.sum) / 1000)
    sample("\(name)_count", [:], Double(count))
  }

  private mutating func head(_ name: String, _ kind: String, _ help: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n"
  }

  private mutating func sample(_ name: String, _ labels: KeyValuePairs<String, String>, _ value: Double) {
    let inside = labels.map { "\($0.key)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",")
    text += name + (inside.isEmpty ? "" : "{\(inside)}") + " \(Self.number(value))\n"
  }

  private static func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
  }

  private static func escaped(_ text: String) -> String {
    text.reduce(into: "") { result, character in
      switch character {
      case "\\": result += "\\\\"
      case "\"": result += "\\\""
      case "\n": result += "\\n"
      default: result.append(character)
      }
    }
  }
}
