internal import CommandLineTool
internal import StagekeeperClient

extension AdminTool {
  static let job = CommandSpec(
    "job",
    summary: "Show all that is known of a job: its request, transitions, attempts and intents.",
    operands: [OperandSpec("JOB", help: "The job's id.")],
    options: [CommonOption.plain]
  ) { invocation in
    let answer = try await invocation.call("job", jobParams(invocation))
    try invocation.print(answer) { answer in
      let table = Table(transitions: answer)
      return fields(of: answer) + "\n" + invocation.text(table, ifEmpty: "No transitions")
    }
  }

  static func jobParams(_ invocation: Invocation) -> JSONObject {
    JSONObject([("job", .string(invocation.arguments.operands[0]))])
  }

  /// A line for each member; nested ones as JSON, the transitions left to their table.
  private static func fields(of job: JSONValue) -> String {
    let approval = job["approval"].flatMap(ApprovalStatus.init(json:))?.lines ?? []
    let members = (job.objectValue?.members ?? []).filter { key, value in
      value != .null && key != "transitions" && (key != "approval" || approval.isEmpty)
    }
    let fields =
      members
      .map { key, value in
        let text = if case .array = value { value.asciiText(indentation: nil) } else { value.cell ?? "-" }
        return "\(key): \(text)".escapedForTerminal
      }
    return (fields + approval.map { "approval: \($0)".escapedForTerminal }).joined(separator: "\n")
  }
}

extension Table {
  fileprivate init(transitions job: JSONValue) {
    self.init(
      ["at", "state", "note"],
      job.elements("transitions").map { [$0["at"]?.cell, $0["state"]?.cell, $0["note"]?.cell] })
  }
}
