internal import StagekeeperClient

extension StagekeeperTool {
  static let register = CommandSpec(
    "register",
    summary: "Create an artifact version to signify an important, published or released iteration.",
    operands: [
      OperandSpec("NAME", help: "Artifact name."),
      OperandSpec(
        "REF", required: false,
        help: "Branch, tag or commit of the remote [default: the default branch's tip]."),
    ],
    options: [
      OptionSpec("--version", "--ver", value: "VERSION", help: "Version name in SemVer format."),
      OptionSpec("--bump-major", help: "Bump the major version."),
      OptionSpec("--bump-minor", help: "Bump the minor version."),
      OptionSpec("--bump-patch", help: "Bump the patch version."),
    ] + WriteOptions.all,
    examples: ["stagekeeper register churn --version v1.2.0 -m 'Trained on May'"]
  ) { invocation in
    let arguments = invocation.arguments
    let bump = try versionBump(arguments)
    try await invocation.write(
      WriteRequest(
        .register, repository: "", artifact: arguments.operands[0], ref: arguments.operand(1),
        version: arguments.value("--version"), bump: bump))
  }

  private static func versionBump(_ arguments: ParsedArguments) throws(UsageError) -> VersionBump? {
    let options = VersionBump.allCases.map { "--bump-\($0.rawValue)" }
    try arguments.refuseTogether(["--version"] + options)
    return VersionBump.allCases.first { arguments.has("--bump-\($0.rawValue)") }
  }
}
