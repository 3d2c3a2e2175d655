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
      let taken = arguments.operand(1).map { ": '\($0)' was taken for VERSION" } ?? ""
      throw UsageError("unassign: STAGE is missing\(taken)", hint: "Name it with --stage STAGE.")
    }
    try arguments.checkVersionOrRef(of: "unassign", version)
    try await invocation.write(
      WriteRequest(
        .unassign, repository: "", artifact: arguments.operands[0], ref: arguments.value("--ref"),
        version: version, stage: stage, ifCurrent: arguments.value("--if-current")))
  }
}

extension ParsedArguments {
  /// What is to end is named by its version or by `--ref`, and not by both.
  func checkVersionOrRef(of command: String, _ version: String?) throws(UsageError) {
    switch (version, value("--ref")) {
    case (nil, nil):
      throw UsageError(
        "\(command): VERSION is missing",
        hint: "Name it with --version VERSION, or its commit with --ref REF.")
    case (let version?, let ref?):
      throw UsageError(
        "\(command): VERSION '\(version)' and --ref '\(ref)' do not go together: give one of them")
    default: break
    }
  }

  /// What may be given as an operand or as an option, but not as both.
  func operandOrOption(_ index: Int, _ option: String) throws(UsageError) -> String? {
    guard let operand = operand(index) else { return value(option) }
    if value(option) != nil { throw UsageError("\(option) is given twice: as '\(operand)' and as an option") }
    return operand
  }
}
