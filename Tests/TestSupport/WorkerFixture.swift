internal import SystemCalls

/// A real `stagekeeperd` with its sockets and its state in a directory of its own.
///
/// It can be started, ended and started again on the same state. A worker that still runs when this value
/// ends is killed with all it started.
public final class WorkerFixture {
  public let directory: TemporaryDirectory
  public let clientSocket: String
  public let adminSocket: String
  public let stateDirectory: String
  /// The whole command line after the program's name.
  public let arguments: [String]
  /// A command that runs the worker, such as `prlimit` with its options; empty: it is run directly.
  public var launcher: [String] = []
  private let environment: [String]
  private var run: RunningProgram?
  private var runs = 0

  /// Starts a worker without a configuration file, for the user who runs the tests.
  public convenience init(_ repositories: KeyValuePairs<String, String>, environment: [String] = []) throws {
    try self.init(
      options: repositories.flatMap { ["--repo", "\($0.key)=\($0.value)"] }, environment: environment)
    try start()
  }

  /// Starts a worker with a configuration file.
  ///
  /// - Parameter configuration: JSON5 without sockets and state directory, which are the fixture's own;
  ///   the members of the outer object, without its braces.
  /// - Parameter adminMode, clientMode: permission bits of the sockets.
  public convenience init(
    configuration: String, clientMode: String = "0666", environment: [String] = []
  ) throws {
    let directory = try TemporaryDirectory()
    let text = """
      {
        sockets: { client: { path: "\(directory.path)/w.sock", mode: "\(clientMode)" },
                   admin: { path: "\(directory.path)/a.sock" } },
        stateDirectory: "\(directory.path)/state",
        \(configuration)
      }
      """
    let file = try directory.write("stagekeeper.json5", text)
    try self.init(directory: directory, options: ["--config", file], environment: environment)
    try start()
  }

  /// Prepares a worker that is not started yet.
  ///
  /// - Parameter options: what else is on its command line; the sockets and the state directory are added
  ///   where no configuration file names them.
  public init(directory: TemporaryDirectory? = nil, options: [String], environment: [String] = []) throws {
    let directory = try directory ?? TemporaryDirectory()
    self.directory = directory
    clientSocket = directory.appending("w.sock")
    adminSocket = directory.appending("a.sock")
    stateDirectory = directory.appending("state")
    let own = ["--state", stateDirectory, "--socket", clientSocket, "--admin-socket", adminSocket]
    arguments = options.contains("--config") ? options : options + own
    self.environment = environment
  }

  /// Starts it and waits until it says that it is ready.
  public func start() throws {
    let program = try launch()
    try Eventually.holds("the worker is ready; it said: \(program.output)") {
      if program.output.contains("stagekeeperd ready: ") { return true }
      if let exit = try program.wait(until: .now) {
        throw Program.Failure(description: "the worker \(exit): \(program.output)")
      }
      return false
    }
  }

  /// Starts it without waiting.
  public func launch() throws -> RunningProgram {
    runs += 1
    let command = launcher + [try BuiltProgram.path("stagekeeperd")] + arguments
    let program = try Program.start(
      command[0], Array(command.dropFirst()), log: directory.appending("worker-\(runs).log"),
      environment: environment)
    run = program
    return program
  }

  /// What the worker that was started last wrote.
  public var output: String { run?.output ?? "" }

  public var pid: Int32 { run?.child.pid ?? 0 }

  /// Ends it with SIGTERM.
  ///
  /// - Throws: unless it ends with status 0 and nothing that it started is left.
  public func stop() throws {
    guard let run else { return }
    let children = ProcessTable.descendants(of: run.child.pid)
    run.child.sendToItself(.terminate)
    guard let exit = try run.wait(until: .after(seconds: 60)) else {
      throw Program.Failure(description: "the worker did not stop: \(run.output)")
    }
    guard exit == .exited(code: 0) else {
      throw Program.Failure(description: "the worker \(exit): \(run.output)")
    }
    self.run = nil
    try Eventually.holds("no child of the worker is left: \(children)") {
      !children.contains(where: ProcessTable.isAlive)
    }
  }

  /// Ends it with SIGKILL, as a crash would; its children are not told.
  public func crash() throws {
    guard let run else { return }
    let children = ProcessTable.descendants(of: run.child.pid)
    run.child.sendToItself(.kill)
    _ = try run.wait(until: .after(seconds: 60))
    self.run = nil
    try Eventually.holds("the lanes die with their worker: \(children)") {
      !children.contains(where: ProcessTable.isLane)
    }
  }

  deinit {
    // RunningProgram kills what is left of it.
    run = nil
  }
}
