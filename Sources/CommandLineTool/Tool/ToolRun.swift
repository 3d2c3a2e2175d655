internal import WireProtocol
internal import StagekeeperClient
internal import SystemCalls

/// Runs a program's command line and ends the process with its exit status.
package struct ToolRun {
  private let tool: ToolSpec
  private let console = Console()

  package init(_ tool: ToolSpec) { self.tool = tool }

  package func run() async -> Never { ThisProcess.exit(await status()) }

  private func status() async -> Int32 {
    do {
      switch try ArgumentParser(tool: tool).parse(try ThisProcess.arguments()) {
      case .help(nil): try console.print(HelpText(tool: tool).overview().withoutLastLineEnd)
      case .help(let command?):
        try console.print(HelpText(tool: tool).command(command).withoutLastLineEnd)
      case .groupHelp(let word): try console.print(HelpText(tool: tool).group(word).withoutLastLineEnd)
      case .version: try console.print("\(tool.name) \(stagekeeperVersion)")
      case .run(let command, let parsed): try await run(command, Invocation(parsed, console))
      }
      return 0
    } catch {
      let failure = Failure(error, tool: tool.name)
      if let text = failure.text(tool: tool.name, colored: console.colored) { console.note(text) }
      return failure.status
    }
  }

  /// With `--json` a refusal is an answer too: the job that ended without success, or the error.
  private func run(_ command: CommandSpec, _ invocation: Invocation) async throws {
    do {
      try await command.run(invocation)
    } catch let error as ClientError where invocation.wantsJSON {
      if let job = error.job {
        try console.print(json: job.json)
      } else if let refusal = error.workerError {
        try console.print(json: ["error": refusal.json])
      }
      throw error.inWords(of: command, tool)
    } catch let error as ClientError {
      throw error.inWords(of: command, tool)
    }
  }
}

extension String {
  fileprivate var withoutLastLineEnd: String { hasSuffix("\n") ? String(dropLast()) : self }
}
