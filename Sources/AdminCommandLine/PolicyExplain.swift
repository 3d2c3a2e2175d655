internal import CommandLineTool
internal import StagekeeperClient

extension AdminTool {
  static let policyExplain = CommandSpec(
    "policy explain",
    summary: "Say whether somebody may do something, and which rules say so.",
    operands: [
      OperandSpec(
        "ACTION", help: "register, assign, unassign, deregister, deprecate, delete, read or approve."),
      OperandSpec("NAME", required: false, help: "The artifact; left out: any."),
    ],
    options: [
      OptionSpec("--repo", "-r", value: "ID", help: "The repository's id (required)."),
      OptionSpec("--stage", value: "STAGE", help: "The stage; left out: any."),
      OptionSpec("--user", value: "USER", help: "A user of this host, with the groups that it has now."),
      OptionSpec("--uid", value: "UID", help: "The same by number."),
      OptionSpec("--tenant", value: "TENANT", help: "A tenant instead of a user."),
    ]
  ) { invocation in
    let answer = try await invocation.call("policy.explain", try explainParams(invocation.arguments))
    try invocation.print(answer, explanation)
  }

  private static func explainParams(_ arguments: ParsedArguments) throws(UsageError) -> JSONObject {
    if !arguments.has("--repo") { throw UsageError("--repo is missing: whether it is allowed where?") }
    let subjects = ["--user", "--uid", "--tenant"]
    try arguments.refuseTogether(subjects)
    if !subjects.contains(where: arguments.has) {
      throw UsageError("whether it is allowed to whom? Give one of \(subjects.joined(separator: ", "))")
    }
    var params = JSONObject([("action", .string(arguments.operands[0]))])
    params["artifact"] = arguments.operands.dropFirst().first.map { .string($0) }
    for (option, key) in [
      ("--repo", "repository"), ("--stage", "stage"), ("--user", "user"), ("--tenant", "tenant"),
    ] {
      params[key] = arguments.value(option).map { .string($0) }
    }
    params["uid"] = try arguments.integer("--uid", in: 0...4_294_967_295).map { .integer($0) }
    return params
  }

  /// The decision first, then every rule.
  private static func explanation(_ answer: JSONValue) -> String {
    let tenants = answer.elements("tenants").compactMap(\.cell).joined(separator: ", ")
    let isAllowed = answer["allowed"]?.boolValue ?? false
    let rule = answer["rule"]?.cell ?? ""
    var lines = [
      isAllowed
        ? "allowed by \(rule)" : rule == "none" ? "denied: no grant allows it" : "denied by \(rule)",
      "tenants: \(tenants.isEmpty ? "none" : tenants)",
    ]
    lines += answer.elements("grants").map { grant in
      let mismatch = grant["mismatch"]?.cell.map { "other \($0)" } ?? "allows it"
      return "\(grant["rule"]?.cell ?? ""): \(mismatch)"
    }
    lines += answer.elements("conditions").compactMap(\.cell).map { "\($0): has to be fulfilled besides" }
    return lines.map(\.escapedForTerminal).joined(separator: "\n")
  }
}
