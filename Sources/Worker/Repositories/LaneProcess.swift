internal import Dispatch
internal import LaneProtocol
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

/// One running lane, seen from the worker: starts it, asks it one thing at a time, ends it.
///
/// It runs on the serial queue of its repository. Whatever goes wrong with the process ends it: a lane that
/// misbehaved is not asked again.
actor LaneProcess {
  private nonisolated let executor: DispatchQueueExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  nonisolated let process: ChildProcess
  private let socket: WatchedDescriptor
  private var decoder = FrameDecoder(limit: ProtocolLimits.replyBytes)
  private var output = OutputBuffer()
  private var nextID: Int64 = 1
  private var pending: Pending?
  private(set) var isRunning = true
  private var whenGone: [CheckedContinuation<Void, Never>] = []
  private var isReaped = false
  /// How many bytes it may still report.
  private var reportBytesLeft: Int

  /// The request under way.
  private struct Pending {
    let id: Int64
    /// Whether the server may have been told something when no answer comes.
    let changesRemote: Bool
    let onEvent: (JSONValue) throws(JSONShapeError) -> Void
    let continuation: CheckedContinuation<Result<JSONValue, WireError>, Never>
    let deadline: any DispatchSourceTimer
  }

  /// Starts a lane. It inherits standard error and nothing else, and leads a process group of its own.
  ///
  /// - Parameter reportBytes: the most that it may report as events, in bytes.
  init(executable: String, executor: DispatchQueueExecutor, reportBytes: Int) throws(SystemCallError) {
    self.executor = executor
    reportBytesLeft = reportBytes
    let pair = try FileDescriptor.socketPair()
    let command = ChildCommand(
      executable: executable, arguments: ["--parent", String(ThisProcess.pid)], environment: Self.environment)
    let childEnd = pair.second.rawValue
    process = try EventLoop.forChildren.sync { () throws(SystemCallError) in
      try ChildProcess.spawn(command, descriptors: [-1, -1, 2, childEnd])
    }
    socket = WatchedDescriptor(pair.first)
    try socket.descriptor.setNonBlocking(true)
  }

  /// What ssh and git need, and nothing of the worker's own.
  private static var environment: [String] {
    let path = "PATH=/usr/local/bin:/usr/bin:/bin"
    let kept = ["HOME", "TZ", "SWIFT_BACKTRACE"].compactMap { name in
      ThisProcess.environment(name).map { "\(name)=\($0)" }
    }
    return [path, "LC_ALL=C"] + kept
  }

  func start() {
    do throws(SystemCallError) {
      try socket.watch(for: .readable, on: executor) { [weak self] readiness in
        self?.assumeIsolated { lane in
          if readiness.contains(.writable), lane.isRunning { lane.flush() }
          if readiness.contains(.readable) { lane.readAvailable() }
        }
      }
    } catch {
      end("the lane can't be watched: \(error)", code: .internalError)
    }
  }

  /// Asks and waits for the answer.
  ///
  /// - Parameters:
  ///   - seconds: after which the lane and all its children are ended.
  ///   - onEvent: called on the repository's queue, in order, before this returns.
  /// - Throws: the lane's own error, or one that says how it ended. ``WireError/isOutcomeUnknown`` tells
  ///   whether the server may have changed something.
  func ask(
    _ request: LaneRequest, within seconds: Double,
    onEvent: sending @escaping (JSONValue) throws(JSONShapeError) -> Void = { _ in }
  ) async throws(WireError) -> JSONValue {
    let changesRemote = if case .push = request { true } else { false }
    guard isRunning, pending == nil else { throw Self.gone("the lane has ended", changesRemote: false) }
    let id = nextID
    nextID += 1
    let result = await withCheckedContinuation { continuation in
      pending = Pending(
        id: id, changesRemote: changesRemote, onEvent: onEvent, continuation: continuation,
        deadline: makeDeadline(seconds, request.method))
      output.append(frame(Request(id: id, method: request.method, params: request.params).json.serialized()))
      flush()
    }
    return try result.get()
  }

  /// Ends the lane with everything that it started.
  func stop() { end("the lane was ended", code: .remoteUnreachable) }

  /// Returns when the process is gone and reaped.
  func waitUntilGone() async {
    if isReaped { return }
    await withCheckedContinuation { whenGone.append($0) }
  }

  // MARK: Traffic

  private func makeDeadline(_ seconds: Double, _ method: String) -> any DispatchSourceTimer {
    let timer = DispatchSource.makeTimerSource(queue: executor.queue)
    timer.schedule(deadline: .now() + seconds)
    timer.setEventHandler { [weak self] in
      self?.assumeIsolated {
        $0.end("\(method) at the Git server took longer than \(Int(seconds)) s", code: .remoteTimeout)
      }
    }
    timer.resume()
    return timer
  }

  /// What does not fit into the socket goes when the lane has read of it, for which the request's deadline gives it time.
  private func flush() {
    do throws(SystemCallError) {
      while !output.isEmpty {
        let sent = try output.withNextBytes { bytes throws(SystemCallError) in
          try socket.descriptor.send(bytes)
        }
        output.consume(sent)
      }
      socket.setInterest(.readable)
    } catch {
      if error.errno == .wouldBlock { return socket.setInterest([.readable, .writable]) }
      end("the lane does not listen: \(error)", code: .internalError)
    }
  }

  private func readAvailable() {
    do throws(SystemCallError) {
      while isRunning {
        let bytes = try socket.descriptor.read(upTo: 256 * 1024)
        if bytes.isEmpty { return end("the lane ended unexpectedly", code: .internalError) }
        decoder.append(bytes)
        try takeFrames()
      }
    } catch {
      if error.errno != .wouldBlock { end("the lane can't be read: \(error)", code: .internalError) }
    }
  }

  private func takeFrames() throws(SystemCallError) {
    do {
      while isRunning, let body = try decoder.next() {
        guard let reply = Reply(json: try JSONValue(parsing: body, maximumDepth: 64)) else {
          throw JSONShapeError(path: "", message: "not a reply")
        }
        try take(reply, bytes: body.count)
      }
    } catch {
      end("the lane misbehaved: \(error)", code: .internalError)
    }
  }

  private func take(_ reply: Reply, bytes: Int) throws(JSONShapeError) {
    guard let pending, reply.id == pending.id else {
      throw JSONShapeError(path: "id", message: "no such request is open")
    }
    switch reply.body {
    case .event(let event):
      reportBytesLeft -= bytes
      guard reportBytesLeft >= 0 else {
        return end(
          "the repository's tags and their messages take more than containment.reportBytes",
          code: .remoteProtocol)
      }
      try pending.onEvent(event)
    case .result(let value): settle(.success(value))
    case .error(let error): settle(.failure(error))
    }
  }

  private func settle(_ result: Result<JSONValue, WireError>) {
    guard let pending else { return }
    self.pending = nil
    pending.deadline.cancel()
    pending.continuation.resume(returning: result)
  }

  // MARK: The end

  private func end(_ message: String, code: WireError.Code) {
    guard isRunning else { return }
    isRunning = false
    socket.stop()
    let changesRemote = pending?.changesRemote ?? false
    settle(.failure(Self.gone(message, code: code, changesRemote: changesRemote)))
    reap()
  }

  /// Waits on a thread of its own, which no repository needs: a process in the middle of a disk access does not die
  /// at once, and a Git service that writes to this machine's disk may finish what it was told, or tidy up.
  private func reap() {
    let process = process
    DispatchQueueExecutor(label: "stagekeeper.lane.end", hasOwnThread: true).async { [weak self] in
      process.endTree(within: 2, childFirst: true)
      guard let self else { return }
      Task { await self.noteReaped() }
    }
  }

  private func noteReaped() {
    isReaped = true
    for continuation in whenGone { continuation.resume() }
    whenGone = []
  }

  private static func gone(
    _ message: String, code: WireError.Code = .internalError, changesRemote: Bool
  ) -> WireError {
    WireError(
      code, category: .retry, message, details: changesRemote ? JSONObject([("outcomeUnknown", true)]) : nil)
  }
}
