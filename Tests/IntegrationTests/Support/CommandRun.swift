import StrictJSON
import SystemCalls
import TestSupport

/// What one run of a command line came to.
struct CommandRun: CustomStringConvertible {
  let exit: ChildExit
  let text: String
  let errorText: String

  /// What it printed as JSON; null where it printed none.
  var json: JSONValue { (try? JSONValue(parsing: Array(text.utf8), maximumDepth: 64)) ?? .null }

  /// The error that the printed job or refusal carries.
  var error: JSONValue { json["error"] ?? .null }

  var errorCode: String? { error["code"]?.stringValue }

  /// All it said, for searching.
  var everything: String { text + errorText }

  var description: String { "\(exit): \(text) \(errorText)" }
}

extension ChildExit {
  static let success = ChildExit.exited(code: 0)
}

extension WorkerFixture {
  /// Runs `stagekeeper` with this worker's socket to its end.
  @discardableResult
  func stagekeeper(_ arguments: String..., `as` account: Account? = nil) throws -> CommandRun {
    try command("stagekeeper", ["--socket", clientSocket] + arguments, account)
  }

  /// The same with arguments that are made elsewhere.
  func stagekeeper(_ arguments: [String]) throws -> CommandRun {
    try command("stagekeeper", ["--socket", clientSocket] + arguments, nil)
  }

  /// Runs `stagekeeper`, which must succeed, and returns the JSON that it printed.
  @discardableResult
  func ask(_ arguments: String...) throws -> JSONValue { try ask(arguments) }

  @discardableResult
  func ask(_ arguments: [String]) throws -> JSONValue {
    let run = try command("stagekeeper", ["--socket", clientSocket] + arguments + ["--json"], nil)
    guard run.exit == .success else {
      throw Program.Failure("stagekeeper \(arguments) \(run); the worker said: \(output)")
    }
    return run.json
  }

  /// Runs `stagekeeper-admin` and returns the JSON that it printed.
  @discardableResult
  func administer(_ arguments: String...) throws -> JSONValue { try administer(arguments) }

  /// The same with arguments that are made elsewhere.
  func administer(_ arguments: [String]) throws -> JSONValue {
    let run = try command("stagekeeper-admin", ["--socket", adminSocket] + arguments + ["--json"], nil)
    guard run.exit == .success else {
      throw Program.Failure("stagekeeper-admin \(arguments) \(run)")
    }
    return run.json
  }

  /// Starts `stagekeeper` and does not wait.
  func begin(_ arguments: [String]) throws -> RunningProgram {
    let number = try ThisProcess.randomBytes(6).map { String($0, radix: 16) }.joined()
    return try Program.start(
      try BuiltProgram.path("stagekeeper"), ["--socket", clientSocket] + arguments,
      log: directory.appending("client-\(number).log"))
  }

  private func command(_ name: String, _ arguments: [String], _ account: Account?) throws -> CommandRun {
    let program = try BuiltProgram.path(name)
    let output =
      if let account {
        try Program.run("setpriv", account.options + [program] + arguments)
      } else {
        try Program.run(program, arguments)
      }
    return CommandRun(exit: output.exit, text: output.text, errorText: output.errorText)
  }
}

/// Who a command runs as; needs the superuser.
struct Account {
  let uid: UInt32
  let gid: UInt32
  var groups: [UInt32] = []

  var options: [String] {
    let extra =
      groups.isEmpty ? ["--clear-groups"] : ["--groups", groups.map(String.init).joined(separator: ",")]
    return ["--reuid", String(uid), "--regid", String(gid)] + extra
  }
}

extension RunningProgram {
  /// Waits for its end.
  func finish() throws -> CommandRun {
    guard let exit = try wait(until: .after(seconds: 240)) else {
      throw Program.Failure("a client did not end: \(output)")
    }
    return CommandRun(exit: exit, text: output, errorText: "")
  }
}

extension JSONValue {
  /// Reaches into arrays.
  subscript(index: Int) -> JSONValue? {
    guard let elements = arrayValue, elements.indices.contains(index) else { return nil }
    return elements[index]
  }
}
