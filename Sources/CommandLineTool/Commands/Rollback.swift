internal import StagekeeperClient

extension StagekeeperTool {
  static let rollback = CommandSpec(
    "rollback",
    summary: "Assign the version that held a stage before.",
    details: """
      The version is the one in effect that held the stage last before the one that holds it now; where the
      stage was unassigned, the last one that held it. The Git tag is a normal assignment that says so.
      """,
    operands: [OperandSpec("NAME", help: "Artifact name.")],
    options: [
      OptionSpec("--stage", value: "STAGE", help: "Stage to roll back (required)."), WriteOptions.ifCurrent,
    ] + WriteOptions.all,
    examples: [
      "stagekeeper rollback churn --stage prod",
      "stagekeeper rollback churn --stage prod --if-current v1.2.0",
    ]
  ) { invocation in
    let arguments = invocation.arguments
    guard let stage = arguments.value("--stage") else { throw UsageError("rollback: --stage is missing") }
    try await invocation.write(
      WriteRequest(
        .rollback, repository: "", artifact: arguments.operands[0], stage: stage,
        ifCurrent: arguments.value("--if-current")))
  }
}
