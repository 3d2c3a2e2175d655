/// An option of a command, as the parser and the help text need it.
package struct OptionSpec: Sendable {
  /// All spellings, dashes included; the long one that names it comes first.
  package let names: [String]
  /// What its value is called in the help text; nil: it takes none.
  package let value: String?
  package let help: String

  package init(_ names: String..., value: String? = nil, help: String) {
    self.names = names
    self.value = value
    self.help = help
  }

  package var takesValue: Bool { value != nil }
  package var name: String { names[0] }
}

/// A word that a command takes after its name.
package struct OperandSpec: Sendable {
  package let name: String
  package let isRequired: Bool
  /// Whether it may be given more than once. Only the last one of a command may.
  package let isRepeated: Bool
  package let help: String

  package init(_ name: String, required: Bool = true, repeated: Bool = false, help: String) {
    self.name = name
    self.isRequired = required
    self.isRepeated = repeated
    self.help = help
  }
}

/// One command: what it is called, what it takes and what it does.
package struct CommandSpec: Sendable {
  /// Its words, such as `assign` or `job status`.
  package let name: String
  package let aliases: [String]
  /// One line.
  package let summary: String
  /// More lines for its own help text.
  package let details: String
  package let operands: [OperandSpec]
  package let options: [OptionSpec]
  /// Common options, by name, that it does not take.
  let excludedOptions: [String]
  package let examples: [String]
  package let run: @Sendable (Invocation) async throws -> Void

  package init(
    _ name: String, aliases: [String] = [], summary: String, details: String = "",
    operands: [OperandSpec] = [], options: [OptionSpec] = [], excludedOptions: [String] = [],
    examples: [String] = [],
    run: @escaping @Sendable (Invocation) async throws -> Void
  ) {
    self.name = name
    self.aliases = aliases
    self.summary = summary
    self.details = details
    self.operands = operands
    self.options = options
    self.excludedOptions = excludedOptions
    self.examples = examples
    self.run = run
  }

  var words: [String] { name.split(separator: " ").map(String.init) }
}

/// A program with its commands, in the order in which the help text lists them.
package struct ToolSpec: Sendable {
  package let name: String
  package let summary: String
  /// Groups of commands under a heading.
  package let groups: [(heading: String, commands: [CommandSpec])]
  /// What every command takes that does not exclude it.
  package let commonOptions: [OptionSpec]

  package init(
    name: String, summary: String, groups: [(heading: String, commands: [CommandSpec])],
    commonOptions: [OptionSpec]
  ) {
    self.name = name
    self.summary = summary
    self.groups = groups
    self.commonOptions = commonOptions + [Self.help]
  }

  package var commands: [CommandSpec] { groups.flatMap(\.commands) }

  /// What a command takes, its own options first; one of its own stands for a common one of the same name.
  func options(of command: CommandSpec) -> [OptionSpec] {
    let taken = command.options.map(\.name) + command.excludedOptions
    return command.options + commonOptions.filter { !taken.contains($0.name) }
  }

  static let help = OptionSpec("--help", "-h", help: "Show this help and exit.")
}
