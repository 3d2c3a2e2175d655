internal import StagekeeperClient

extension StagekeeperTool {
  static let deprecate = CommandSpec(
    "deprecate",
    summary: "Deprecate artifact, deregister a version, or unassign a stage.",
    details: """
      As GTO's command of that name: NAME alone deprecates the artifact, NAME VERSION deregisters the
      version, NAME VERSION STAGE unassigns the stage. Each makes a tag that says so, and the history stays.
      With --delete, where the worker's configuration allows it, the tags themselves are deleted, for good: all
      of the artifact, those of the version, or those of the stage at that version; --dry-run lists them.
      """,
    operands: [
      OperandSpec("NAME", help: "Artifact name."),
      OperandSpec("VERSION", required: false, help: "Artifact version."),
      OperandSpec("STAGE", required: false, help: "Stage to unassign."),
    ],
    options: [
      OptionSpec("--ref", value: "REF", help: "Branch, tag or commit to put the deprecation on."),
      WriteOptions.delete,
    ] + WriteOptions.all,
    examples: [
      "stagekeeper deprecate churn", "stagekeeper deprecate churn v1.2.0 prod",
      "stagekeeper deprecate churn v1.2.0 --delete --dry-run",
    ]
  ) { invocation in
    let arguments = invocation.arguments
    let action: WriteAction =
      switch arguments.operands.count {
      case 1: .deprecate
      case 2: .deregister
      default: .unassign
      }
    if action != .deprecate, arguments.has("--ref") {
      throw UsageError("--ref goes with the deprecation of an artifact, not of a version or stage")
    }
    if arguments.has("--delete"), arguments.has("--ref") {
      throw UsageError("--ref does not go with --delete, which makes no tag")
    }
    try await invocation.write(
      WriteRequest(
        action, repository: "", artifact: arguments.operands[0], ref: arguments.value("--ref"),
        version: arguments.operand(1), stage: arguments.operand(2)))
  }
}
