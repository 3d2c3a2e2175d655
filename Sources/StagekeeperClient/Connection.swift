internal import Dispatch
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

/// What comes back for one request: events, then one of the others.
enum Delivery: Sendable {
  case event(JSONValue)
  case result(JSONValue)
  case failure(ClientError)
}

/// One connection to a worker. Requests share it, each with its own id; replies come in any order.
///
/// Ensures: every request ends with a result or a failure, also when the connection breaks.
actor Connection {
  private let executor: DispatchQueueExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// Non-blocking.
  private let socket: WatchedDescriptor
  private var isWatched = false
  private var decoder = FrameDecoder(limit: ProtocolLimits.replyBytes)
  private var unsent: [UInt8] = []
  private var nextID: Int64 = 1
  private var requests: [Int64: OpenRequest] = [:]
  private var end: ClientError?

  private struct OpenRequest {
    let operation: String
    let deliveries: AsyncStream<Delivery>.Continuation
  }

  /// Connects to the socket at the path.
  init(path: String) throws(ClientError) {
    do throws(SystemCallError) {
      socket = WatchedDescriptor(try UnixSocket.connect(to: path))
      try socket.descriptor.setNonBlocking(true)
    } catch {
      throw ClientError(connecting: path, error)
    }
    executor = DispatchQueueExecutor(label: "stagekeeper.connection")
  }

  /// Whether the connection is of no further use.
  var hasEnded: Bool { end != nil }

  /// Sends a request.
  ///
  /// - Parameter deadline: when to give up on it; nil: never. Nothing is told to the worker then.
  /// - Returns: what comes back. Ending the iteration abandons the request.
  func send(_ method: String, _ params: JSONValue, deadline: MonotonicTime?) -> AsyncStream<Delivery> {
    let (stream, deliveries) = AsyncStream.makeStream(of: Delivery.self)
    if var end {
      end.operation = method
      deliveries.finish(with: .failure(end))
      return stream
    }
    let body = Request(id: nextID, method: method, params: params).json.serialized()
    if body.count > ProtocolLimits.requestBytes {
      deliveries.finish(with: .failure(.requestTooLarge(method, body.count)))
      return stream
    }
    let id = nextID
    nextID += 1
    requests[id] = OpenRequest(operation: method, deliveries: deliveries)
    deliveries.onTermination = { [weak self] _ in
      Task { await self?.forget(id) }
    }
    if let deadline { expire(id, at: deadline) }
    if !isWatched { watch() }
    if end != nil { return stream }
    unsent += frame(body)
    flush()
    return stream
  }

  private func forget(_ id: Int64) { requests[id] = nil }

  private func expire(_ id: Int64, at deadline: MonotonicTime) {
    executor.queue.asyncAfter(deadline: .now() + max(0, deadline.secondsLeft)) { [weak self] in
      self?.assumeIsolated { connection in
        guard let request = connection.requests.removeValue(forKey: id) else { return }
        request.deliveries.finish(
          with: .failure(
            ClientError(.timedOut, operation: request.operation, "no answer came in the time allowed")))
      }
    }
  }

  // MARK: Bytes in

  private func watch() {
    isWatched = true
    do throws(SystemCallError) {
      try socket.watch(for: .readable, on: executor) { [weak self] readiness in
        self?.assumeIsolated { $0.becameReady(readiness) }
      }
    } catch {
      finish(.connectionLost, "the connection can't be watched: \(error)")
    }
  }

  private func becameReady(_ readiness: Readiness) {
    if readiness.contains(.writable) { flush() }
    if readiness.contains(.readable), end == nil { readAvailable() }
  }

  private func readAvailable() {
    do throws(SystemCallError) {
      let bytes = try socket.descriptor.read(upTo: 65_536)
      if bytes.isEmpty { return finish(.connectionLost, "the worker closed the connection") }
      decoder.append(bytes)
    } catch {
      if error.errno != .wouldBlock { finish(.connectionLost, "the connection broke: \(error)") }
      return
    }
    takeFrames()
  }

  private func takeFrames() {
    do throws(FrameError) {
      while end == nil, let body = try decoder.next() { receive(body) }
    } catch {
      finish(.unreadableReply, "the worker sent something that is no frame of protocol 1")
    }
  }

  private func receive(_ body: [UInt8]) {
    let reply: Reply
    do throws(JSONSyntaxError) {
      let json = try JSONValue(parsing: body, maximumDepth: 64)
      guard let read = Reply(json: json) else {
        return finish(.unreadableReply, "the worker sent something that is no reply of protocol 1")
      }
      reply = read
    } catch {
      return finish(.unreadableReply, "the worker sent a reply that is not JSON: \(error)")
    }
    deliver(reply)
  }

  private func deliver(_ reply: Reply) {
    guard let id = reply.id else {
      // An error about the connection or a frame: the worker closes next, and which request was meant
      // cannot be known.
      if case .error(let error) = reply.body { finish(ClientError(error, operation: "connection")) }
      return
    }
    guard let request = requests[id] else { return }
    if case .event(let value) = reply.body {
      request.deliveries.yield(.event(value))
      return
    }
    requests[id] = nil
    switch reply.body {
    case .result(let value): request.deliveries.finish(with: .result(value))
    case .error(let error):
      request.deliveries.finish(with: .failure(ClientError(error, operation: request.operation)))
    case .event: break
    }
  }

  // MARK: Bytes out

  private func flush() {
    do throws(SystemCallError) {
      while !unsent.isEmpty {
        let sent = unsent.withUnsafeBytes { bytes in
          Result { () throws(SystemCallError) in try socket.descriptor.send(bytes) }
        }
        unsent.removeFirst(try sent.get())
      }
      socket.setInterest(.readable)
    } catch {
      if error.errno == .wouldBlock { return socket.setInterest([.readable, .writable]) }
      // What the worker said before it closed may still be there to read: the reader reports the end.
      unsent = []
      socket.setInterest(.readable)
    }
  }

  // MARK: The end

  private func finish(_ code: ClientError.Code, _ message: String) {
    finish(ClientError(code, operation: "connection", message))
  }

  private func finish(_ error: ClientError) {
    if end != nil { return }
    end = error
    socket.stop()
    for request in requests.values {
      var error = error
      error.operation = request.operation
      request.deliveries.finish(with: .failure(error))
    }
    requests = [:]
  }
}

extension AsyncStream<Delivery>.Continuation {
  fileprivate func finish(with delivery: Delivery) {
    yield(delivery)
    finish()
  }
}

extension ClientError {
  fileprivate static func requestTooLarge(_ operation: String, _ count: Int) -> ClientError {
    let message = "the request has \(count) bytes; \(ProtocolLimits.requestBytes) are allowed"
    return ClientError(WireError(.frameTooLarge, category: .usage, message), operation: operation)
  }

  fileprivate init(connecting path: String, _ error: SystemCallError) {
    switch error.errno {
    case .permissionDenied:
      self.init(
        .socketForbidden, operation: "connect", "this user may not connect to the socket \"\(path)\"")
    case .noSuchFile, .connectionRefused:
      self.init(.workerUnreachable, operation: "connect", "no worker listens at \"\(path)\"")
    default:
      self.init(.workerUnreachable, operation: "connect", "the worker cannot be reached: \(error)")
    }
  }
}
