import Testing

@testable import CommandLineTool

/// What a command line becomes, with the commands of `stagekeeper` itself.
@Suite struct ArgumentParserTests {
  private let parser = ArgumentParser(tool: StagekeeperTool.spec)

  private func parse(_ line: String) throws -> (command: String, arguments: ParsedArguments) {
    let words = line.split(separator: " ").map(String.init)
    guard case .run(let command, let arguments) = try parser.parse(words) else {
      throw UsageError("no command: \(line)")
    }
    return (command.name, arguments)
  }

  @Test(arguments: [
    "assign churn --version v1.0.0 --stage prod -m hi --force",
    "--version v1.0.0 --stage prod -m hi --force assign churn",
    "--stage=prod assign --version=v1.0.0 -mhi churn --force",
    "promote --force --stage prod --version v1.0.0 --message=hi -- churn",
    "-m hi --force assign --stage prod churn --version v1.0.0",
  ])
  func optionsStandAnywhere(_ line: String) throws {
    let (command, arguments) = try parse(line)
    #expect(command == "assign")
    #expect(arguments.operands == ["churn"])
    #expect(arguments.value("--version") == "v1.0.0")
    #expect(arguments.value("--stage") == "prod")
    #expect(arguments.value("--message") == "hi")
    #expect(arguments.has("--force"))
  }

  /// `--version` names a value in one command and is a switch in another.
  @Test func sameNameDifferentArity() throws {
    let before = try parse("--version show churn")
    #expect(before.command == "show" && before.arguments.operands == ["churn"])
    #expect(before.arguments.has("--version"))
    let after = try parse("show churn --version --repo demo")
    #expect(after.arguments.has("--version") && after.arguments.value("--repo") == "demo")
  }

  @Test func groupsOfCommands() throws {
    let (command, arguments) = try parse("job --socket /s wait 12 --timeout 5")
    #expect(command == "job wait" && arguments.operands == ["12"])
    #expect(arguments.value("--socket") == "/s")
  }

  @Test(arguments: ["job --help", "job -h", "help job", "--help job", "job --socket /s --help"])
  func helpOfAGroupListsItsCommands(_ line: String) throws {
    let words = line.split(separator: " ").map(String.init)
    guard case .groupHelp(let word) = try parser.parse(words) else { throw UsageError("no help: \(line)") }
    #expect(word == "job")
    let text = HelpText(tool: StagekeeperTool.spec).group(word)
    for command in ["job status", "job wait", "job cancel", "job list"] {
      #expect(text.contains("  \(command) "), "\(text)")
    }
    #expect(!text.contains("assign"))
  }

  /// A job's id says which repository it is of.
  @Test func helpOffersARepositoryWhereItMeansSomething() throws {
    let help = HelpText(tool: StagekeeperTool.spec)
    let without = ["job status", "job wait", "job cancel", "approve", "reject", "whoami"]
    for command in StagekeeperTool.spec.commands {
      let text = help.command(command)
      #expect(text.contains("STAGEKEEPER_REPO") == !without.contains(command.name), "\(text)")
      #expect(text.occurrences(of: "--repo ID") <= 1, "\(text)")
    }
    #expect(throws: UsageError.self) { try parse("job status 7 --repo demo") }
    #expect(try parse("job list -r demo").arguments.value("--repo") == "demo")
  }

  @Test func shortOptions() throws {
    let (_, arguments) = try parse("-rdemo show -d churn")
    #expect(arguments.value("--repo") == "demo" && arguments.has("--deprecated"))
    #expect(arguments.operands == ["churn"])
  }

  @Test func everythingAfterTwoDashesIsAnOperand() throws {
    let (_, arguments) = try parse("show -- --json")
    #expect(arguments.operands == ["--json"] && !arguments.has("--json"))
  }

  @Test func emptyValues() throws {
    let (_, arguments) = try parse("show --repo= churn")
    #expect(arguments.value("--repo")?.isEmpty == true)
  }

  @Test(arguments: [
    ("show --jsn", "there is no option --jsn", "Did you mean --json?"),
    ("asign churn", "there is no command 'asign'", "Did you mean 'assign'?"),
    ("show churn extra", "show: unexpected argument 'extra'", "Usage: stagekeeper show [OPTIONS] [NAME]"),
    (
      "register --bump-major", "register: NAME is missing",
      "Usage: stagekeeper register [OPTIONS] NAME [REF]"
    ),
    ("job", "'job' needs one more word", "Try: job status, job wait, job cancel, job list."),
    ("show --json=yes", "--json takes no value", nil),
    ("show --repo", "--repo needs a value: ID", nil),
    ("show -x", "there is no option -x", nil),
    ("--repo demo", "no command was given", "'stagekeeper --help' lists them."),
  ])
  func mistakes(_ line: String, _ message: String, _ hint: String?) {
    #expect(throws: UsageError(message, hint: hint)) { try parse(line) }
  }

  @Test(arguments: ["", "--help", "-h", "help", "--repo demo --help"])
  func overview(_ line: String) throws {
    let words = line.split(separator: " ").map(String.init)
    guard case .help(nil) = try parser.parse(words) else {
      Issue.record("no help: \(line)")
      return
    }
  }

  @Test(arguments: ["assign --help", "help assign", "help promote", "--help assign churn", "assign -h x y z"])
  func helpOfACommand(_ line: String) throws {
    let words = line.split(separator: " ").map(String.init)
    guard case .help(let command?) = try parser.parse(words) else {
      Issue.record("no help: \(line)")
      return
    }
    #expect(command.name == "assign")
  }

  @Test func versionAlone() throws {
    guard case .version = try parser.parse(["--version"]) else {
      Issue.record("not the version")
      return
    }
  }

  @Test func numbers() throws {
    let (_, arguments) = try parse("show --versions-per-stage -1 --timeout 0.5 --sort semver")
    #expect(try arguments.integer("--versions-per-stage", in: -1...10) == -1)
    #expect(try arguments.seconds("--timeout") == .milliseconds(500))
    let wrong = try parse("show --versions-per-stage -2 --timeout soon").arguments
    #expect(throws: UsageError.self) { try wrong.integer("--versions-per-stage", in: -1...10) }
    #expect(throws: UsageError.self) { try wrong.seconds("--timeout") }
  }

  /// Every command's help names all its options and keeps to 80 columns.
  @Test(arguments: StagekeeperTool.spec.commands.map(\.name))
  func helpTexts(_ name: String) throws {
    let command = try #require(StagekeeperTool.spec.commands.first { $0.name == name })
    let text = HelpText(tool: StagekeeperTool.spec).command(command)
    for option in command.options {
      for spelling in option.names { #expect(text.contains(spelling)) }
    }
    let optionLines = text.split(separator: "\n").filter {
      $0.hasPrefix("  ") && !$0.contains("stagekeeper ")
    }
    #expect(optionLines.allSatisfy { $0.count < 80 })
  }
}

extension String {
  /// How often a text is in this one.
  fileprivate func occurrences(of text: String) -> Int { ranges(of: text).count }
}
