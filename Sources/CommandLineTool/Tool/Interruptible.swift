internal import Dispatch
internal import StagekeeperClient
internal import SystemCalls

/// Runs a wait that Ctrl-C ends: the wait throws ``ClientError/Code/cancelled``, which tells the job's id. A
/// second Ctrl-C ends the process at once.
func interruptible<Result: Sendable>(_ wait: @escaping @Sendable () async throws -> Result) async throws
  -> Result
{
  let task = Task { try await wait() }
  let queue = DispatchQueue(label: "stagekeeper.interrupts")
  let watch = InterruptWatch(queue: queue) {
    if task.isCancelled { ThisProcess.exit(130) }
    task.cancel()
  }
  defer { withExtendedLifetime(watch) {} }
  return try await task.value
}
