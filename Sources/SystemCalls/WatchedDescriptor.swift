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
    /// Where the kernel is asked.
    let loop: EventLoop
    /// Where the handler is called; nil: on the loop itself.
    let queue: (any SerialQueue)?
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
    for interest: Readiness, on queue: any SerialQueue, handler: @escaping @Sendable (Readiness) -> Void
  ) throws(SystemCallError) {
    let result = state.withLock { state -> Result<Void, SystemCallError> in
      precondition(state.watch == nil, "a descriptor is watched once")
      return Result { () throws(SystemCallError) in
        let own = queue as? EventLoop
        let loop = own ?? .forDescriptors
        let token = try loop.add(self, for: interest)
        state = State(
          watch: Watch(token: token, loop: loop, queue: own == nil ? queue : nil, handler: handler),
          interest: interest, isArmed: true)
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
      if let watch = state.watch { watch.loop.remove(watch.token, descriptor.rawValue) }
      return state.watch
    }
    withExtendedLifetime(watch) {}
  }

  /// Has the handler told on its queue. Called on the loop.
  func becameReady(_ readiness: Readiness) {
    guard let watch = state.withLock({ $0.watch }) else { return }
    guard let queue = watch.queue else { return tell(readiness) }
    queue.async { [self] in tell(readiness) }
  }

  /// Tells the handler, and asks the kernel anew.
  private func tell(_ readiness: Readiness) {
    let (handler, told) = state.withLock { state in
      state.isArmed = false
      return (state.watch?.handler, state.interest.intersection(readiness))
    }
    if let handler, !told.isEmpty { handler(told) }
    state.withLock { state in
      if !state.isArmed, !state.interest.isEmpty { arm(&state) }
    }
  }

  private func arm(_ state: inout State) {
    guard let watch = state.watch else { return }
    watch.loop.change(watch.token, descriptor.rawValue, to: state.interest)
    state.isArmed = true
  }
}
