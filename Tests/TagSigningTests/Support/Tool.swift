import Foundation

/// Runs a program to its end, with nothing of the test run's own environment but `PATH`.
struct Tool {
  struct Result {
    let status: Int32
    let output: [UInt8]
    let errors: String

    var succeeded: Bool { status == 0 }
    var text: String { String(decoding: output, as: UTF8.self) }
  }

  let folder: TemporaryFolder
  var environment: [String: String] = [:]

  func run(_ program: String, _ arguments: [String], input: [UInt8] = []) throws -> Result {
    let id = UUID().uuidString
    let names = ["in", "out", "err"].map { "\(folder.path)/\(id).\($0)" }
    defer { names.forEach { unlink($0) } }
    try Data(input).write(to: URL(fileURLWithPath: names[0]))
    let status = try spawn(["/usr/bin/env", program] + arguments, names)
    return Result(
      status: status, output: Array(try Data(contentsOf: URL(fileURLWithPath: names[1]))),
      errors: String(decoding: try Data(contentsOf: URL(fileURLWithPath: names[2])), as: UTF8.self))
  }

  /// Like `run`, and throws when the program fails.
  @discardableResult
  func expect(_ program: String, _ arguments: [String], input: [UInt8] = []) throws -> Result {
    let result = try run(program, arguments, input: input)
    if !result.succeeded { throw Problem("\(program) \(arguments): \(result.errors)\(result.text)") }
    return result
  }

  private func spawn(_ words: [String], _ names: [String]) throws -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, names[0], O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, names[1], O_WRONLY | O_CREAT, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, names[2], O_WRONLY | O_CREAT, 0o600)
    var arguments = words.map { strdup($0) } + [nil]
    var variables = allVariables.map { strdup("\($0)=\($1)") } + [nil]
    defer { (arguments + variables).forEach { free($0) } }
    var child: pid_t = 0
    let error = posix_spawn(&child, words[0], &actions, nil, &arguments, &variables)
    if error != 0 { throw Problem("posix_spawn: \(error)") }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 {
      if errno != EINTR { throw Problem("waitpid: \(errno)") }
    }
    return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
  }

  private var allVariables: [String: String] {
    let own = [
      "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin", "HOME": folder.path,
      "LC_ALL": "C.UTF-8", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
    ]
    return own.merging(environment) { $1 }
  }
}
