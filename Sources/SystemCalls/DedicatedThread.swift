internal import CSystem
internal import Dispatch
internal import Glibc
internal import Synchronization

/// A thread that lives as long as the process and runs what it is given, one after the other.
///
/// For what the kernel ties to a thread: `PR_SET_PDEATHSIG` kills a child when the thread that started it
/// ends, and Dispatch ends its threads when they are idle (prctl(2), "Warning").
public final class DedicatedThread: Sendable {
  /// Starts the children that are to die with this process.
  public static let forChildren = DedicatedThread()

  private let work = Mutex<[@Sendable () -> Void]>([])
  private let available = DispatchSemaphore(value: 0)

  private init() {
    Self.start { [self] in run() }
  }

  /// Starts a thread that never ends, which gets no signals: those are for threads that expect them.
  static func start(_ body: @escaping @Sendable () -> Never) {
    let box = Unmanaged.passRetained(ThreadBody(body))
    var (all, before) = (sigset_t(), sigset_t())
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    var thread = pthread_t()
    let result = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        Unmanaged<ThreadBody>.fromOpaque(argument).takeUnretainedValue().run()
      }, box.toOpaque())
    precondition(result == 0, "pthread_create: \(Errno(rawValue: result))")
    pthread_detach(thread)
  }

  private func run() -> Never {
    while true {
      available.wait()
      let next = work.withLock { $0.isEmpty ? nil : $0.removeFirst() }
      next?()
    }
  }

  /// Runs the body on the thread and waits for its result.
  public func sync<Value: Sendable, Failure: Error>(
    _ body: @escaping @Sendable () throws(Failure) -> Value
  ) throws(Failure) -> Value {
    let outcome = OutcomeBox<Value, Failure>()
    let done = DispatchSemaphore(value: 0)
    work.withLock { work in
      work.append {
        do throws(Failure) { outcome.set(.success(try body())) } catch { outcome.set(.failure(error)) }
        done.signal()
      }
    }
    available.signal()
    done.wait()
    return try outcome.get()
  }
}

private final class ThreadBody: Sendable {
  let run: @Sendable () -> Never

  init(_ run: @escaping @Sendable () -> Never) { self.run = run }
}

/// Carries a result from one thread to another.
private final class OutcomeBox<Value: Sendable, Failure: Error>: Sendable {
  private let result = Mutex<Result<Value, Failure>?>(nil)

  func set(_ new: Result<Value, Failure>) { result.withLock { $0 = new } }

  /// Assumes that it was set.
  func get() throws(Failure) -> Value {
    guard let result = result.withLock({ $0 }) else { preconditionFailure("the thread did not answer") }
    return try result.get()
  }
}
