internal import StagekeeperClient

extension StagekeeperTool {
  static let assign = CommandSpec(
    "assign", aliases: ["promote"],
    summary: "Assign stage to specific artifact version.",
    details: """
      Without REF the version is the one named by --version, or the one at the default branch's tip. At a
      REF without a version one is registered first; --version then names it.
      On a terminal, without NAME, it asks for artifact, version, stage and message.
      """,
    operands: [
      OperandSpec("NAME", required: false, help: "Artifact name; left out on a terminal: asks."),
      OperandSpec("REF", required: false, help: "Branch, tag or commit of the remote."),
    ],
    options: [
      OptionSpec(
        "--version", value: "VERSION",
        help: "The version to assign; with REF, the name of the version to register there."),
      OptionSpec("--stage", value: "STAGE", help: "Stage to assign (required)."),
      OptionSpec(
        "--skip-registration", "--sr", help: "Don't register a version at the specified commit."),
      WriteOptions.ifCurrent,
    ] + WriteOptions.all,
    examples: [
      "stagekeeper assign churn --version v1.2.0 --stage prod",
      "stagekeeper assign churn main --stage dev --json",
    ]
  ) { invocation in
    let arguments = invocation.arguments
    guard let artifact = arguments.operand(0) else {
      guard AssignQuestions.canAsk(invocation) else {
        throw UsageError("assign: NAME is missing", hint: "On a terminal, 'stagekeeper assign' asks for it.")
      }
      return try await invocation.write(try await AssignQuestions(invocation).ask())
    }
    guard let stage = arguments.value("--stage") else { throw UsageError("assign: --stage is missing") }
    try await invocation.write(
      WriteRequest(
        .assign, repository: "", artifact: artifact, ref: arguments.operand(1),
        version: arguments.value("--version"), stage: stage,
        skipRegistration: arguments.has("--skip-registration"), ifCurrent: arguments.value("--if-current")))
  }
}
