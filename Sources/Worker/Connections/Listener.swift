internal import Dispatch
internal import StrictJSON
public import SystemCalls
internal import WireProtocol

/// Accepts connections on one socket and knows which are open.
public actor Listener {
  private nonisolated let executor: DispatchQueueExecutor
  public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  private let socket: WatchedDescriptor
  private let handler: any RequestHandler
  private let shares: ConnectionShares
  private let limits: ConnectionLimits
  /// As which everybody acts who connects here; nil: the kernel's word decides.
  private let tenant: String?
  private let connectionQueue: any SerialQueue
  private var isAccepting = false
  private var clock: (any DispatchSourceTimer)?
  private var connections: [UInt64: Connection] = [:]
  private var accepted: UInt64 = 0
  /// Given up for a moment when the process has no descriptor left, so that a connection can be taken off
  /// the queue and closed instead of waking the listener for ever.
  private var reserve: FileDescriptor?
  private var whenEmpty: CheckedContinuation<Void, Never>?

  /// - Parameters:
  ///   - socket: listening and non-blocking.
  ///   - shares: counts the connections of all listeners that have it.
  ///   - limits: of each connection.
  ///   - queue: on which the connections run, one after the other.
  public init(
    name: String, socket: consuming FileDescriptor, handler: any RequestHandler, shares: ConnectionShares,
    limits: ConnectionLimits, tenant: String? = nil, queue: any SerialQueue
  ) {
    executor = DispatchQueueExecutor(label: "stagekeeper.listener.\(name)", hasOwnThread: true)
    self.socket = WatchedDescriptor(socket)
    self.handler = handler
    self.shares = shares
    self.limits = limits
    self.tenant = tenant
    connectionQueue = queue
    reserve = try? Files.open("/dev/null", flags: 0)
  }

  public func start() throws(SystemCallError) {
    isAccepting = true
    try socket.watch(for: .readable, on: executor) { [weak self] _ in
      self?.assumeIsolated { $0.acceptAvailable() }
    }
    let clock = DispatchSource.makeTimerSource(queue: executor.queue)
    clock.schedule(deadline: .now() + 1, repeating: 1, leeway: .milliseconds(200))
    clock.setEventHandler { [weak self] in self?.assumeIsolated { $0.checkDeadlines() } }
    self.clock = clock
    clock.resume()
  }

  /// Open now, and accepted since the start.
  public var counts: (open: Int, accepted: UInt64) { (connections.count, accepted) }

  /// Accepts nothing more, lets open requests end, and returns when every connection is closed.
  ///
  /// - Parameter seconds: after which connections are closed whatever is still to be said.
  public func drain(within seconds: Double) async {
    stopAccepting()
    for connection in connections.values { await connection.drain() }
    if connections.isEmpty { return }
    let end = Task {
      try await Task.sleep(for: .seconds(seconds))
      await self.close()
    }
    await withCheckedContinuation { whenEmpty = $0 }
    end.cancel()
  }

  /// Accepts nothing more and closes every connection.
  public func close() async {
    stopAccepting()
    for connection in connections.values { await connection.close() }
  }

  private func stopAccepting() {
    isAccepting = false
    socket.stop()
    clock?.cancel()
    clock = nil
  }

  private func acceptAvailable() {
    while isAccepting {
      guard SubordinateUsers.isCurrent else { return learnSubordinates() }
      do throws(SystemCallError) {
        guard let descriptor = try UnixSocket.accept(from: socket.descriptor) else { return }
        try admit(descriptor)
      } catch {
        if error.errno == .tooManyOpenFiles, reserve != nil { return refuseOneWithReserve() }
        Log.write(.warning, "a connection could not be accepted", ["error": "\(error)"])
        return rest()
      }
    }
  }

  /// Leaves the queue alone for a moment: it stays readable, and what is missing comes back by itself.
  private func rest() {
    socket.setInterest([])
    executor.async(at: .after(seconds: 0.1)) { [weak self] in self?.assumeIsolated { $0.goOn() } }
  }

  private func goOn() {
    if isAccepting { socket.setInterest(.readable) }
  }

  /// Whoever connects meanwhile waits; those that are connected go on.
  private func learnSubordinates() {
    socket.setInterest([])
    Connection.names.async { [weak self, executor] in
      SubordinateUsers.refresh()
      executor.async { [weak self] in self?.assumeIsolated { $0.goOn() } }
    }
  }

  private func admit(_ descriptor: consuming FileDescriptor) throws(SystemCallError) {
    let peer = Peer(try PeerCredentials(of: descriptor), fixedTenant: tenant)
    if let error = shares.enter(peer.shareholder) {
      let bytes = frame(Reply(id: nil, .error(error)).json.serialized())
      _ = try? bytes.withUnsafeBytes { bytes throws(SystemCallError) in try descriptor.send(bytes) }
      return
    }
    accepted += 1
    let number = accepted
    let connection = Connection(
      socket: descriptor, peer: peer, handler: handler, limits: limits, queue: connectionQueue
    ) { [weak self] in
      guard let self else { return }
      Task { await self.forget(number, peer.shareholder) }
    }
    connections[number] = connection
    Task { await connection.start() }
  }

  private func refuseOneWithReserve() {
    reserve = nil
    _ = try? UnixSocket.accept(from: socket.descriptor)
    // Where that fails, the next one rests.
    reserve = try? Files.open("/dev/null", flags: 0)
  }

  private func forget(_ number: UInt64, _ principal: Principal) {
    connections[number] = nil
    shares.leave(principal)
    if connections.isEmpty {
      whenEmpty?.resume()
      whenEmpty = nil
    }
  }

  private func checkDeadlines() {
    for connection in connections.values { Task { await connection.checkDeadlines() } }
  }
}
