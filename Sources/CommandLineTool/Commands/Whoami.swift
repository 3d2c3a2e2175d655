internal import StagekeeperClient

extension StagekeeperTool {
  static let whoami = CommandSpec(
    "whoami",
    summary: "Show who the worker takes you for, and what you may do.",
    options: [CommonOption.json, CommonOption.plain], excludedOptions: ["--repo"]
  ) { invocation in
    let answer = try await invocation.client.whoami(timeout: invocation.timeout)
    if invocation.wantsJSON { return try invocation.console.print(json: answer) }
    try invocation.console.print(identity(answer))
    let table = grants(answer)
    try invocation.console.print(
      table.rows.isEmpty ? "No repository is open to you." : table.text(invocation.tableStyle))
    let conditions = conditions(answer)
    if !conditions.rows.isEmpty { try invocation.console.print(conditions.text(invocation.tableStyle)) }
  }

  private static func identity(_ answer: JSONValue) -> String {
    var lines = ["uid \(answer["uid"]?.cell ?? "?") (\(answer["user"]?.cell ?? "no name"))"]
    let groups = answer["groups"]?.cell ?? ""
    lines.append("gid \(answer["gid"]?.cell ?? "?"), groups \(groups.isEmpty ? "none" : groups)")
    let tenants = answer["tenants"]?.cell ?? ""
    lines.append("tenant \(tenants.isEmpty ? answer["tenant"]?.cell ?? "none" : tenants)")
    return lines.map(\.escapedForTerminal).joined(separator: "\n")
  }

  private static func grants(_ answer: JSONValue) -> Table {
    var table = Table(["repository", "artifacts", "actions", "stages"])
    for repository in answer["repositories"]?.arrayValue ?? [] {
      for grant in repository["grants"]?.arrayValue ?? [] {
        table.rows.append([
          repository["repository"]?.cell, grant["artifacts"]?.cell ?? "all", grant["actions"]?.cell,
          grant["stages"]?.cell ?? "all",
        ])
      }
    }
    return table
  }

  /// What has to hold besides, whoever asks.
  private static func conditions(_ answer: JSONValue) -> Table {
    var table = Table(["repository", "artifacts", "stages", "condition"])
    for repository in answer["repositories"]?.arrayValue ?? [] {
      for condition in repository["conditions"]?.arrayValue ?? [] {
        let demands = [
          condition["from"].map { "been in \($0.cell ?? "")" },
          condition["branches"].map { "on branch \($0.cell ?? "")" },
          condition["types"].map { "of type \($0.cell ?? "")" },
          condition["signed"].map { _ in "signed" }, condition["freeze"].map { _ in "outside freezes" },
          condition["approvals"]?["required"].map { "approvals: \($0.cell ?? "")" },
        ]
        table.rows.append([
          repository["repository"]?.cell, condition["artifacts"]?.cell ?? "all", condition["stages"]?.cell,
          demands.compactMap { $0 }.joined(separator: "; "),
        ])
      }
    }
    return table
  }
}
