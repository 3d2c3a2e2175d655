internal import Registry
internal import StagekeeperClient

extension StagekeeperTool {
  static let describe = CommandSpec(
    "describe",
    summary: "Show an artifact's annotation: type, path, labels, description.",
    details: "Nothing is printed where the files say nothing, or no version is the one that NAME means.",
    operands: [
      OperandSpec("NAME", help: "Artifact, also as NAME@latest, NAME@vX.Y.Z, NAME#STAGE.")
    ],
    options: [
      OptionSpec(
        "--rev", value: "REF",
        help: "Branch, tag or commit to read a plain NAME at [default: the default branch's tip]."),
      OptionSpec("--type", help: "Print the type only."),
      OptionSpec("--path", help: "Print the path only."),
      OptionSpec("--description", help: "Print the description only."),
      CommonOption.json, CommonOption.fresh,
    ]
  ) { invocation in
    let arguments = invocation.arguments
    let keys = ["type", "path", "description"]
    try arguments.refuseTogether(["--json"] + keys.map { "--\($0)" })
    let name = arguments.operands[0]
    if arguments.has("--rev"), let reference = try? ArtifactReference(name), reference.selection != .all {
      throw UsageError("--rev does not go with the shortcut '\(name)': give one of them")
    }
    let client = invocation.client
    var request = DescribeRequest(
      repository: try await invocation.repository(client), name: name,
      rev: arguments.value("--rev"))
    request.fresh = arguments.has("--fresh")
    let answer = try await client.read(request, timeout: invocation.timeout)
    if invocation.wantsJSON { return try invocation.console.print(json: answer.value) }
    guard case .object(let annotation) = answer.value else { return }
    if let key = keys.first(where: { arguments.has("--\($0)") }) {
      if let value = annotation[key]?.cell { try invocation.console.print(value.escapedForTerminal) }
      return
    }
    for (key, value) in annotation.members {
      try invocation.console.print("\(key): \(value.cell ?? "-")".escapedForTerminal)
    }
  }
}
