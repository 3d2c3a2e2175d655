internal import Synchronization
public import SystemCalls

/// Running other programs in tests.
public enum Program {
  public struct Failure: Error, CustomStringConvertible {
    public let description: String
  }

  /// What a program said.
  public struct Output: Sendable {
    public let exit: ChildExit
    public let standardOutput: [UInt8]
    public let standardError: [UInt8]

    public var text: String { String(decoding: standardOutput, as: UTF8.self) }
    public var errorText: String { String(decoding: standardError, as: UTF8.self) }
  }

  /// Where a program is; looked for in `PATH` and in the administrators' directories.
  public static func path(_ name: String) throws -> String {
    if name.hasPrefix("/") { return name }
    let path = ThisProcess.environment("PATH") ?? ""
    for directory in path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin", "/usr/bin", "/bin"]
    {
      if try Files.kind(of: "\(directory)/\(name)") == .file { return "\(directory)/\(name)" }
    }
    throw Failure(description: "the program \(name) is not installed; Tests/run.sh installs what tests need")
  }

  /// Runs a program to its end, at most 120 seconds; its input is read from memory.
  public static func run(
    _ name: String, _ arguments: [String], in directory: String? = nil, environment: [String] = [],
    input: [UInt8] = []
  ) throws -> Output {
    let standardInput = try TemporaryFile(input)
    let output = try TemporaryFile([])
    let errors = try TemporaryFile([])
    let command = ChildCommand(
      executable: try path(name), arguments: arguments, environment: try baseEnvironment() + environment,
      workingDirectory: directory)
    let child = try ChildProcess.spawn(
      command,
      descriptors: [
        standardInput.descriptor.rawValue, output.descriptor.rawValue, errors.descriptor.rawValue,
      ])
    guard let exit = try child.wait(until: .after(seconds: 120)) else {
      child.killTree()
      throw Failure(description: "\(name) \(arguments) did not end within 120 seconds")
    }
    return Output(exit: exit, standardOutput: try output.content(), standardError: try errors.content())
  }

  /// Runs a program that must succeed.
  @discardableResult
  public static func check(
    _ name: String, _ arguments: [String], in directory: String? = nil, environment: [String] = [],
    input: [UInt8] = []
  ) throws -> String {
    let output = try run(name, arguments, in: directory, environment: environment, input: input)
    guard output.exit == .exited(code: 0) else {
      throw Failure(description: "\(name) \(arguments) \(output.exit): \(output.errorText)")
    }
    return output.text
  }

  /// Starts a program that stays; its output goes to a file.
  public static func start(_ name: String, _ arguments: [String], log: String, environment: [String] = [])
    throws
    -> RunningProgram
  {
    let file = try Files.open(log, flags: 0o2101, mode: 0o644)
    let command = ChildCommand(
      executable: try path(name), arguments: arguments, environment: try baseEnvironment() + environment)
    let child = try ChildProcess.spawn(command, descriptors: [-1, file.rawValue, file.rawValue])
    return RunningProgram(child: child, log: log)
  }

  /// Nothing of the tester's own configuration reaches the programs, but what `Tests/run.sh --sanitize` says.
  static func baseEnvironment() throws -> [String] {
    let path = ThisProcess.environment("PATH") ?? "/usr/bin:/bin"
    let sanitizers = ["ASAN_OPTIONS", "TSAN_OPTIONS"].compactMap { name in
      ThisProcess.environment(name).map { "\(name)=\($0)" }
    }
    return [
      "PATH=\(path):/usr/sbin:/sbin", "HOME=/nonexistent", "LC_ALL=C.UTF-8", "GIT_CONFIG_NOSYSTEM=1",
      "GIT_CONFIG_GLOBAL=/dev/null",
    ] + sanitizers
  }
}

/// A program that was started and ends with this value, by its process number.
public final class RunningProgram: Sendable {
  /// To be signalled; waiting for its end is this value's.
  public let child: ChildProcess
  public let log: String
  private let end = Mutex<ChildExit?>(nil)

  init(child: ChildProcess, log: String) {
    self.child = child
    self.log = log
  }

  /// A number that was reaped may be somebody else's by now.
  deinit { if end.withLock({ $0 == nil }) { child.killTree() } }

  /// Waits for its end, but not longer than until the deadline; nil when it passed.
  public func wait(until deadline: MonotonicTime) throws -> ChildExit? {
    try end.withLock { end in
      if end == nil { end = try child.wait(until: deadline) }
      return end
    }
  }

  /// What it wrote so far.
  public var output: String { String(decoding: (try? Files.read(log, limit: 64 << 20)) ?? [], as: UTF8.self) }
}

/// A file without a name.
private final class TemporaryFile {
  let descriptor: FileDescriptor
  private let path: String

  init(_ content: [UInt8]) throws {
    let name = try ThisProcess.randomBytes(8).map { String($0, radix: 36) }.joined()
    path = "/tmp/sk-file-\(name)"
    let writer = try Files.open(path, flags: 0o102, mode: 0o600)
    try writer.writeAll(content)
    descriptor = try Files.open(path, flags: 0o2)
  }

  func content() throws -> [UInt8] { try Files.read(path, limit: 1 << 30) }

  deinit { try? Files.remove(path) }
}
