internal import Registry
internal import StagekeeperClient

extension StagekeeperTool {
  static let verify = CommandSpec(
    "verify",
    summary: "Find out who signed a tag, and whether that is somebody trusted.",
    details: "The exit status is 65 where the tag has no good signature.",
    operands: [
      OperandSpec(
        "REF|NAME#STAGE",
        help: "A tag; or the one by which a stage is held now. NAME@latest: the registration of that "
          + "version. A tag of such a name is meant with refs/tags/ before it.")
    ],
    options: [CommonOption.json, CommonOption.fresh],
    examples: ["stagekeeper verify churn#prod", "stagekeeper verify churn@v1.0.0"]
  ) { invocation in
    let client = invocation.client
    var request = VerifyRequest(
      repository: try await invocation.repository(client), subject(of: invocation.arguments.operands[0]))
    request.fresh = invocation.arguments.has("--fresh")
    let answer = try await client.read(request, timeout: invocation.timeout)
    if invocation.wantsJSON {
      try invocation.console.print(json: answer.value)
    } else {
      try invocation.console.print(text(of: answer.value))
    }
    if answer.value["verdict"] != "good" { throw Failure(status: 65) }
  }

  private static func subject(of operand: String) -> VerifyRequest.Subject {
    switch (try? ArtifactReference(operand))?.selection {
    case .stage, .latest: .name(operand)
    case .version, .all, nil: .ref(operand)
    }
  }

  private static func text(of verdict: JSONValue) -> String {
    let isGood = verdict["verdict"] == "good"
    let ref = verdict["ref"]?.cell ?? "?"
    let outcome = isGood ? "" : " [\(verdict["verdict"]?.cell ?? "?")]"
    let first = "\(isGood ? "✅" : "❌")  \(ref): \(verdict["message"]?.cell ?? "")\(outcome)"
    let details = [
      ("when", "taggerTime"), ("key", "keyFingerprint"), ("certificate", "certificateFingerprint"),
      ("format", "format"), ("commit", "commit"),
    ].compactMap { label, key in verdict[key]?.cell.map { "    \(label): \($0)" } }
    return ([first] + details).map(\.escapedForTerminal).joined(separator: "\n")
  }
}
