internal import Dispatch
internal import StagekeeperClient
internal import Synchronization
internal import SystemCalls

/// A wait that a signal has ended.
struct Interruption: Error {
  /// Tells the job's id.
  let error: ClientError
  let signal: Int32

  /// What a shell shows for a program that a signal ended.
  var status: Int32 { 128 + signal }
}

/// A wait under way, and the signal that ended it.
private struct Waiting<Result: Sendable>: Sendable {
  var task: Task<Result, any Error>?
  var signal: Int32 = 0
}

/// Runs a wait that Ctrl-C, `SIGTERM` and `SIGHUP` end: it throws ``Interruption`` then. A second signal ends the process
/// at once.
func interruptible<Result: Sendable>(_ wait: @escaping @Sendable () async throws -> Result) async throws
  -> Result
{
  let waiting = Mutex(Waiting<Result>())
  let watch = InterruptWatch(queue: DispatchQueue(label: "stagekeeper.interrupts")) { signal in
    waiting.withLock { waiting in
      guard let task = waiting.task, !task.isCancelled else { ThisProcess.exit(128 + signal) }
      waiting.signal = signal
      task.cancel()
    }
  }
  defer { withExtendedLifetime(watch) {} }
  let task = Task { try await wait() }
  waiting.withLock { $0.task = task }
  do {
    return try await task.value
  } catch let error as ClientError where error.code == .cancelled {
    throw Interruption(error: error, signal: waiting.withLock { $0.signal })
  }
}
