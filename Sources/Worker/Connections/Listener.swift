internal import Dispatch
internal import StrictJSON
public import SystemCalls
internal import WireProtocol

/// What a listener allows in all.
public struct ListenerLimits: Sendable {
  public var connections: Int
  public var connectionsPerUser: Int
  public var connection: ConnectionLimits
  /// Where not empty: all other uids together have a quarter of the connections at most.
  public var privileged: Set<UInt32>

  public init(
    connections: Int, connectionsPerUser: Int, connection: ConnectionLimits, privileged: Set<UInt32> = []
  ) {
    self.privileged = privileged
    self.connections = connections
    self.connectionsPerUser = connectionsPerUser
    self.connection = connection
  }
}

/// Accepts connections on one socket and knows which are open.
public actor Listener {
  private nonisolated let executor: DispatchQueueExecutor
  public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  private let socket: FileDescriptor
  private let handler: any RequestHandler
  private let limits: ListenerLimits
  /// As which everybody acts who connects here; nil: the kernel's word decides.
  private let tenant: String?
  private var source: (any DispatchSourceRead)?
  private var clock: (any DispatchSourceTimer)?
  private var connections: [UInt64: Connection] = [:]
  private var connectionsOfUser: [UInt32: Int] = [:]
  private var accepted: UInt64 = 0
  /// Given up for a moment when the process has no descriptor left, so that a connection can be taken off
  /// the queue and closed instead of waking the listener for ever.
  private var reserve: FileDescriptor?
  private var whenEmpty: CheckedContinuation<Void, Never>?

  /// - Parameter socket: listening and non-blocking.
  public init(
    name: String, socket: consuming FileDescriptor, handler: any RequestHandler, limits: ListenerLimits,
    tenant: String? = nil
  ) {
    executor = DispatchQueueExecutor(label: "stagekeeper.listener.\(name)")
    self.socket = socket
    self.handler = handler
    self.limits = limits
    self.tenant = tenant
    reserve = try? Files.open("/dev/null", flags: 0)
  }

  public func start() {
    let source = DispatchSource.makeReadSource(fileDescriptor: socket.rawValue, queue: executor.queue)
    source.setEventHandler { [weak self] in self?.assumeIsolated { $0.acceptAvailable() } }
    source.setCancelHandler { [self] in _ = self }
    self.source = source
    source.resume()
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
    source?.cancel()
    source = nil
    clock?.cancel()
    clock = nil
  }

  private func acceptAvailable() {
    while source != nil {
      do throws(SystemCallError) {
        guard let descriptor = try UnixSocket.accept(from: socket) else { return }
        try admit(descriptor)
      } catch {
        guard error.errno == .tooManyOpenFiles else {
          Log.write(.warning, "a connection could not be accepted", ["error": "\(error)"])
          return
        }
        return refuseOneWithReserve()
      }
    }
  }

  private func admit(_ descriptor: consuming FileDescriptor) throws(SystemCallError) {
    let peer = Peer(try PeerCredentials(of: descriptor), fixedTenant: tenant)
    if let error = reasonToRefuse(peer) {
      let bytes = frame(Reply(id: nil, .error(error)).json.serialized())
      _ = try? bytes.withUnsafeBytes { bytes throws(SystemCallError) in try descriptor.send(bytes) }
      return
    }
    accepted += 1
    let number = accepted
    connectionsOfUser[peer.uid, default: 0] += 1
    let connection = Connection(
      socket: descriptor, peer: peer, handler: handler, limits: limits.connection
    ) { [weak self] in
      guard let self else { return }
      Task { await self.forget(number, uid: peer.uid) }
    }
    connections[number] = connection
    Task { await connection.start() }
  }

  /// One uid never has all connections, and the last eighth is for those who have few: so that whoever is
  /// new gets in, however many others hold what they may.
  private func reasonToRefuse(_ peer: Peer) -> WireError? {
    let mine = connectionsOfUser[peer.uid, default: 0]
    let own = min(limits.connectionsPerUser, max(1, limits.connections - limits.connections / 8))
    let isPrivileged = limits.privileged.contains(peer.uid)
    if mine >= (isPrivileged ? limits.connectionsPerUser : own) {
      return .busy("connectionsPerUser", "you have \(mine) open connections, as many as one user may", 1)
    }
    let isScarce = connections.count >= limits.connections - limits.connections / 8
    let isFull = connections.count >= limits.connections
    let few = max(1, limits.connections / 64)
    if isFull || (isScarce && !isPrivileged && mine >= few) {
      return .busy("connections", "the worker has as many connections as it may", 1)
    }
    if !limits.privileged.isEmpty, !isPrivileged {
      let others = connectionsOfUser.filter { !limits.privileged.contains($0.key) }.values.reduce(0, +)
      if others >= limits.connections / 4 {
        return .busy("connections", "the worker has as many connections as it may", 1)
      }
    }
    return nil
  }

  private func refuseOneWithReserve() {
    reserve = nil
    _ = try? UnixSocket.accept(from: socket)
    reserve = try? Files.open("/dev/null", flags: 0)
  }

  private func forget(_ number: UInt64, uid: UInt32) {
    connections[number] = nil
    let left = connectionsOfUser[uid, default: 1] - 1
    connectionsOfUser[uid] = left > 0 ? left : nil
    if connections.isEmpty {
      whenEmpty?.resume()
      whenEmpty = nil
    }
  }

  private func checkDeadlines() {
    for connection in connections.values { Task { await connection.checkDeadlines() } }
  }
}
