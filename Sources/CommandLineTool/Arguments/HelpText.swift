/// The help texts, from the same tables that the parser reads.
struct HelpText {
  let tool: ToolSpec
  private let width = 79

  /// The program's own.
  func overview() -> String {
    var text = "Usage: \(tool.name) [OPTIONS] COMMAND [ARGUMENTS]\n\n\(tool.summary)\n"
    for group in tool.groups {
      text += "\n\(group.heading):\n"
      text += table(group.commands.map { (title($0), $0.summary) })
    }
    text += "\nOptions of most commands (before or after its name):\n"
    text += table(tool.commonOptions.map(row))
    text += "\n'\(tool.name) help COMMAND' tells more; '\(tool.name) --version' prints the version.\n"
    return text
  }

  /// Of the commands whose first word this is.
  func group(_ word: String) -> String {
    let commands = tool.commands.filter { $0.words[0] == word && $0.words.count == 2 }
    return "Usage: \(tool.name) \(word) COMMAND [OPTIONS] [ARGUMENTS]\n\nCommands:\n"
      + table(commands.map { (title($0), $0.summary) })
      + "\n'\(tool.name) help \(word) COMMAND' tells more.\n"
  }

  /// A command's.
  func command(_ command: CommandSpec) -> String {
    var text = "Usage: \(usage(command))\n\n\(command.summary)\n"
    if !command.details.isEmpty { text += "\n\(command.details)\n" }
    if !command.operands.isEmpty {
      text += "\nArguments:\n" + table(command.operands.map { ($0.name, $0.help) })
    }
    text += "\nOptions:\n" + table(tool.options(of: command).map(row))
    if !command.examples.isEmpty {
      text += "\nExamples:\n" + command.examples.map { "  \($0)\n" }.joined()
    }
    return text
  }

  func usage(_ command: CommandSpec) -> String {
    let operands = command.operands.map { operand in
      (operand.isRequired ? operand.name : "[\(operand.name)]") + (operand.isRepeated ? "..." : "")
    }
    return ([tool.name, command.name, "[OPTIONS]"] + operands).joined(separator: " ")
  }

  private func title(_ command: CommandSpec) -> String {
    command.aliases.isEmpty
      ? command.name : "\(command.name) (\(command.aliases.joined(separator: ", ")))"
  }

  private func row(_ option: OptionSpec) -> (String, String) {
    let names = option.names.sorted { $0.count < $1.count }.joined(separator: ", ")
    return (option.value.map { "\(names) \($0)" } ?? names, option.help)
  }

  private func table(_ rows: [(String, String)]) -> String {
    let indent = min(30, (rows.map { $0.0.count }.max() ?? 0) + 4)
    return rows.map { name, help in
      let lines = wrapped(help, width - indent)
      let first = "  " + name
      let gap =
        first.count + 2 <= indent
        ? String(repeating: " ", count: indent - first.count)
        : "\n" + String(repeating: " ", count: indent)
      let joined = lines.joined(separator: "\n" + String(repeating: " ", count: indent))
      return first + gap + joined + "\n"
    }.joined()
  }

  private func wrapped(_ text: String, _ width: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ") {
      if !line.isEmpty, line.count + 1 + word.count > width {
        lines.append(line)
        line = ""
      }
      line += line.isEmpty ? String(word) : " \(word)"
    }
    return lines + [line]
  }
}
