internal import StagekeeperClient

extension StagekeeperTool {
  static let unassign = CommandSpec(
    "unassign",
    summary: "Take a stage away from an artifact's version.",
    operands: [
      OperandSpec("NAME", help: "Artifact name."),
      OperandSpec("VERSION", required: false, help: "Artifact version; the same as --version."),
      OperandSpec("STAGE", required: false, help: "Stage to unassign; the same as --stage."),
    ],
    options: [
      OptionSpec("--version", value: "VERSION", help: "Artifact version."),
      OptionSpec("--stage", value: "STAGE", help: "Stage to unassign."),
      OptionSpec("--ref", value: "REF", help: "Branch, tag or commit that has the version."),
      WriteOptions.ifCurrent, WriteOptions.delete,
    ] + WriteOptions.all,
    examples: [
      "stagekeeper unassign churn v1.2.0 prod", "stagekeeper unassign churn --stage prod --ref main",
    ]
  ) { invocation in
    let arguments = invocation.arguments
    let version = try arguments.operandOrOption(1, "--version")
    guard let stage = try arguments.operandOrOption(2, "--stage") else {
      throw UsageError("unassign: the stage is missing", hint: "Name it with --stage STAGE.")
    }
    try await invocation.write(
      WriteRequest(
        .unassign, repository: "", artifact: arguments.operands[0], ref: arguments.value("--ref"),
        version: version, stage: stage, ifCurrent: arguments.value("--if-current")))
  }
}

extension ParsedArguments {
  /// What may be given as an operand or as an option, but not as both.
  func operandOrOption(_ index: Int, _ option: String) throws(UsageError) -> String? {
    guard let operand = operand(index) else { return value(option) }
    if value(option) != nil { throw UsageError("\(option) is given twice: as '\(operand)' and as an option") }
    return operand
  }
}
