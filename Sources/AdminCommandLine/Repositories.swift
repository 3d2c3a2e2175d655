internal import CommandLineTool
internal import StagekeeperClient

extension AdminTool {
  static let repositories = CommandSpec(
    "repositories",
    summary: "List the repositories: state, backlog, last push, next attempt.",
    options: [CommonOption.plain]
  ) { invocation in
    let answer = try await invocation.call("repositories")
    try invocation.print(answer) {
      invocation.text(Table(repositories: $0), ifEmpty: "No repository is configured")
    }
  }

  static let pause = repositoryCommand(
    "pause", "Stop working on a repository; jobs are accepted and wait.", done: "is paused")

  static let resume = repositoryCommand(
    "resume", "Go on with a repository that was paused.", done: "goes on")

  private static func repositoryCommand(_ name: String, _ summary: String, done: String) -> CommandSpec {
    CommandSpec(
      name, summary: summary, operands: [OperandSpec("REPO", help: "The repository's id.")]
    ) { invocation in
      let id = invocation.arguments.operands[0]
      let answer = try await invocation.call(name, JSONObject([("repository", .string(id))]))
      try invocation.print(answer) { _ in "Repository '\(id)' \(done)".escapedForTerminal }
    }
  }
}

extension Table {
  /// The answer of `repositories`.
  init(repositories answer: JSONValue) {
    let keys = [
      ("repository", "repository"), ("state", "state"), ("queued", "queued"), ("running", "running"),
      ("waiting", "waiting"), ("tags", "tags"), ("last push", "lastPushAt"),
      ("next attempt", "nextAttemptAt"), ("lane", "lanePid"), ("url", "url"), ("error", "error"),
    ]
    self.init(
      keys.map(\.0),
      answer.elements("repositories").map { row in
        keys.map { $0.1 == "error" ? row.problem : row[$0.1]?.cell }
      })
  }
}

extension JSONValue {
  /// What is wrong with a repository: with its server, else with its keys.
  fileprivate var problem: String? {
    self["error"]?["message"]?.cell ?? self["error"]?.cell
      ?? self["keyProblems"]?.arrayValue?.first?["message"]?.cell
  }
}
