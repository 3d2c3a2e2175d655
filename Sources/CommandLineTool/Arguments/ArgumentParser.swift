internal import StrictJSON

/// What a command line asks for.
enum ParsedCommandLine {
  case run(CommandSpec, ParsedArguments)
  /// The help text of a command, or (nil) of the program.
  case help(CommandSpec?)
  /// The help text of the commands whose first word this is.
  case groupHelp(String)
  case version
}

/// Finds the command, then reads everything around it as that command's options and operands: options may
/// stand before or after the command's name, as `--name VALUE`, `--name=VALUE`, `-n VALUE` or `-nVALUE`, and
/// `--` ends them.
struct ArgumentParser {
  let tool: ToolSpec

  func parse(_ arguments: [String]) throws(UsageError) -> ParsedCommandLine {
    guard let found = try findCommand(arguments) else { return try withoutCommand(arguments) }
    if found.command.isEmpty { return try helpCommand(found.rest) }
    guard let command = command(named: found.command) else {
      if isGroup([found.command]), found.rest.contains(where: { ["--help", "-h"].contains($0) }) {
        return .groupHelp(found.command)
      }
      throw unknownCommand(found.command)
    }
    let parsed = try parseRest(found.rest, of: command)
    if parsed.has("--help") { return .help(command) }
    try check(parsed.operands, of: command)
    return .run(command, parsed)
  }

  private func withoutCommand(_ arguments: [String]) throws(UsageError) -> ParsedCommandLine {
    if arguments.isEmpty { return .help(nil) }
    if arguments.contains("--help") || arguments.contains("-h") { return .help(nil) }
    if arguments.contains("--version") { return .version }
    let known = Set(allOptions.flatMap(\.names))
    if let option = arguments.first(where: { $0.hasPrefix("-") && !known.contains(optionName($0)) }) {
      throw unknownOption(optionName(option), among: allOptions + [OptionSpec("--version", help: "")])
    }
    throw UsageError("no command was given", hint: "'\(tool.name) --help' lists them.")
  }

  private func helpCommand(_ words: [String]) throws(UsageError) -> ParsedCommandLine {
    let words = words.filter { !$0.hasPrefix("-") }
    if words.isEmpty { return .help(nil) }
    let name = words.joined(separator: " ")
    if let command = command(named: name) ?? command(named: words[0]) { return .help(command) }
    if isGroup([words[0]]), words.count == 1 { return .groupHelp(name) }
    throw unknownCommand(name)
  }

  private func command(named name: String) -> CommandSpec? {
    tool.commands.first { $0.name == name || $0.aliases.contains(name) }
  }

  // MARK: Finding the command

  private struct FoundCommand {
    /// Its words joined by a space; empty for `help`.
    let command: String
    let rest: [String]
  }

  /// The first word that is neither an option nor the value of one; for a command of two words the next
  /// such word too.
  private func findCommand(_ arguments: [String]) throws(UsageError) -> FoundCommand? {
    var rest: [String] = []
    var words: [String] = []
    var index = 0
    while index < arguments.count {
      let argument = arguments[index]
      index += 1
      if argument == "--" { return finish(words, rest + arguments[(index - 1)...]) }
      rest.append(argument)
      if argument.hasPrefix("-"), argument != "-" {
        if index < arguments.count, takesNext(argument, arguments[index]) {
          rest.append(arguments[index])
          index += 1
        }
        continue
      }
      rest.removeLast()
      words.append(argument)
      if !isGroup(words) { return finish(words, rest + arguments[index...]) }
    }
    return finish(words, rest)
  }

  private func finish(_ words: [String], _ rest: [String]) -> FoundCommand? {
    if words.isEmpty { return nil }
    if words == ["help"] { return FoundCommand(command: "", rest: rest) }
    return FoundCommand(command: words.joined(separator: " "), rest: rest)
  }

  /// Whether more words must follow to name a command.
  private func isGroup(_ words: [String]) -> Bool {
    words.count == 1 && tool.commands.contains { $0.words.count == 2 && $0.words[0] == words[0] }
  }

  /// Whether an option that stands before the command takes the next argument. Some names take a value in
  /// one command and none in another; then a command's name is never a value.
  private func takesNext(_ argument: String, _ next: String) -> Bool {
    if argument.hasPrefix("--"), argument.contains("=") { return false }
    if !argument.hasPrefix("--"), argument.utf8.count > 2 { return false }
    let meant = allOptions.filter { $0.names.contains(argument) }
    if meant.allSatisfy(\.takesValue) { return !meant.isEmpty }
    return meant.contains(where: \.takesValue) && !isCommandWord(next) && !next.hasPrefix("-")
  }

  private func isCommandWord(_ word: String) -> Bool {
    word == "help" || tool.commands.contains { $0.words[0] == word || $0.aliases.contains(word) }
  }

  private var allOptions: [OptionSpec] { tool.commonOptions + tool.commands.flatMap(\.options) }

  // MARK: Reading its arguments

  private func parseRest(
    _ arguments: [String], of command: CommandSpec
  ) throws(UsageError) -> ParsedArguments {
    var parsed = ParsedArguments()
    var remaining = arguments[...]
    let options = tool.options(of: command)
    while let argument = remaining.popFirst() {
      if argument == "--" {
        parsed.operands += remaining
        break
      } else if argument.hasPrefix("--") {
        try long(argument, options, &remaining, &parsed)
      } else if argument.hasPrefix("-"), argument != "-" {
        try short(argument, options, &remaining, &parsed)
      } else {
        parsed.operands.append(argument)
      }
    }
    return parsed
  }

  private func long(
    _ argument: String, _ options: [OptionSpec], _ remaining: inout ArraySlice<String>,
    _ parsed: inout ParsedArguments
  ) throws(UsageError) {
    let name = optionName(argument)
    guard let option = options.first(where: { $0.names.contains(name) }) else {
      throw unknownOption(name, among: options)
    }
    let attached = name == argument ? nil : String(argument.dropFirst(name.count + 1))
    if !option.takesValue {
      if attached != nil { throw UsageError("\(name) takes no value") }
      return parsed.set(option, "")
    }
    guard let value = attached ?? remaining.popFirst() else { throw missingValue(name, option) }
    parsed.set(option, value)
  }

  /// `-m VALUE`, `-mVALUE`, or several that take no value: `-dh`.
  private func short(
    _ argument: String, _ options: [OptionSpec], _ remaining: inout ArraySlice<String>,
    _ parsed: inout ParsedArguments
  ) throws(UsageError) {
    var letters = argument.dropFirst()
    while let letter = letters.popFirst() {
      let name = "-\(letter)"
      guard let option = options.first(where: { $0.names.contains(name) }) else {
        throw unknownOption(name, among: options)
      }
      if option.takesValue {
        guard let value = letters.isEmpty ? remaining.popFirst() : String(letters) else {
          throw missingValue(name, option)
        }
        return parsed.set(option, value)
      }
      parsed.set(option, "")
    }
  }

  private func check(_ operands: [String], of command: CommandSpec) throws(UsageError) {
    if let missing = command.operands.dropFirst(operands.count).first(where: \.isRequired) {
      throw UsageError("\(command.name): \(missing.name) is missing", hint: usageHint(command))
    }
    let isOpenEnded = command.operands.last?.isRepeated ?? false
    if !isOpenEnded, operands.count > command.operands.count {
      throw UsageError(
        "\(command.name): unexpected argument '\(operands[command.operands.count])'",
        hint: usageHint(command))
    }
  }

  // MARK: Errors

  private func optionName(_ argument: String) -> String {
    guard argument.hasPrefix("--") else { return argument }
    return argument.firstIndex(of: "=").map { String(argument[..<$0]) } ?? argument
  }

  private func missingValue(_ name: String, _ option: OptionSpec) -> UsageError {
    UsageError("\(name) needs a value: \(option.value ?? "VALUE")")
  }

  private func unknownOption(_ name: String, among options: [OptionSpec]) -> UsageError {
    let candidates = options.flatMap(\.names).filter { $0.hasPrefix("--") }
    let suggestion = name.hasPrefix("--") ? nearest(to: name, among: candidates) : nil
    return UsageError("there is no option \(name)", hint: suggestion.map { "Did you mean \($0)?" })
  }

  private func unknownCommand(_ name: String) -> UsageError {
    let names = tool.commands.flatMap { [$0.name] + $0.aliases }
    let group = names.filter { $0.hasPrefix(name + " ") }
    if !group.isEmpty {
      return UsageError("'\(name)' needs one more word", hint: "Try: \(group.joined(separator: ", ")).")
    }
    let suggestion = nearest(to: name, among: names + ["help"])
    return UsageError(
      "there is no command '\(name)'",
      hint: suggestion.map { "Did you mean '\($0)'?" } ?? "'\(tool.name) --help' lists them.")
  }

  private func usageHint(_ command: CommandSpec) -> String {
    "Usage: \(HelpText(tool: tool).usage(command))"
  }
}
