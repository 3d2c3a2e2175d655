internal import StagekeeperClient

extension StagekeeperTool {
  static let doctor = CommandSpec(
    "doctor",
    summary: "Check the registry for problems.",
    details: "The exit status is 65 where something was found.",
    options: [CommonOption.json, CommonOption.fresh]
  ) { invocation in
    let client = invocation.client
    var request = DoctorRequest(repository: try await invocation.repository(client))
    request.fresh = invocation.arguments.has("--fresh")
    let findings = try await client.findings(request, timeout: invocation.timeout)
    if invocation.wantsJSON {
      try invocation.console.print(json: ["findings": .array(findings.map(\.json))])
    } else {
      try invocation.console.print(
        findings.isEmpty ? "✅  No issues found" : findings.map(\.text).joined(separator: "\n"))
    }
    if !findings.isEmpty { throw Failure(status: 65) }
  }
}

extension Finding {
  fileprivate var json: JSONValue {
    .object(
      JSONObject(present: [
        ("code", .string(code)), ("ref", ref.map { .string($0) }),
        ("refs", .array(refs.map { .string($0) })), ("message", .string(message)),
        ("advice", .string(advice)),
      ]))
  }

  fileprivate var text: String {
    let subject = refs.isEmpty ? "" : refs.joined(separator: ", ") + ": "
    return "❌  \(subject)\(message) [\(code)]".escapedForTerminal
      + (advice.isEmpty ? "" : "\n    \(advice.escapedForTerminal)")
  }
}
