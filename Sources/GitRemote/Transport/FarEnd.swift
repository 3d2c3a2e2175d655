internal import SystemCalls

/// Whoever speaks at the other end of a ``StreamConnection``.
protocol FarEnd: AnyObject {
  /// How it ended, for people; nil where it has not by then.
  func end(by deadline: MonotonicTime) -> String?
  /// Ends it; its conversation is over already. Once, and only where it has not ended.
  func stop()
}

/// A child process.
final class RunningCommand: FarEnd {
  private let child: ChildProcess
  private let mayDie: Bool
  private var exit: ChildExit?

  init(
    _ command: ChildCommand, _ operation: String, _ conversation: borrowing FileDescriptor,
    _ errors: borrowing FileDescriptor
  ) throws(GitRemoteError) {
    mayDie = command.diesWithParent
    let stream = conversation.rawValue
    do throws(SystemCallError) {
      child = try ChildProcess.spawn(command, descriptors: [stream, stream, errors.rawValue])
    } catch {
      throw GitRemoteError(operation, error)
    }
  }

  func end(by deadline: MonotonicTime) -> String? {
    if exit == nil { exit = try? child.wait(until: deadline) }
    return exit.map { "the program \($0)" }
  }

  /// A program that may die with this one has nothing to finish either.
  func stop() { exit = child.endTree(within: 2, childFirst: mayDie) }
}
