internal import CSystem
internal import Glibc

/// A program to start.
public struct ChildCommand: Sendable {
  /// An absolute path.
  public var executable: String
  /// Without the program's own name.
  public var arguments: [String]
  /// The whole environment, `NAME=value`; nothing is inherited.
  public var environment: [String]
  /// Nil: the parent's.
  public var workingDirectory: String?
  /// A new process group of which the child is the leader, so that a kill reaches its children too.
  public var newProcessGroup: Bool
  /// The kernel kills the program, alone, when the thread that started it ends (prctl(2), `PR_SET_PDEATHSIG`). Only
  /// for a command in the parent's working directory and process group.
  public var diesWithParent = false

  public init(
    executable: String, arguments: [String] = [], environment: [String] = [],
    workingDirectory: String? = nil, newProcessGroup: Bool = true
  ) {
    self.executable = executable
    self.arguments = arguments
    self.environment = environment
    self.workingDirectory = workingDirectory
    self.newProcessGroup = newProcessGroup
  }
}

/// How a child ended.
public enum ChildExit: Equatable, Sendable, CustomStringConvertible {
  case exited(code: Int32)
  case killed(signal: Int32)

  public var description: String {
    switch self {
    case .exited(let code): "exited with status \(code)"
    case .killed(let signal): "was ended by signal \(signal)"
    }
  }
}

/// What a child can be told.
public enum Signal: Sendable {
  /// End in your own way: `SIGTERM`.
  case terminate
  /// End now: `SIGKILL`.
  case kill

  var number: Int32 { self == .terminate ? SIGTERM : SIGKILL }
}

/// A running child. It must be reaped: ``wait()`` or ``poll()`` until it reports the end.
public struct ChildProcess: Sendable, Hashable {
  public let pid: Int32

  /// Starts a program. C: `posix_spawn`, or `vfork` where it is to die with its parent.
  ///
  /// The child starts with default signal actions, an empty signal mask and no descriptors but the given ones.
  ///
  /// - Parameter descriptors: what the child's descriptors 0, 1, 2, … are; -1 is `/dev/null`.
  public static func spawn(
    _ command: ChildCommand, descriptors: [Int32]
  ) throws(SystemCallError) -> ChildProcess {
    let moved = try liftAbove(descriptors)
    defer { for case let number? in moved { _ = close(number) } }
    if command.diesWithParent { return try spawnMortal(command, descriptors: moved.map { $0 ?? -1 }) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (target, source) in moved.enumerated() {
      if let source {
        posix_spawn_file_actions_adddup2(&actions, source, Int32(target))
      } else {
        posix_spawn_file_actions_addopen(&actions, Int32(target), "/dev/null", O_RDWR, 0)
      }
    }
    posix_spawn_file_actions_addclosefrom_np(&actions, Int32(descriptors.count))
    if let directory = command.workingDirectory {
      posix_spawn_file_actions_addchdir_np(&actions, directory)
    }
    return try spawn(command, actions: &actions)
  }

  /// Copies the descriptors above the numbers that the child will use, so that placing one cannot
  /// overwrite another.
  private static func liftAbove(_ descriptors: [Int32]) throws(SystemCallError) -> [Int32?] {
    var moved: [Int32?] = []
    for descriptor in descriptors {
      guard descriptor >= 0 else {
        moved.append(nil)
        continue
      }
      do throws(SystemCallError) {
        moved.append(
          try systemCall("fcntl F_DUPFD_CLOEXEC") {
            fcntl(descriptor, F_DUPFD_CLOEXEC, max(10, Int32(descriptors.count)))
          })
      } catch {
        for case let number? in moved { _ = close(number) }
        throw error
      }
    }
    return moved
  }

  private static func spawn(
    _ command: ChildCommand, actions: inout posix_spawn_file_actions_t
  ) throws(SystemCallError) -> ChildProcess {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var all = sigset_t()
    var none = sigset_t()
    sigfillset(&all)
    sigemptyset(&none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setpgroup(&attributes, 0)
    let group = command.newProcessGroup ? POSIX_SPAWN_SETPGROUP : 0
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | group))
    var pid: pid_t = 0
    let result = withCStrings([command.executable] + command.arguments) { arguments in
      withCStrings(command.environment) { environment in
        posix_spawn(&pid, command.executable, &actions, &attributes, arguments, environment)
      }
    }
    if result != 0 { throw SystemCallError(Errno(rawValue: result), "start \"\(command.executable)\"") }
    return ChildProcess(pid: pid)
  }

  private static func spawnMortal(
    _ command: ChildCommand, descriptors: [Int32]
  ) throws(SystemCallError) -> ChildProcess {
    precondition(command.workingDirectory == nil && !command.newProcessGroup)
    var pid: pid_t = 0
    let result = withCStrings([command.executable] + command.arguments) { arguments in
      withCStrings(command.environment) { environment in
        stagekeeper_spawn_mortal(
          &pid, command.executable, arguments, environment, descriptors, Int32(descriptors.count))
      }
    }
    if result != 0 { throw SystemCallError(Errno(rawValue: result), "start \"\(command.executable)\"") }
    return ChildProcess(pid: pid)
  }

  /// Waits for the end. C: `waitpid`.
  public func wait() throws(SystemCallError) -> ChildExit {
    var status: Int32 = 0
    let pid = pid
    try systemCall("waitpid") { waitpid(pid, &status, 0) }
    return ChildExit(status: status)
  }

  /// The end if it has come, without waiting. C: `waitpid` with `WNOHANG`.
  public func poll() throws(SystemCallError) -> ChildExit? {
    var status: Int32 = 0
    let pid = pid
    let result = try systemCall("waitpid") { waitpid(pid, &status, WNOHANG) }
    return result == 0 ? nil : ChildExit(status: status)
  }

  /// Waits for the end, but not longer than until the deadline; nil when it passed. Looks every millisecond.
  public func wait(until deadline: MonotonicTime) throws(SystemCallError) -> ChildExit? {
    while true {
      if let exit = try poll() { return exit }
      if deadline.hasPassed { return nil }
      usleep(1000)
    }
  }

  /// Signals the child's process group, if it leads one, and the child. C: `kill`.
  ///
  /// Call it only before the child was reaped: afterwards the number may be somebody else's.
  public func send(_ signal: Signal) {
    _ = Glibc.kill(-pid, signal.number)
    _ = Glibc.kill(pid, signal.number)
  }
}

extension ChildExit {
  fileprivate init(status: Int32) {
    self =
      stagekeeper_exited(status) != 0
      ? .exited(code: stagekeeper_exit_code(status)) : .killed(signal: stagekeeper_term_signal(status))
  }
}

/// Calls the body with a null-terminated array of C strings, valid during the call.
private func withCStrings<Result>(
  _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
) -> Result {
  let pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
  defer { for pointer in pointers { free(pointer) } }
  return body(pointers)
}
