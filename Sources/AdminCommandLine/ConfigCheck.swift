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
      Key files are judged for whoever runs this; for root, who can read everything, as the user
      can use them to whom the state directory belongs. Before the first start there is none:
        sudo stagekeeper-admin config check --as stagekeeper
      """,
    operands: [
      OperandSpec("FILE", required: false, help: "The file [default: /etc/stagekeeper/worker.json5].")
    ],
    options: [
      OptionSpec(
        "--as", value: "USER",
        help: "Judge the files as this user can use them, which takes root [default: for root the owner of "
          + "the state directory, where it is there].")
    ]
  ) { invocation in
    let file = invocation.arguments.operands.first ?? "/etc/stagekeeper/worker.json5"
    var arguments = ["--config", file, "--check"]
    if invocation.wantsJSON { arguments.append("--json") }
    if let user = invocation.arguments.value("--as") { arguments += ["--as", user] }
    let exit = try runWorker(arguments, invocation)
    if exit != .exited(code: 0) {
      // What is wrong was said by the program that found it.
      if case .exited(let code) = exit { throw Failure(status: code) }
      throw Failure(status: 70, "stagekeeperd \(exit)")
    }
  }

  /// The worker reads its configuration itself, so that there is one reader of it; its words go where ours go.
  private static func runWorker(_ arguments: [String], _ invocation: Invocation) throws -> ChildExit {
    do throws(SystemCallError) {
      let own = try ThisProcess.executablePath()
      let directory = own.lastIndex(of: "/").map { own[...$0] } ?? ""
      let environment = ["PATH", "HOME", "CREDENTIALS_DIRECTORY"].compactMap { name in
        ThisProcess.environment(name).map { "\(name)=\($0)" }
      }
      let command = ChildCommand(
        executable: directory + "stagekeeperd", arguments: arguments, environment: environment,
        newProcessGroup: false)
      return try ChildProcess.spawn(command, descriptors: [-1, 1, 2]).wait()
    } catch {
      let message = "stagekeeperd, which checks it, can't be started: \(error)"
      if invocation.wantsJSON {
        let refusal = WireError(.internalError, category: .unavailable, message)
        try invocation.console.print(json: ["error": refusal.json])
      }
      throw Failure(status: 69, message, hint: "It has to be beside stagekeeper-admin.")
    }
  }
}
