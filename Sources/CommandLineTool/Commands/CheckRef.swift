internal import StagekeeperClient

extension StagekeeperTool {
  static let checkRef = CommandSpec(
    "check-ref",
    summary: "Find out the artifact version registered/assigned with ref.",
    operands: [OperandSpec("REF", help: "The tag to analyze.")],
    options: [
      CommonOption.json,
      OptionSpec("--name", help: "Print the artifact's name only."),
      OptionSpec("--version", help: "Print the version only."),
      OptionSpec("--event", help: "Print the event only."),
      OptionSpec("--stage", help: "Print the stage only."),
      OptionSpec("--type", help: "Print the type that the artifact is annotated with only."),
      OptionSpec("--path", help: "Print the path that the artifact is annotated with only."),
      CommonOption.fresh,
    ]
  ) { invocation in
    let arguments = invocation.arguments
    let keys = [
      "--name": "artifact", "--version": "version", "--event": "event", "--stage": "stage",
      "--type": "type", "--path": "path",
    ]
    try arguments.refuseTogether(["--json"] + keys.keys.sorted())
    let client = invocation.client
    var request = CheckRefRequest(
      repository: try await invocation.repository(client), ref: arguments.operands[0])
    request.fresh = arguments.has("--fresh")
    let answer = try await client.read(request, timeout: invocation.timeout)
    // A ref that stands for no event prints nothing, as GTO does.
    guard case .object(let event) = answer.value, !event.isEmpty else { return }
    if invocation.wantsJSON { return try invocation.console.print(json: answer.value) }
    guard let option = keys.keys.first(where: arguments.has), let key = keys[option] else {
      return try invocation.console.print("✅  " + sentence(answer.value).escapedForTerminal)
    }
    if let value = answer.value[key]?.cell { try invocation.console.print(value.escapedForTerminal) }
  }

  /// GTO's words for an event.
  private static func sentence(_ event: JSONValue) -> String {
    let artifact = "artifact \"\(event["artifact"]?.cell ?? "?")\""
    let version = "ersion \"\(event["version"]?.cell ?? "?")\" of \(artifact)"
    let stage = "Stage \"\(event["stage"]?.cell ?? "?")\""
    return switch event["event"]?.stringValue {
    case "registration": "V\(version) was registered"
    case "deregistration": "V\(version) was deregistered"
    case "assignment": "\(stage) was assigned to v\(version)"
    case "unassignment": "\(stage) was unassigned from v\(version)"
    case "deprecation": "A\(artifact.dropFirst()) was deprecated"
    case "creation": "A\(artifact.dropFirst()) was created"
    case let other: "A\(artifact.dropFirst()): \(other ?? "unknown event")"
    }
  }
}
