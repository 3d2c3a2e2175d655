package import StagekeeperClient

extension StagekeeperTool {
  static let approvals = CommandSpec(
    "approvals",
    summary: "List what waits for your approval, and what of yours waits for others'.",
    options: [
      OptionSpec("--limit", value: "N", help: "At most that many of each, 1 to 1000 [default: 100]."),
      CommonOption.onlyRepo, CommonOption.json, CommonOption.plain,
    ],
    examples: ["stagekeeper approvals --repo churn", "stagekeeper approvals --json"]
  ) { invocation in
    let arguments = invocation.arguments
    let pending = try await invocation.client.approvals(
      repository: invocation.namedRepository, limit: try arguments.integer("--limit", in: 1...1000) ?? 100,
      timeout: invocation.timeout)
    if invocation.wantsJSON { return try invocation.console.print(json: pending.json) }
    let table = Table(pending)
    try invocation.console.print(
      table.rows.isEmpty ? "Nothing waits for approval" : table.text(invocation.tableStyle))
  }

  static let approve = decision(
    "approve", "Approve a job that somebody else asked for.",
    details: """
      Your approval holds for what the job was planned to do, as 'stagekeeper approvals' shows it. If the
      commit, the version or the version that the stage holds is another one by then, the job is rejected.
      """
  ) { client, job, message, timeout in
    try await client.approve(job, message: message, timeout: timeout)
  }

  static let reject = decision(
    "reject", "Reject a job that waits for approval; it ends.", details: ""
  ) { client, job, message, timeout in
    try await client.reject(job, message: message, timeout: timeout)
  }

  private static func decision(
    _ name: String, _ summary: String, details: String,
    call: @escaping @Sendable (StagekeeperClient, String, String?, Duration?) async throws -> JobStatus
  ) -> CommandSpec {
    CommandSpec(
      name, summary: summary, details: details,
      operands: [OperandSpec("JOB", help: "The job's id.")],
      options: [
        OptionSpec("--message", "-m", value: "TEXT", help: "Why, for the record."), CommonOption.json,
        CommonOption.plain,
      ],
      excludedOptions: ["--repo"],
      examples: [
        "stagekeeper \(name) 12 -m \"\(name == "approve" ? "Checked on staging" : "Not on a Friday")\""
      ]
    ) { invocation in
      let arguments = invocation.arguments
      let job = try await call(
        invocation.client, arguments.operands[0], arguments.value("--message"), try invocation.timeout)
      try invocation.print(job)
    }
  }
}

extension Table {
  fileprivate init(_ pending: PendingApprovals) {
    let mayApprove = Set(pending.toApprove.map(\.job))
    let others = pending.mine.filter { !mayApprove.contains($0.job) }
    self.init(
      [
        "job", "waits for", "approved", "repository", "action", "artifact", "version", "stage", "current",
        "requester", "expires_at",
      ],
      (pending.toApprove + others).map { job in
        [
          job.job, mayApprove.contains(job.job) ? "you" : "others",
          job.approval.map { "\($0.approved) of \($0.required)" }, job.repository, job.actionName,
          job.artifact, job.approval?.plan?.version ?? job.version, job.stage, job.approval?.plan?.current,
          job.requesterName, job.approval?.expiresAt.map { timestamp(milliseconds: $0) },
        ]
      })
  }
}

extension JobStatus {
  /// What it does, in a word or two.
  package var actionName: String { action.rawValue + (delete ? " --delete" : "") }

  /// Who asked for it, in a few words.
  var requesterName: String? {
    let tenant = requester["tenant"]?.stringValue
    guard let user = requester["user"]?.stringValue ?? requester["uid"]?.integerValue.map(String.init)
    else { return tenant }
    return tenant.map { "\(user) (\($0))" } ?? user
  }
}

extension ApprovalStatus {
  /// A line for each thing known of it.
  package var lines: [String] {
    var lines: [String] = []
    if let plan {
      let replaced = plan.current.map { ", now \($0)" } ?? ", now empty"
      lines.append(
        "to approve: \(plan.version ?? "no version") at commit \(plan.commit) in stage '\(plan.stage)'\(replaced)"
      )
    }
    for condition in conditions {
      lines.append(
        "\(condition.approved) of \(condition.required) approvals by \(condition.approvers.joined(separator: ", "))"
      )
    }
    for approval in approvals {
      let name = [approval.user ?? "uid \(approval.uid)", approval.tenant.map { "(\($0))" }].compactMap { $0 }
      let words = approval.message.map { ": \($0)" } ?? ""
      let note = approval.counts ? "" : " [counts no longer]"
      lines.append(
        "approved by \(name.joined(separator: " ")) \(timestamp(milliseconds: approval.at))\(note)\(words)")
    }
    if let expiresAt { lines.append("approval expires \(timestamp(milliseconds: expiresAt))") }
    return lines
  }
}
