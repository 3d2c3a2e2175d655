internal import CommandLineTool
internal import StagekeeperClient
internal import SystemCalls

extension AdminTool {
  static let configCheck = CommandSpec(
    "config check",
    summary: "Say whether a configuration file is good, keys and trust files included, and what it means.",
    details: """
      Prints who may do what in sentences, and warns of rules that can never do anything.
      Needs no worker: it runs 'stagekeeperd --config FILE --check'. Status 78: it is not good.
      """,
    operands: [
      OperandSpec("FILE", required: false, help: "The file [default: /etc/stagekeeper/worker.json5].")
    ]
  ) { invocation in
    let file = invocation.arguments.operands.first ?? "/etc/stagekeeper/worker.json5"
    let exit = try runCheck(of: file, asJSON: invocation.wantsJSON)
    if exit != .exited(code: 0) {
      // What is wrong was said by the program that found it.
      if case .exited(let code) = exit { throw Failure(status: code) }
      throw Failure(status: 70, "stagekeeperd \(exit)")
    }
  }

  /// The worker reads its configuration itself, so that there is one reader of it; its words go where ours go.
  private static func runCheck(of file: String, asJSON: Bool) throws(SystemCallError) -> ChildExit {
    let own = try ThisProcess.executablePath()
    let directory = own.lastIndex(of: "/").map { own[...$0] } ?? ""
    let environment = ["PATH", "HOME", "CREDENTIALS_DIRECTORY"].compactMap { name in
      ThisProcess.environment(name).map { "\(name)=\($0)" }
    }
    let command = ChildCommand(
      executable: directory + "stagekeeperd",
      arguments: ["--config", file, "--check"] + (asJSON ? ["--json"] : []),
      environment: environment, newProcessGroup: false)
    return try ChildProcess.spawn(command, descriptors: [-1, 1, 2]).wait()
  }
}
