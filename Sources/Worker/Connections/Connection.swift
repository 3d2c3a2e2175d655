public import StrictJSON
public import SystemCalls
public import WireProtocol

/// Sends events of a request that goes on.
public typealias EventSink = @Sendable (JSONValue) async -> Void

/// Answers the requests of one kind of socket.
public protocol RequestHandler: Sendable {
  /// - Parameter events: may be called any number of times before this returns.
  /// - Throws: what the client is told. The task is cancelled when the client goes away.
  func answer(_ request: Request, from peer: Peer, events: EventSink) async throws(WireError)
    -> JSONValue

  /// Whether a request is answered within microseconds of the processor's time, between its waits, and never keeps its
  /// thread waiting.
  func isBrief(_ request: Request) -> Bool
}

/// What a connection does not allow its peer.
public struct ConnectionLimits: Sendable {
  public var openRequests: Int
  /// Seconds.
  public var frame: Double
  /// Seconds.
  public var idle: Double
  /// Replies not yet read by the peer beyond which no more requests are read, in bytes.
  public var unreadBytes = 4 * 1024 * 1024
  /// Seconds without any progress after which a peer that does not read its replies is let go.
  public var stalledWrite: Double = 30
  /// What all connections of a uid share; nil: they share nothing.
  public var shares: UserShares?

  public init(openRequests: Int, frame: Double, idle: Double) {
    self.openRequests = openRequests
    self.frame = frame
    self.idle = idle
  }
}

/// One client: reads frames, has them answered, writes replies, on a queue that it shares with others.
///
/// Ensures: what is kept for a peer is bounded by the limits and one reply per open request.
public actor Connection {
  private nonisolated let executor: any SerialQueue
  public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  public nonisolated let peer: Peer
  private let socket: WatchedDescriptor
  private let handler: any RequestHandler
  private let limits: ConnectionLimits
  private let onClose: @Sendable () -> Void

  private var decoder = FrameDecoder(limit: ProtocolLimits.requestBytes)
  private var isReadingPaused = false
  private var isLearningName = false
  /// The peer with its name.
  private var caller: Peer
  private var isWaitingForRoom = false
  private var output = OutputBuffer()
  private var requests: [Int64: Task<Void, Never>] = [:]
  private var lifecycle = Lifecycle.open
  private var frameBegan: MonotonicTime?
  private var lastActivity = MonotonicTime.now
  private var lastWriteProgress = MonotonicTime.now

  private enum Lifecycle {
    case open
    /// The peer will send nothing more, or nothing more is wanted; open requests are still answered.
    case draining
    case closed
  }

  /// - Parameters:
  ///   - queue: on which it runs, beside others.
  ///   - onClose: called once, on that queue.
  public init(
    socket: consuming FileDescriptor, peer: Peer, handler: any RequestHandler,
    limits: ConnectionLimits, queue: any SerialQueue, onClose: @escaping @Sendable () -> Void
  ) {
    executor = queue
    self.socket = WatchedDescriptor(socket)
    self.peer = peer
    caller = peer
    self.handler = handler
    self.limits = limits
    self.onClose = onClose
  }

  /// Begins to read.
  public func start() {
    guard lifecycle != .closed else { return }
    do throws(SystemCallError) {
      try socket.watch(for: interest, on: executor) { [weak self] readiness in
        self?.assumeIsolated { $0.becameReady(readiness) }
      }
    } catch {
      Log.write(.warning, "a connection can't be watched", ["error": "\(error)"])
      close()
    }
  }

  private var interest: Readiness {
    var interest: Readiness = []
    if lifecycle == .open, !isReadingPaused, !isLearningName { interest.insert(.readable) }
    if isWaitingForRoom { interest.insert(.writable) }
    return interest
  }

  private func becameReady(_ readiness: Readiness) {
    if readiness.contains(.writable) { flush() }
    guard readiness.contains(.readable), interest.contains(.readable) else { return }
    guard let known = Accounts.knownUserName(peer.uid) else { return learnName() }
    if known.isDue { Self.names.async { [uid = peer.uid] in _ = Accounts.userName(uid) } }
    caller = peer.named(known.name)
    readAvailable()
  }

  /// Where names are looked up, one after the other: a directory server may take its time. Whoever was here a short
  /// while ago does not wait for it.
  static let names = DispatchQueueExecutor(label: "stagekeeper.names", hasOwnThread: true)

  /// Every request has its caller's name in the journal and in the audit log. Nothing is read meanwhile, so that
  /// requests begin in the order in which they came.
  private func learnName() {
    isLearningName = true
    socket.setInterest(interest)
    Self.names.async { [weak self, executor, uid = peer.uid] in
      let name = Accounts.userName(uid)
      executor.async { [weak self] in self?.assumeIsolated { $0.learned(name) } }
    }
  }

  private func learned(_ name: String?) {
    isLearningName = false
    caller = peer.named(name)
    guard lifecycle != .closed else { return }
    socket.setInterest(interest)
    if interest.contains(.readable) { readAvailable() }
  }

  /// Answers what is open, reads nothing more, then closes: for an orderly shutdown.
  public func drain() {
    guard lifecycle == .open else { return }
    lifecycle = .draining
    socket.setInterest(interest)
    closeIfDrained()
  }

  /// Ends the connection now; open requests are cancelled, jobs go on.
  public func close() {
    guard lifecycle != .closed else { return }
    lifecycle = .closed
    for task in requests.values { task.cancel() }
    requests = [:]
    _ = limits.shares?.countUnread(peer.shareholder, -output.count)
    output = OutputBuffer()
    socket.stop()
    onClose()
  }

  /// Looks at the clock: closes what took too long.
  public func checkDeadlines() {
    guard lifecycle != .closed else { return }
    if let frameBegan, frameBegan.advanced(bySeconds: limits.frame).hasPassed { return close() }
    if !output.isEmpty, lastWriteProgress.advanced(bySeconds: limits.stalledWrite).hasPassed {
      return close()
    }
    if lifecycle == .draining, socket.descriptor.hasHungUp { return close() }
    let isIdle = requests.isEmpty && output.isEmpty
    if isIdle, lastActivity.advanced(bySeconds: limits.idle).hasPassed { close() }
  }

  // MARK: Reading

  /// What is read before others have their turn, in bytes. A longer request is none that is brief.
  private static let turn = 8 * 1024
  /// What is read of a new request, most of which fit, in bytes: memory of up to a kilobyte costs the least.
  private static let usual = 960

  private func readAvailable() {
    do throws(SystemCallError) {
      let bytes = try socket.descriptor.read(upTo: decoder.isInsideFrame ? Self.turn : Self.usual)
      if bytes.isEmpty { return endOfInput() }
      lastActivity = .now
      decoder.append(bytes)
      try takeFrames()
    } catch {
      if error.errno != .wouldBlock { close() }
    }
  }

  private func endOfInput() {
    lifecycle = .draining
    socket.setInterest(interest)
    closeIfDrained()
  }

  private func takeFrames() throws(SystemCallError) {
    do throws(FrameError) {
      while lifecycle == .open, let body = try decoder.next() {
        frameBegan = nil
        accept(body)
      }
      frameBegan = decoder.isInsideFrame ? frameBegan ?? .now : nil
    } catch {
      refuse(error)
    }
  }

  private func accept(_ body: [UInt8]) {
    do throws(RequestError) {
      let request = try Request(body: body)
      guard requests[request.id] == nil else {
        throw RequestError(
          id: request.id,
          WireError(
            .invalidRequest, category: .usage, "id: \(request.id) is the id of a request that is still open"))
      }
      guard requests.count < limits.openRequests else {
        throw RequestError(
          id: request.id,
          .busy(
            "requestsPerConnection",
            "this connection has \(requests.count) open requests, as many as it may", 1))
      }
      if let error = limits.shares?.begin(peer.shareholder) { throw RequestError(id: request.id, error) }
      run(request, isBrief: body.count <= Self.turn && handler.isBrief(request))
    } catch {
      send(Reply(id: error.id, .error(error.error)))
    }
  }

  private func run(_ request: Request, isBrief: Bool) {
    let caller = caller
    // Without a preference all that no actor does is done elsewhere, even going on after a wait.
    requests[request.id] = Task(executorPreference: isBrief ? executor.taskExecutor : nil) { [self] in
      await finish(request.id, await reply(to: request, from: caller))
    }
  }

  /// The frame that answers a request.
  @concurrent private nonisolated func reply(to request: Request, from caller: Peer) async -> [UInt8] {
    let body: Reply.Body
    do throws(WireError) {
      let events: EventSink = { [weak self] in await self?.sendEvent($0, of: request.id) }
      body = .result(try await handler.answer(request, from: caller, events: events))
    } catch {
      body = .error(error)
    }
    return Self.encoded(Reply(id: request.id, body))
  }

  private func finish(_ id: Int64, _ reply: [UInt8]) {
    limits.shares?.end(peer.shareholder)
    guard lifecycle != .closed else { return }
    requests[id] = nil
    lastActivity = .now
    send(reply)
    closeIfDrained()
  }

  private func sendEvent(_ event: JSONValue, of id: Int64) {
    guard requests[id] != nil else { return }
    send(Reply(id: id, .event(event)))
  }

  /// Says what is wrong with the stream; after that nothing of it can be understood.
  private func refuse(_ error: FrameError) {
    let wireError =
      switch error {
      case .empty:
        WireError(
          .malformedFrame, category: .usage, "a frame of no bytes: each frame holds one JSON document")
      case .tooLarge(let announced, let limit):
        WireError(
          .frameTooLarge, category: .usage, "a frame of \(announced) bytes: a request has \(limit) at most")
      }
    send(Reply(id: nil, .error(wireError)))
    frameBegan = nil
    drain()
  }

  // MARK: Writing

  private static func encoded(_ reply: Reply) -> [UInt8] {
    let bytes = reply.json.serialized()
    if bytes.count <= ProtocolLimits.replyBytes { return frame(bytes) }
    let error = WireError(
      .replyTooLarge, category: .usage, "the answer is larger than a frame may be; ask with limit and after")
    return frame(Reply(id: reply.id, .error(error)).json.serialized())
  }

  private func send(_ reply: Reply) { send(Self.encoded(reply)) }

  private func send(_ bytes: [UInt8]) {
    guard lifecycle != .closed else { return }
    if output.isEmpty { lastWriteProgress = .now }
    output.append(bytes)
    if limits.shares?.countUnread(peer.shareholder, bytes.count) ?? false { return close() }
    flush()
  }

  private func flush() {
    do throws(SystemCallError) {
      while !output.isEmpty {
        let sent = try output.withNextBytes { bytes throws(SystemCallError) in
          try socket.descriptor.send(bytes)
        }
        output.consume(sent)
        _ = limits.shares?.countUnread(peer.shareholder, -sent)
        lastWriteProgress = .now
      }
      wait(forRoom: false, pausingReading: false)
      closeIfDrained()
    } catch {
      guard error.errno == .wouldBlock else { return close() }
      wait(forRoom: true, pausingReading: isReadingPaused || output.count > limits.unreadBytes)
    }
  }

  private func wait(forRoom isWaiting: Bool, pausingReading isPaused: Bool) {
    isWaitingForRoom = isWaiting
    isReadingPaused = isPaused
    socket.setInterest(interest)
  }

  // MARK: Ending

  private func closeIfDrained() {
    if lifecycle == .draining, requests.isEmpty, output.isEmpty { close() }
  }
}
