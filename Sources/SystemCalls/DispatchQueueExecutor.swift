public import Dispatch

/// Runs an actor on a Dispatch serial queue, so that handlers of dispatch sources on that queue may enter
/// the actor with `assumeIsolated`. (Linux has no `DispatchSerialQueue`.)
public final class DispatchQueueExecutor: SerialExecutor {
  public let queue: DispatchQueue

  /// - Parameter label: names the queue in debuggers.
  /// - Parameter target: the queue on whose threads it runs; nil for the system's default.
  public init(label: String, target: DispatchQueue? = nil) {
    queue = DispatchQueue(label: label, target: target)
  }

  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let executor = asUnownedSerialExecutor()
    queue.async { job.runSynchronously(on: executor) }
  }

  public func checkIsolated() { dispatchPrecondition(condition: .onQueue(queue)) }

  public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
}
