internal import StagekeeperClient

extension StagekeeperTool {
  static let stages = CommandSpec(
    "stages",
    summary: "Print the stages that the repository's .gto allows, or where it allows any, those in use.",
    options: [
      OptionSpec("--allowed", help: "Print only the stages that the repository's .gto allows."),
      OptionSpec("--used", help: "Print the stages that some version is in."),
      CommonOption.json, CommonOption.fresh,
    ]
  ) { invocation in
    let arguments = invocation.arguments
    let client = invocation.client
    var request = StagesRequest(repository: try await invocation.repository(client))
    request.allowed = arguments.has("--allowed")
    request.used = arguments.has("--used")
    request.fresh = arguments.has("--fresh")
    let answer = try await client.read(request, timeout: invocation.timeout)
    if invocation.wantsJSON { return try invocation.console.print(json: answer.value) }
    for stage in answer.value.arrayValue ?? [] {
      try invocation.console.print((stage.cell ?? "").escapedForTerminal)
    }
  }
}
