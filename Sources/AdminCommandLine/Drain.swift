internal import CommandLineTool
internal import StagekeeperClient

extension AdminTool {
  static let drain = CommandSpec(
    "drain", summary: "Finish what was accepted and accept nothing more, for an upgrade.",
    details: """
      It holds until the worker starts again; 'stats', 'watch' and the metrics show it. Jobs that wait for
      approval are kept for then, and so are those of a paused repository, for which --wait waits in vain.
      """,
    options: [OptionSpec("--wait", help: "Return when no job is under way any more; --timeout bounds that.")]
  ) { invocation in
    var answer = try await invocation.call("drain").objectValue ?? JSONObject()
    if invocation.arguments.has("--wait") {
      answer["openJobs"] = .integer(0)
      try await untilDone(invocation)
    }
    try invocation.print(.object(answer)) { answer in
      let open = answer["openJobs"]?.integerValue ?? 0
      return open == 0
        ? "The worker has no jobs under way and accepts no more until it starts again"
        : "The worker finishes \(open == 1 ? "1 job" : "\(open) jobs") and accepts no more until it starts again"
    }
  }

  /// Waits until no job is under way.
  private static func untilDone(_ invocation: Invocation) async throws {
    // One connection for all looks.
    let client = AdminClient(socketPath: invocation.arguments.value("--socket"))
    let timeout = try invocation.timeout
    let start = ContinuousClock.now
    while true {
      let open = openJobs(try await client.call("repositories", timeout: .seconds(10)))
      if open == 0 { return }
      if let timeout, start.duration(to: .now) >= timeout {
        throw Failure(
          status: 75,
          (open == 1 ? "1 job is" : "\(open) jobs are") + " under way still; the worker goes on and drains")
      }
      try await Task.sleep(for: .milliseconds(200))
    }
  }

  /// Those that will end by themselves, unless their repository is paused.
  private static func openJobs(_ answer: JSONValue) -> Int64 {
    answer.elements("repositories").reduce(0) { sum, repository in
      ["queued", "running", "waiting"].reduce(sum) { $0 + (repository[$1]?.integerValue ?? 0) }
    }
  }
}
