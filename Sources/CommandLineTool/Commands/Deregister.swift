internal import StagekeeperClient

extension StagekeeperTool {
  static let deregister = CommandSpec(
    "deregister",
    summary: "Take back the registration of an artifact's version.",
    operands: [
      OperandSpec("NAME", help: "Artifact name."),
      OperandSpec("VERSION", required: false, help: "Artifact version; the same as --version."),
    ],
    options: [
      OptionSpec("--version", value: "VERSION", help: "Artifact version."),
      OptionSpec("--ref", value: "REF", help: "Branch, tag or commit that has the version."),
      WriteOptions.delete,
    ] + WriteOptions.all,
    examples: ["stagekeeper deregister churn v1.2.0"]
  ) { invocation in
    let arguments = invocation.arguments
    let version = try arguments.operandOrOption(1, "--version")
    try arguments.checkVersionOrRef(of: "deregister", version)
    try await invocation.write(
      WriteRequest(
        .deregister, repository: "", artifact: arguments.operands[0], ref: arguments.value("--ref"),
        version: version))
  }
}
