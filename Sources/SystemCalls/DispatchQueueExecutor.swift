public import Dispatch

/// Runs an actor on a Dispatch serial queue, so that handlers of dispatch sources on that queue may enter
/// the actor with `assumeIsolated`. (Linux has no `DispatchSerialQueue`.)
public final class DispatchQueueExecutor: SerialExecutor {
  public let queue: DispatchQueue

  /// - Parameter label: names the queue in debuggers.
  /// - Parameter hasOwnThread: whether it has a thread of its own whenever it is busy, so that it goes on while
  ///   all others are busy too. The others share as many threads as there are processors: with a thread each, many
  ///   connections spend more time on changing threads than on their work. What blocks belongs on neither.
  public init(label: String, hasOwnThread: Bool = false) {
    queue = DispatchQueue(label: label, target: hasOwnThread ? nil : .global())
  }

  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let executor = asUnownedSerialExecutor()
    queue.async { job.runSynchronously(on: executor) }
  }

  public func checkIsolated() { dispatchPrecondition(condition: .onQueue(queue)) }

  public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
}
