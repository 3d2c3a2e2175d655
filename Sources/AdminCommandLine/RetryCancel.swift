internal import CommandLineTool
internal import StagekeeperClient

extension AdminTool {
  static let retry = jobCommand(
    "retry", "Try a failed job again, or all of a repository.", which: "failed", state: "failed",
    done: { _ in "is tried again" })

  static let cancel = jobCommand(
    "cancel", "Cancel jobs that have not begun, or stop them before their tags are sent.",
    which: "unfinished",
    done: { job in
      job["state"] == "cancelled"
        ? "is cancelled" : "has begun: it ends as cancelled unless its tags may have been sent"
    })

  /// A command for one job, or with `--repo` for all of a kind.
  ///
  /// - Parameters:
  ///   - which: what those jobs are called.
  ///   - state: the state that they are in; nil: any in which they have not ended.
  private static func jobCommand(
    _ name: String, _ summary: String, which: String, state: String? = nil,
    done: @escaping @Sendable (JSONValue) -> String
  ) -> CommandSpec {
    CommandSpec(
      name, summary: summary,
      details: "With --repo each job is told in a line of its own; one that can't be is passed over.",
      operands: [OperandSpec("JOB", required: false, help: "The job's id.")],
      options: [
        OptionSpec("--repo", "-r", value: "ID", help: "Instead of JOB: all \(which) jobs of this repository.")
      ]
    ) { invocation in
      guard let repository = invocation.arguments.value("--repo") else {
        guard let job = invocation.arguments.operand(0) else { throw UsageError("JOB or --repo is missing") }
        let answer = try await invocation.call(name, jobParams(invocation))
        return try invocation.print(answer) { _ in "Job \(job) \(done(answer))".escapedForTerminal }
      }
      if invocation.arguments.operand(0) != nil { throw UsageError("JOB and --repo do not go together") }
      var params = JSONObject([("repository", .string(repository)), ("limit", 10_000)])
      params["state"] = state.map { .string($0) }
      let queue = try await invocation.call("queue", params)
      try await JobSeries(invocation, name, which: which, done: done).run(queue)
    }
  }
}

/// One command for many jobs, one after the other.
private struct JobSeries {
  private let invocation: Invocation
  private let method: String
  private let which: String
  private let done: @Sendable (JSONValue) -> String
  private var answers: [JSONValue] = []
  private var errors: [JSONValue] = []

  init(
    _ invocation: Invocation, _ method: String, which: String, done: @escaping @Sendable (JSONValue) -> String
  ) {
    (self.invocation, self.method, self.which, self.done) = (invocation, method, which, done)
  }

  /// - Parameter queue: the answer that lists them.
  consuming func run(_ queue: JSONValue) async throws {
    let client = AdminClient(socketPath: invocation.arguments.value("--socket"))
    for case let id? in queue.elements("jobs").map({ $0["job"]?.stringValue }) {
      try await run(id, client)
    }
    let more = (queue["total"]?.integerValue ?? 0) - Int64(answers.count + errors.count)
    try printEnd(more)
    if !errors.isEmpty { throw Failure(status: 65, "\(method): \(errors.count) jobs were passed over") }
  }

  private mutating func run(_ id: String, _ client: AdminClient) async throws {
    var line: String
    do {
      let answer = try await client.call(method, ["job": .string(id)], timeout: try invocation.timeout)
      answers.append(answer)
      line = "Job \(id) \(done(answer))"
    } catch let error as ClientError {
      guard let refusal = error.workerError, refusal.category == .refused else { throw error }
      errors.append(["job": .string(id), "error": refusal.json])
      line = "Job \(id): \(refusal.message)"
    }
    if !invocation.wantsJSON { try invocation.console.print(line.escapedForTerminal) }
  }

  private func printEnd(_ more: Int64) throws {
    if invocation.wantsJSON {
      return try invocation.console.print(json: ["jobs": .array(answers), "errors": .array(errors)])
    }
    let all = answers.count + errors.count
    let rest = more > 0 ? "; \(more) more: give the command again" : ""
    try invocation.console.print(
      all == 0 ? "There are no \(which) jobs" : "\(method): \(answers.count) of \(all) \(which) jobs\(rest)")
  }
}
