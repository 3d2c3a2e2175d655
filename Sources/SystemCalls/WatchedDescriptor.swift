public import Dispatch
internal import Synchronization

/// A descriptor, and word on a queue of when it is ready.
///
/// In place of Dispatch's read and write sources. On Linux those are not safe where the far end may hang up: the
/// source's own queue then frees what the manager thread is reading (swift-corelibs-libdispatch, issue 949), so that
/// clients which come and go end the process.
///
/// Ensures: the descriptor is closed after the last word about it, when nobody holds this any more.
public final class WatchedDescriptor: Sendable {
  /// To read from and write to.
  public let descriptor: FileDescriptor
  private let state = Mutex(State())

  private struct State {
    var watch: Watch?
    var interest: Readiness = []
    /// Whether the kernel will tell.
    var isArmed = false
  }

  private struct Watch {
    let token: UInt64
    let queue: DispatchQueue
    let handler: @Sendable (Readiness) -> Void
  }

  /// - Parameter descriptor: what it reads and writes should not block.
  public init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

  deinit { stop() }

  /// Begins to watch, once. C: `epoll_ctl` with `EPOLL_CTL_ADD`.
  ///
  /// - Parameters:
  ///   - interest: at first; see ``setInterest(_:)``.
  ///   - handler: called on the queue for as long as the descriptor is ready, one call after the other; a hang-up or
  ///     an error counts as all that is of interest, and the next read or write reports it. A call may come too
  ///     often. It should not keep this descriptor.
  public func watch(
    for interest: Readiness, on queue: DispatchQueue, handler: @escaping @Sendable (Readiness) -> Void
  ) throws(SystemCallError) {
    let result = state.withLock { state -> Result<Void, SystemCallError> in
      precondition(state.watch == nil, "a descriptor is watched once")
      return Result { () throws(SystemCallError) in
        let token = try ReadinessLoop.shared.add(self, for: interest)
        state = State(
          watch: Watch(token: token, queue: queue, handler: handler), interest: interest, isArmed: true)
      }
    }
    try result.get()
  }

  /// What is to be told from now on; nothing: not even a hang-up. C: `epoll_ctl` with `EPOLL_CTL_MOD`.
  public func setInterest(_ interest: Readiness) {
    state.withLock { state in
      if state.interest == interest { return }
      state.interest = interest
      arm(&state)
    }
  }

  /// Ends the watch. On its queue: no call comes after this. C: `epoll_ctl` with `EPOLL_CTL_DEL`.
  public func stop() {
    // The handler is let go of outside the lock.
    let watch = state.withLock { state in
      defer { state = State() }
      if let watch = state.watch { ReadinessLoop.shared.remove(watch.token, descriptor.rawValue) }
      return state.watch
    }
    withExtendedLifetime(watch) {}
  }

  /// Tells the handler, on its queue, and asks the kernel anew.
  fileprivate func becameReady(_ readiness: Readiness) {
    guard let queue = state.withLock({ $0.watch?.queue }) else { return }
    queue.async { [self] in
      let (handler, told) = state.withLock { state in
        state.isArmed = false
        return (state.watch?.handler, state.interest.intersection(readiness))
      }
      if let handler, !told.isEmpty { handler(told) }
      state.withLock { state in
        if !state.isArmed, !state.interest.isEmpty { arm(&state) }
      }
    }
  }

  private func arm(_ state: inout State) {
    guard let token = state.watch?.token else { return }
    ReadinessLoop.shared.change(token, descriptor.rawValue, to: state.interest)
    state.isArmed = true
  }
}

/// The thread that waits for all watched descriptors of the process. C: `epoll`.
private final class ReadinessLoop: Sendable {
  static let shared = ReadinessLoop()

  private let epoll: Epoll
  /// By token. A token is never used again, so that what the kernel said of a closed descriptor reaches nobody.
  private let watched = Mutex<(last: UInt64, descriptors: [UInt64: WeakDescriptor])>((0, [:]))

  private struct WeakDescriptor {
    weak let descriptor: WatchedDescriptor?
  }

  private init() {
    do throws(SystemCallError) {
      epoll = try Epoll()
    } catch {
      fatalError("descriptors can't be watched: \(error)")
    }
    DedicatedThread.start { [self] in
      while true { deliver(epoll.wait()) }
    }
  }

  func add(_ descriptor: WatchedDescriptor, for interest: Readiness) throws(SystemCallError) -> UInt64 {
    let token = watched.withLock { watched in
      watched.last += 1
      watched.descriptors[watched.last] = WeakDescriptor(descriptor: descriptor)
      return watched.last
    }
    do throws(SystemCallError) {
      try epoll.add(descriptor.descriptor.rawValue, interest, token)
    } catch {
      forget(token)
      throw error
    }
    return token
  }

  func change(_ token: UInt64, _ number: Int32, to interest: Readiness) {
    epoll.change(number, interest, token)
  }

  func remove(_ token: UInt64, _ number: Int32) {
    epoll.remove(number)
    forget(token)
  }

  private func forget(_ token: UInt64) { watched.withLock { _ = $0.descriptors.removeValue(forKey: token) } }

  private func deliver(_ events: [Epoll.Event]) {
    // The last reference may be this one: it is let go of outside the lock.
    let ready = watched.withLock { watched in
      events.compactMap { event in
        watched.descriptors[event.token]?.descriptor.map { ($0, event.readiness) }
      }
    }
    for (descriptor, readiness) in ready { descriptor.becameReady(readiness) }
  }
}
