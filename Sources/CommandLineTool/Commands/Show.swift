internal import StagekeeperClient

extension StagekeeperTool {
  static let show = CommandSpec(
    "show",
    summary: "Show the registry state, highest version, or what's assigned in stage.",
    operands: [
      OperandSpec(
        "NAME", required: false,
        help: "Artifact, also as NAME@latest, NAME@greatest, NAME@vX.Y.Z, NAME#STAGE; none: the registry.")
    ],
    options: [
      CommonOption.json, CommonOption.plain,
      OptionSpec("--name", help: "Print the artifact names only."),
      OptionSpec("--version", help: "Print the versions only."),
      OptionSpec("--stage", help: "Print the stages only."),
      OptionSpec("--ref", help: "Print the refs only."),
      OptionSpec("--registered-only", "--ro", help: "Show only registered versions."),
      OptionSpec("--deprecated", "-d", help: "Include deprecated ones."),
      OptionSpec(
        "--assignments-per-version", "--av", value: "N",
        help: "Show N last stages for each version; -1 for all [default: -1]."),
      OptionSpec(
        "--versions-per-stage", "--vs", value: "N",
        help: "Show N last versions for each stage, counted after --assignments-per-version; "
          + "-1 for all [default: 1]."),
      OptionSpec(
        "--sort", value: "timestamp|semver",
        help: "Order assignments by time or by version [default: timestamp]."),
      CommonOption.signed,
      CommonOption.fresh,
    ],
    examples: ["stagekeeper show", "stagekeeper show churn#prod --version"]
  ) { invocation in
    let arguments = invocation.arguments
    try arguments.refuseTogether(["--json", "--plain", "--name", "--version", "--stage", "--ref"])
    let client = invocation.client
    var request = try showRequest(arguments)
    request.repository = try await invocation.repository(client)
    let answer = try await client.read(request, timeout: invocation.timeout)
    if invocation.wantsJSON { return try invocation.console.print(json: answer.value) }
    if let key = ["name", "version", "stage", "ref"].first(where: { arguments.has("--\($0)") }) {
      return try invocation.print(column: key, of: .init(shown: answer.value))
    }
    let table = Table(shown: try await marked(answer.value, request, client))
    try invocation.print(request.signed ? table.addingSignatures(of: answer.value) : table)
  }

  private static func showRequest(_ arguments: ParsedArguments) throws(UsageError) -> ShowRequest {
    var request = ShowRequest(repository: "", name: arguments.operand(0))
    request.registeredOnly = arguments.has("--registered-only")
    request.deprecated = arguments.has("--deprecated")
    request.assignmentsPerVersion = try arguments.integer("--assignments-per-version", in: -1...(.max))
    request.versionsPerStage = try arguments.integer("--versions-per-stage", in: -1...(.max))
    request.sort = try arguments.choice("--sort", VersionSort.self) ?? .timestamp
    request.signed = arguments.has("--signed")
    request.fresh = arguments.has("--fresh")
    return request
  }

  /// GTO marks an artifact without any registered version by `*`. Where no version in the answer tells,
  /// the registry does.
  private static func marked(
    _ value: JSONValue, _ request: ShowRequest, _ client: StagekeeperClient
  ) async throws(ClientError) -> JSONValue {
    guard case .array(let versions) = value, let name = versions.first?["artifact"]?.stringValue,
      !versions.contains(where: { !($0["registrations"]?.arrayValue ?? []).isEmpty })
    else { return value }
    var registry = ShowRequest(repository: request.repository)
    registry.deprecated = true
    let answer = try await client.read(registry)
    if answer.value[name]?["registered"]?.boolValue ?? true { return value }
    return .array(versions.map { $0.marked })
  }
}

extension JSONValue {
  fileprivate var marked: JSONValue {
    guard case .object(var object) = self, let name = object["artifact"]?.stringValue else { return self }
    object["artifact"] = .string("*\(name)")
    return .object(object)
  }
}
