internal import StagekeeperClient

extension Invocation {
  /// Sends a write and prints what came of it.
  ///
  /// - Parameter request: the command's own part; its repository and the options that all writes share are
  ///   added here.
  func write(_ request: WriteRequest) async throws {
    let client = client
    let timeout = try timeout
    let request = try await completed(request, client)
    if request.dryRun { return try printPlan(try await client.plan(request, timeout: timeout)) }
    if !request.wait { return try printAccepted(try await client.submit(request, timeout: timeout)) }
    try printEnd(try await wait { try await client.perform(request, timeout: timeout, onProgress: $0) })
  }

  private func completed(
    _ request: WriteRequest, _ client: StagekeeperClient
  ) async throws -> WriteRequest {
    var request = request
    try WriteOptions.apply(arguments, to: &request)
    request.repository = try await repository(client)
    return request
  }

  /// Waits for a job with a progress line and Ctrl-C.
  func wait(
    _ call: @escaping @Sendable ((JobStatus) -> Void) async throws -> JobStatus
  ) async throws -> JobStatus {
    let line = ProgressLine(console)
    defer { line.clear() }
    return try await interruptible { try await call { line.show($0) } }
  }

  /// A job that ended well: GTO's lines, and where the tags are now.
  func printEnd(_ job: JobStatus) throws {
    if wantsJSON { return try console.print(json: job.json) }
    var lines = job.tags.map { "Created git tag '\($0.ref)' that \($0.effect(job))" }
    lines += job.deletedTags.map { "Deleted git tag '\($0.ref)'" }
    lines.append(
      job.tags.isEmpty && job.deletedTags.isEmpty
        ? "Nothing was to be done: no tag was made (job \(job.job))"
        : "Pushed to repository '\(job.repository)' (job \(job.job))")
    try console.print(lines.map(\.escapedForTerminal).joined(separator: "\n"))
  }

  private func printAccepted(_ job: JobStatus) throws {
    if wantsJSON { return try console.print(json: job.json) }
    try console.print(job.job.escapedForTerminal)
  }

  private func printPlan(_ plan: WritePlan) throws {
    if wantsJSON { return try console.print(json: plan.json) }
    var lines: [String] = []
    for tag in plan.tags {
      lines.append("Would create git tag '\(tag.ref)' at commit \(tag.commit) (\(tag.event))")
      lines += tag.message.split(separator: "\n").map { "    \($0)" }
    }
    lines += plan.deletedTags.map {
      "Would delete git tag '\($0.ref)' at object \($0.objectID) (\($0.event))"
    }
    lines += plan.reasons
    try console.print(lines.map(\.escapedForTerminal).joined(separator: "\n"))
  }
}

extension CreatedTag {
  /// GTO's words for what a tag does.
  fileprivate func effect(_ job: JobStatus) -> String {
    switch event {
    case "registration": "registers version"
    case "deregistration": "deregisters version"
    case "assignment": "assigns stage to version '\(job.version ?? commit)'"
    case "unassignment": "unassigns stage from version '\(job.version ?? commit)'"
    case "deprecation": "deprecates artifact"
    default: "records \(event)"
    }
  }
}
