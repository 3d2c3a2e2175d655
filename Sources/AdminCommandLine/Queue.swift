internal import CommandLineTool
internal import StagekeeperClient

extension AdminTool {
  static let queue = CommandSpec(
    "queue",
    summary: "List jobs that have not ended, or those in one state.",
    options: [
      OptionSpec("--repo", "-r", value: "ID", help: "Only this repository's."),
      OptionSpec("--tenant", value: "TENANT", help: "Only this tenant's."),
      OptionSpec("--state", value: "STATE", help: "Only those in this state, such as waiting."),
      OptionSpec("--limit", value: "N", help: "At most that many."),
      CommonOption.plain,
    ]
  ) { invocation in
    let answer = try await invocation.call("queue", try queueParams(invocation.arguments))
    try invocation.print(answer) { answer in
      let table = Table(queue: answer)
      let more = (answer["total"]?.integerValue ?? 0) - Int64(table.rows.count)
      return invocation.text(table, ifEmpty: "The queue is empty")
        + (more > 0 ? "\n\(more) more; --limit N shows up to N" : "")
    }
  }

  private static func queueParams(_ arguments: ParsedArguments) throws(UsageError) -> JSONObject {
    var params = JSONObject()
    params["repository"] = arguments.value("--repo").map { .string($0) }
    params["tenant"] = arguments.value("--tenant").map { .string($0) }
    params["state"] = try arguments.choice("--state", JobStatus.State.self).map { .string($0.rawValue) }
    params["limit"] = try arguments.integer("--limit", in: 1...(.max)).map { .integer($0) }
    return params
  }
}

extension Table {
  /// The answer of `queue`.
  init(queue answer: JSONValue) {
    self.init(
      ["job", "state", "position", "age", "repository", "tenant", "action", "artifact", "version", "stage"],
      answer.elements("jobs").map { job in
        [
          job["job"]?.cell, job["state"]?.cell, job["position"]?.cell,
          job["waitingSeconds"]?.cell.map { "\($0) s" }, job["repository"]?.cell,
          job["requester"]?["tenant"]?.cell, job["action"]?.cell, job["artifact"]?.cell,
          job["version"]?.cell, job["stage"]?.cell,
        ]
      })
  }
}
