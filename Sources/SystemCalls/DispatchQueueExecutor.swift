public import Dispatch

/// Runs an actor on a Dispatch serial queue, so that handlers of dispatch sources on that queue may enter
/// the actor with `assumeIsolated`. (Linux has no `DispatchSerialQueue`.)
public final class DispatchQueueExecutor: SerialExecutor {
  public let queue: DispatchQueue

  /// - Parameter label: names the queue in debuggers.
  /// - Parameter target: the queue on whose threads it runs; nil for the shared ones, of which there are as many as
  ///   processors. A queue without a target has a thread of its own whenever it is busy, and many connections spend
  ///   more time on changing threads than on their work. What blocks has a queue of its own.
  public init(label: String, target: DispatchQueue? = nil) {
    queue = DispatchQueue(label: label, target: target ?? .global())
  }

  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let executor = asUnownedSerialExecutor()
    queue.async { job.runSynchronously(on: executor) }
  }

  public func checkIsolated() { dispatchPrecondition(condition: .onQueue(queue)) }

  public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
}
