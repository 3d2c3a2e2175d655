internal import CSystem
internal import Glibc
internal import Synchronization

/// One thread that runs actors and other work, and waits for descriptors and for the clock: between two pieces of work
/// nobody else has to be woken.
///
/// For what is told often and does little each time, such as the connections of clients, and for what the kernel ties to
/// a thread. Work that takes long, or waits, belongs elsewhere, or on a loop that does nothing else.
///
/// Ensures: work is begun in the order in which it was given; descriptors that are ready and timers take turns with it.
/// The thread ends after the last work when nobody holds this any more.
public final class EventLoop: SerialQueue {
  /// Tells the owners of descriptors whose queues are Dispatch's.
  static let forDescriptors = EventLoop(label: "descriptors")

  /// Starts the children that are to die with this process: `PR_SET_PDEATHSIG` kills a child when the thread that
  /// started it ends, and Dispatch ends its threads when they are idle (prctl(2), "Warning").
  public static let forChildren = EventLoop(label: "children")

  private let core: Core
  public let taskExecutor: (any TaskExecutor)?

  /// - Parameter label: names the thread in debuggers, with its first 15 bytes.
  public init(label: String) {
    core = Core(label: label)
    taskExecutor = LoopTaskExecutor(core)
    core.start()
  }

  deinit { core.end() }

  public func enqueue(_ job: consuming ExecutorJob) {
    core.add(.job(UnownedJob(job), self))
  }

  public func async(_ body: @escaping @Sendable () -> Void) { core.add(.body(body)) }

  public func async(at time: MonotonicTime, _ body: @escaping @Sendable () -> Void) {
    core.add(body, at: time)
  }

  public func checkIsolated() {
    precondition(core.isCurrent, "this belongs on the thread of an event loop, and is not there")
  }

  public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

  // MARK: Descriptors

  /// Has a descriptor told of, once until ``change(_:_:to:)``.
  ///
  /// - Returns: what stands for it from now on. Never used again, so that what the kernel said of a closed descriptor
  ///   reaches nobody.
  func add(_ descriptor: WatchedDescriptor, for interest: Readiness) throws(SystemCallError) -> UInt64 {
    try core.add(descriptor, for: interest)
  }

  func change(_ token: UInt64, _ number: Int32, to interest: Readiness) {
    core.epoll.change(number, interest, token)
  }

  func remove(_ token: UInt64, _ number: Int32) {
    core.epoll.remove(number)
    core.forget(token)
  }
}

/// Runs what belongs to no actor.
private final class LoopTaskExecutor: TaskExecutor {
  private let core: Core

  init(_ core: Core) { self.core = core }

  func enqueue(_ job: consuming ExecutorJob) {
    core.add(.taskJob(UnownedJob(job), self))
  }
}

/// What the thread of a loop holds.
private final class Core: Sendable {
  private let label: String
  let epoll: Epoll
  /// Written to when there is work for a thread that waits. C: `eventfd`.
  private let bell: FileDescriptor
  private let state = Mutex(State())
  private let thread = Atomic<UInt>(0)

  private static let bellToken: UInt64 = 0

  struct State {
    var work: [Work] = []
    /// The next one last.
    var timers: [Timer] = []
    var isWaiting = false
    var isEnded = false
    var lastToken = Core.bellToken
    var descriptors: [UInt64: WeakDescriptor] = [:]
  }

  enum Work {
    case job(UnownedJob, EventLoop)
    case taskJob(UnownedJob, LoopTaskExecutor)
    case body(@Sendable () -> Void)

    func run() {
      switch self {
      case .job(let job, let loop): job.runSynchronously(on: loop.asUnownedSerialExecutor())
      case .taskJob(let job, let executor): job.runSynchronously(on: executor.asUnownedTaskExecutor())
      case .body(let body): body()
      }
    }
  }

  struct Timer {
    let time: MonotonicTime
    let body: @Sendable () -> Void
  }

  struct WeakDescriptor {
    weak let descriptor: WatchedDescriptor?
  }

  init(label: String) {
    self.label = label
    do throws(SystemCallError) {
      epoll = try Epoll()
      bell = FileDescriptor(takingOwnership: try systemCall("eventfd") { stagekeeper_eventfd() })
      try epoll.addBell(bell.rawValue, Self.bellToken)
    } catch {
      fatalError("an event loop can't be made: \(error)")
    }
  }

  var isCurrent: Bool { thread.load(ordering: .relaxed) == pthread_self() }

  // MARK: From any thread

  func add(_ work: Work) {
    wake { $0.work.append(work) }
  }

  func add(_ body: @escaping @Sendable () -> Void, at time: MonotonicTime) {
    wake { state in
      let place = state.timers.firstIndex { $0.time <= time } ?? state.timers.endIndex
      state.timers.insert(Timer(time: time, body: body), at: place)
    }
  }

  func end() { wake { $0.isEnded = true } }

  private func wake(_ change: (inout State) -> Void) {
    #if SANITIZER
      // It doesn't see Swift's Mutex.
      stagekeeper_tsan_release(Unmanaged.passUnretained(self).toOpaque())
    #endif
    let isWaiting = state.withLock { state in
      change(&state)
      defer { state.isWaiting = false }
      return state.isWaiting
    }
    if isWaiting, !isCurrent { stagekeeper_eventfd_ring(bell.rawValue) }
  }

  func add(_ descriptor: WatchedDescriptor, for interest: Readiness) throws(SystemCallError) -> UInt64 {
    let token = state.withLock { state in
      state.lastToken += 1
      state.descriptors[state.lastToken] = WeakDescriptor(descriptor: descriptor)
      return state.lastToken
    }
    do throws(SystemCallError) {
      try epoll.add(descriptor.descriptor.rawValue, interest, token)
    } catch {
      forget(token)
      throw error
    }
    return token
  }

  func forget(_ token: UInt64) { state.withLock { _ = $0.descriptors.removeValue(forKey: token) } }

  // MARK: The thread

  /// The thread gets no signals but those of its own crash: the others are for threads that expect them.
  func start() {
    let box = Unmanaged.passRetained(self)
    var (all, before) = (sigset_t(), sigset_t())
    sigfillset(&all)
    for crash in [SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT] { sigdelset(&all, crash) }
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    var thread = pthread_t()
    let result = pthread_create(
      &thread, nil,
      { argument in
        if let argument { Unmanaged<Core>.fromOpaque(argument).takeRetainedValue().run() }
        return nil
      }, box.toOpaque())
    precondition(result == 0, "pthread_create: \(Errno(rawValue: result))")
    pthread_detach(thread)
  }

  private func run() {
    thread.store(pthread_self(), ordering: .relaxed)
    stagekeeper_name_this_thread(label)
    while let deadline = workOff() {
      epoll.wait(until: deadline) { event in
        if event.token == Self.bellToken { return }
        // The last reference may be this one: it is let go of outside the lock.
        let descriptor = state.withLock { $0.descriptors[event.token]?.descriptor }
        descriptor?.becameReady(event.readiness)
        for one in take().work { one.run() }
      }
    }
  }

  /// Does what there is to do, and what comes of that.
  ///
  /// - Returns: until when descriptors may be waited for then; nil where the thread is to end.
  private func workOff() -> MonotonicTime? {
    for _ in 0..<Self.rounds {
      let (work, next) = take(waitingUnlessAny: true)
      if work.isEmpty { return next }
      for one in work { one.run() }
    }
    return .now
  }

  /// Rounds of work after which descriptors are looked at although there is more: what one piece of work gives to do is
  /// done in the next round.
  private static let rounds = 32

  /// Takes what there is to do now.
  ///
  /// - Parameter waitingUnlessAny: whether the thread waits next where there is nothing, so that it must be woken.
  /// - Returns: besides, when there is something to do next; nil where there never will be.
  private func take(waitingUnlessAny: Bool = false) -> (work: [Work], next: MonotonicTime?) {
    #if SANITIZER
      defer { stagekeeper_tsan_acquire(Unmanaged.passUnretained(self).toOpaque()) }
    #endif
    return state.withLock { state in
      while let timer = state.timers.last, timer.time.hasPassed {
        state.timers.removeLast()
        state.work.append(.body(timer.body))
      }
      let work = state.work
      state.work = []
      state.isWaiting = waitingUnlessAny && work.isEmpty
      return (work, state.isEnded ? nil : state.timers.last?.time ?? .distantFuture)
    }
  }
}
