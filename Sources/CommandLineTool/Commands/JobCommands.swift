internal import StagekeeperClient

private let jobOperand = OperandSpec("JOB", help: "The job's id.")

extension StagekeeperTool {
  static let jobStatus = CommandSpec(
    "job status", summary: "Show how a job stands.", operands: [jobOperand], options: [CommonOption.json],
    excludedOptions: ["--repo"]
  ) { invocation in
    let job = try await invocation.client.job(
      invocation.arguments.operands[0], timeout: invocation.timeout)
    try invocation.print(job)
  }

  static let jobWait = CommandSpec(
    "job wait", summary: "Wait until a job has ended.", operands: [jobOperand], options: [CommonOption.json],
    excludedOptions: ["--repo"]
  ) { invocation in
    let client = invocation.client
    let timeout = try invocation.timeout
    let id = invocation.arguments.operands[0]
    try invocation.printEnd(
      try await invocation.wait { try await client.waitForJob(id, timeout: timeout, onProgress: $0) })
  }

  static let jobCancel = CommandSpec(
    "job cancel", summary: "Cancel a job that has not begun, or stop one before its tags are sent.",
    details: "Your own job, or one that somebody else asked for in the name of one of your tenants.",
    operands: [jobOperand],
    options: [CommonOption.json], excludedOptions: ["--repo"]
  ) { invocation in
    let job = try await invocation.client.cancelJob(
      invocation.arguments.operands[0], timeout: invocation.timeout)
    try invocation.print(job)
  }

  static let jobList = CommandSpec(
    "job list", summary: "List your jobs and your tenant's, the newest first.",
    options: [
      OptionSpec("--state", value: "STATE", help: "Only those in this state, such as queued."),
      OptionSpec("--limit", value: "N", help: "At most that many, 1 to 1000 [default: 100]."),
      CommonOption.onlyRepo, CommonOption.json, CommonOption.plain,
    ]
  ) { invocation in
    let arguments = invocation.arguments
    let jobs = try await invocation.client.jobs(
      repository: invocation.namedRepository, state: try arguments.choice("--state", JobStatus.State.self),
      limit: try arguments.integer("--limit", in: 1...1000) ?? 100, timeout: invocation.timeout)
    if invocation.wantsJSON {
      return try invocation.console.print(json: ["jobs": .array(jobs.map(\.json))])
    }
    try invocation.console.print(
      jobs.isEmpty ? "No jobs" : Table(jobs: jobs).text(invocation.tableStyle))
  }
}

extension Table {
  fileprivate init(jobs: [JobStatus]) {
    self.init(
      ["job", "state", "repository", "action", "artifact", "version", "stage", "ref", "accepted_at"],
      jobs.map { job in
        [
          job.job, job.state.rawValue, job.repository, job.actionName, job.artifact, job.version,
          job.stage, job.ref, timestamp(milliseconds: job.acceptedAt),
        ]
      })
  }
}

extension Invocation {
  /// A job as it stands: a line for each thing known of it.
  func print(_ job: JobStatus) throws {
    if wantsJSON { return try console.print(json: job.json) }
    try console.print(job.standing.escapedForTerminal)
    let asked = [job.actionName, job.artifact, job.version, job.stage].compactMap { $0 }
    var lines = ["\(asked.joined(separator: " ")) in repository '\(job.repository)'"]
    lines += job.tags.map { "git tag '\($0.ref)' (\($0.event)), object \($0.objectID)" }
    if let requester = job.requesterName { lines.append("asked for by \(requester)") }
    lines += job.approval?.lines ?? []
    lines.append("accepted \(timestamp(milliseconds: job.acceptedAt))")
    if let finishedAt = job.finishedAt { lines.append("finished \(timestamp(milliseconds: finishedAt))") }
    try console.print(lines.map { "  \($0.escapedForTerminal)" }.joined(separator: "\n"))
  }
}
