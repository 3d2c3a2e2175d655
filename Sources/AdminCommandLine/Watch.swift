internal import CommandLineTool
internal import StagekeeperClient

extension AdminTool {
  static let watch = CommandSpec(
    "watch",
    summary: "A live screen of the repositories and the queue, until Ctrl-C.",
    details: "Where standard output is no terminal, the screens follow one another.",
    options: [
      OptionSpec("--interval", value: "SECONDS", help: "Seconds between two looks [default: 1]."),
      OptionSpec("--limit", value: "N", help: "Show at most N jobs [default: 20]."),
    ]
  ) { invocation in
    let interval = try invocation.arguments.seconds("--interval") ?? .seconds(1)
    let limit = try invocation.arguments.integer("--limit", in: 1...1000) ?? 20
    // One connection for all looks.
    let client = AdminClient(socketPath: invocation.arguments.value("--socket"))
    while true {
      try draw(try await screen(client, limit, invocation), invocation.console)
      try await Task.sleep(for: max(interval, .milliseconds(100)))
    }
  }

  private static func screen(
    _ client: AdminClient, _ limit: Int64, _ invocation: Invocation
  ) async throws -> String {
    let timeout = try invocation.timeout ?? .seconds(10)
    let stats = try await client.call("stats", timeout: timeout)
    let repositories = try await client.call("repositories", timeout: timeout)
    let queue = try await client.call("queue", ["limit": .integer(limit)], timeout: timeout)
    if invocation.wantsJSON {
      let all: JSONValue = ["stats": stats, "repositories": repositories, "queue": queue]
      return all.asciiText(indentation: nil)
    }
    return [
      headline(stats), Table(repositories: repositories).text(.boxed),
      queue.elements("jobs").isEmpty ? "The queue is empty" : Table(queue: queue).text(.boxed),
    ].joined(separator: "\n")
  }

  private static func headline(_ stats: JSONValue) -> String {
    let jobs = (stats["jobs"]?.objectValue?.members ?? []).map { "\($0.key) \($0.value.cell ?? "-")" }
    let worker = stats["worker"]
    let up = "Worker \(worker?["id"]?.cell ?? "?"), up \(worker?["uptimeSeconds"]?.cell ?? "?") s"
    let draining = worker?["isDraining"]?.boolValue ?? false ? ", DRAINING: it accepts no jobs" : ""
    return "\(up)\(draining); jobs: \(jobs.joined(separator: ", "))".escapedForTerminal
  }

  /// Writes over the last screen line by line, so that nothing flickers.
  private static func draw(_ screen: String, _ console: Console) throws {
    guard console.outputIsTerminal else { return try console.print(screen) }
    let lines = screen.split(separator: "\n", omittingEmptySubsequences: false)
    try console.print("\u{1b}[H" + lines.map { "\($0)\u{1b}[K" }.joined(separator: "\n") + "\n\u{1b}[J")
  }
}
