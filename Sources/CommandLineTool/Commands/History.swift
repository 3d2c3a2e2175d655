internal import StagekeeperClient

extension StagekeeperTool {
  static let history = CommandSpec(
    "history",
    summary: "Show a journal of registry operations.",
    operands: [OperandSpec("NAME", required: false, help: "Artifact name; none: all of them.")],
    options: [
      CommonOption.json, CommonOption.plain,
      OptionSpec("--ascending", "--asc", help: "Show the oldest first."),
      CommonOption.signed, CommonOption.fresh,
    ]
  ) { invocation in
    let arguments = invocation.arguments
    try arguments.refuseTogether(["--json", "--plain"])
    let client = invocation.client
    var request = HistoryRequest(
      repository: try await invocation.repository(client), name: arguments.operand(0))
    request.ascending = arguments.has("--ascending")
    request.signed = arguments.has("--signed")
    request.fresh = arguments.has("--fresh")
    let answer = try await client.read(request, timeout: invocation.timeout)
    if invocation.wantsJSON { return try invocation.console.print(json: answer.value) }
    let table = Table(history: answer.value)
    try invocation.print(request.signed ? table.addingSignatures(of: answer.value) : table)
  }
}
