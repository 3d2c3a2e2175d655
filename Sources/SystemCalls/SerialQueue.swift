internal import Dispatch
internal import Synchronization

/// Runs what it is given one after the other, actors among it: a Dispatch queue (``DispatchQueueExecutor``), or a
/// thread with a loop of its own (``EventLoop``).
public protocol SerialQueue: SerialExecutor {
  /// Runs the body after all that was given before.
  func async(_ body: @escaping @Sendable () -> Void)

  /// Runs the body when a time has come, unless nobody holds the queue any more by then.
  func async(at time: MonotonicTime, _ body: @escaping @Sendable () -> Void)

  /// For tasks that should do here also what belongs to no actor, such as going on after a wait; nil where they can't.
  /// A task that prefers it must hold the queue until its end.
  ///
  /// With it the runtime may take a turn here before a method of an actor begins, and before the body of
  /// `withCheckedContinuation`: what must be one step belongs into one function that does not wait, or into that body.
  var taskExecutor: (any TaskExecutor)? { get }
}

/// Work for one queue, which returns what is to be done afterwards on the queue that it came from.
public typealias RoundTrip = @Sendable () -> @Sendable () -> Void

extension SerialQueue {
  /// Runs the body there and waits for its result. Not to be called there.
  public func sync<Value: Sendable, Failure: Error>(
    _ body: @escaping @Sendable () throws(Failure) -> Value
  ) throws(Failure) -> Value {
    let outcome = Outcome<Value, Failure>()
    let done = DispatchSemaphore(value: 0)
    async {
      do throws(Failure) { outcome.set(.success(try body())) } catch { outcome.set(.failure(error)) }
      done.signal()
    }
    done.wait()
    return try outcome.get()
  }
}

/// Carries a result from one thread to another.
private final class Outcome<Value: Sendable, Failure: Error>: Sendable {
  private let result = Mutex<Result<Value, Failure>?>(nil)

  func set(_ new: Result<Value, Failure>) { result.withLock { $0 = new } }

  /// Assumes that it was set.
  func get() throws(Failure) -> Value {
    guard let result = result.withLock({ $0 }) else { preconditionFailure("the queue did not run the body") }
    return try result.get()
  }
}
