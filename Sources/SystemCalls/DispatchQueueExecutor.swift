public import Dispatch

/// Runs actors on a Dispatch serial queue, so that handlers of dispatch sources on that queue may enter
/// an actor with `assumeIsolated`. (Linux has no `DispatchSerialQueue`.)
public final class DispatchQueueExecutor: SerialQueue {
  public let queue: DispatchQueue

  /// - Parameter label: names the queue in debuggers.
  /// - Parameter hasOwnThread: whether it has a thread of its own whenever it is busy, so that it goes on while
  ///   all others are busy too. The others share as many threads as there are processors. What blocks needs one.
  public init(label: String, hasOwnThread: Bool = false) {
    queue = DispatchQueue(label: label, target: hasOwnThread ? nil : .global())
  }

  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let executor = asUnownedSerialExecutor()
    queue.async { job.runSynchronously(on: executor) }
  }

  public func async(_ body: @escaping @Sendable () -> Void) { queue.async(execute: body) }

  public func async(at time: MonotonicTime, _ body: @escaping @Sendable () -> Void) {
    queue.asyncAfter(deadline: .now() + max(0, time.secondsLeft), execute: body)
  }

  public var taskExecutor: (any TaskExecutor)? { nil }

  public func checkIsolated() { dispatchPrecondition(condition: .onQueue(queue)) }

  public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
}
