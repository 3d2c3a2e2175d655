internal import WireProtocol
internal import SystemCalls

/// Runs a program's command line and ends the process with its exit status.
package struct ToolRun {
  private let tool: ToolSpec
  private let console = Console()

  package init(_ tool: ToolSpec) { self.tool = tool }

  package func run() async -> Never { ThisProcess.exit(await status(CommandLine.arguments.dropFirst())) }

  private func status(_ arguments: some Sequence<String>) async -> Int32 {
    do {
      switch try ArgumentParser(tool: tool).parse(Array(arguments)) {
      case .help(nil): try console.print(HelpText(tool: tool).overview().withoutLastLineEnd)
      case .help(let command?):
        try console.print(HelpText(tool: tool).command(command).withoutLastLineEnd)
      case .version: try console.print("\(tool.name) \(stagekeeperVersion)")
      case .run(let command, let parsed): try await command.run(Invocation(parsed, console))
      }
      return 0
    } catch {
      let failure = Failure(error, tool: tool.name)
      if let text = failure.text(tool: tool.name, colored: console.colored) { console.note(text) }
      return failure.status
    }
  }
}

extension String {
  fileprivate var withoutLastLineEnd: String { hasSuffix("\n") ? String(dropLast()) : self }
}
