internal import SystemCalls

/// A service reached through the standard input, output and error of a program: ssh, Git itself, or what the server
/// runs in a session of a shared ssh connection.
final class StreamConnection: ServiceConnection {
  private let far: any FarEnd
  private let socket: FileDescriptor
  private let errors: FileDescriptor
  private let operation: String
  private var deadlines: Deadlines
  private var errorText: [UInt8] = []
  private var errorsOpen = true
  private var isClosed = false
  /// What the server sent while the request was still going out, bounded by ``earlyLimit``.
  private var early: [UInt8] = []

  private static let errorTextLimit = 64 << 10
  private static let earlyLimit = 4 << 20

  /// - Parameter start: starts whoever speaks at the far end, with these as its standard streams.
  init(
    operation: String, deadlines: Deadlines,
    _ start: (_ conversation: borrowing FileDescriptor, _ errors: borrowing FileDescriptor)
      throws(GitRemoteError) -> any FarEnd
  ) throws(GitRemoteError) {
    let conversation = try Self.pair(operation, FileDescriptor.socketPair)
    let words = try Self.pair(operation, FileDescriptor.pipe)
    far = try start(conversation.second, words.second)
    socket = conversation.takeFirst()
    errors = words.takeFirst()
    self.operation = operation
    self.deadlines = deadlines
  }

  /// Of which the first end does not block.
  private static func pair(
    _ operation: String, _ make: () throws(SystemCallError) -> DescriptorPair
  ) throws(GitRemoteError) -> DescriptorPair {
    do throws(SystemCallError) {
      let pair = try make()
      try pair.first.setNonBlocking(true)
      return pair
    } catch {
      throw GitRemoteError(operation, error)
    }
  }

  /// Starts a program. It stays in this process's group, so that whoever ends the group reaches it.
  convenience init(_ command: ChildCommand, operation: String, deadlines: Deadlines) throws(GitRemoteError) {
    try self.init(operation: operation, deadlines: deadlines) { conversation, errors throws(GitRemoteError) in
      try RunningCommand(command, operation, conversation, errors)
    }
  }

  deinit { close() }

  /// A service that has begun to read a request may have done anything.
  let requestWasRefused = false
  let canBeLeft = true

  var hasEnded: Bool { far.end(by: .now) != nil }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(GitRemoteError) -> Int {
    if !early.isEmpty { return takeEarly(into: buffer) }
    while true {
      if let count = try attempt({ () throws(SystemCallError) in try socket.read(into: buffer) }) {
        if count > 0 { deadlines.received() }
        return count
      }
      try waitFor(write: false)
    }
  }

  func send(_ request: [UInt8]) throws(GitRemoteError) {
    var offset = 0
    while offset < request.count {
      let sent = try attempt { () throws(SystemCallError) in
        try sendSome(request, from: offset)
      }
      if let sent { offset += sent } else { try waitFor(write: true) }
    }
  }

  private func sendSome(_ request: [UInt8], from offset: Int) throws(SystemCallError) -> Int {
    var failure: SystemCallError?
    let sent = request[offset...].withUnsafeBytes { bytes in
      do throws(SystemCallError) {
        return try socket.send(bytes)
      } catch {
        failure = error
        return 0
      }
    }
    if let failure { throw failure }
    return sent
  }

  /// The result of a non-blocking call; nil when it would have to wait.
  private func attempt(_ call: () throws(SystemCallError) -> Int) throws(GitRemoteError) -> Int? {
    do throws(SystemCallError) {
      return try call()
    } catch {
      if error.errno == .wouldBlock { return nil }
      if error.errno == .connectionReset { return 0 }
      if error.errno == .brokenPipe { throw unexpectedEnd() }
      throw GitRemoteError(operation, error)
    }
  }

  /// Waits until the conversation can go on, and meanwhile takes what the program says and, while
  /// sending, what the server answers already: else both could wait for each other.
  private func waitFor(write: Bool) throws(GitRemoteError) {
    while true {
      let readEarly = write && early.count < Self.earlyLimit
      var entries = [
        Poll.Entry(socket.rawValue, read: !write || readEarly, write: write),
        Poll.Entry(errorsOpen ? errors.rawValue : -1, read: true),
      ]
      do throws(SystemCallError) {
        guard try Poll.wait(&entries, until: deadlines.next) else {
          throw SystemCallError(.timedOut, operation)
        }
        if entries[1].isReadable { try drainErrors() }
        if write, entries[0].isReadable { try readEarlyAnswer() }
      } catch {
        if error.errno == .timedOut { throw deadlines.passed(operation).saying(words) }
        throw GitRemoteError(operation, error)
      }
      if write ? entries[0].isWritable : entries[0].isReadable { return }
    }
  }

  private func readEarlyAnswer() throws(SystemCallError) {
    do throws(SystemCallError) {
      early += try socket.read(upTo: 65_536)
    } catch {
      if error.errno != .wouldBlock && error.errno != .connectionReset { throw error }
    }
  }

  private func takeEarly(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(early.count, buffer.count)
    buffer.copyBytes(from: early[..<count])
    early.removeFirst(count)
    return count
  }

  private func drainErrors() throws(SystemCallError) {
    while errorsOpen {
      do throws(SystemCallError) {
        let part = try errors.read(upTo: 4096)
        if part.isEmpty { errorsOpen = false }
        errorText += part.prefix(max(0, Self.errorTextLimit - errorText.count))
      } catch {
        if error.errno == .wouldBlock { return }
        throw error
      }
    }
  }

  /// What the program and the far side's standard error said so far.
  private var words: String { ServerText.sanitized(errorText) }

  /// Gives the program a moment to end and to say why.
  func unexpectedEnd() -> GitRemoteError {
    let patience = MonotonicTime.after(seconds: 2)
    while errorsOpen, !hasEnded, !patience.hasPassed {
      var entries = [Poll.Entry(errors.rawValue, read: true)]
      guard let ready = try? Poll.wait(&entries, until: patience), ready else { break }
      guard (try? drainErrors()) != nil else { break }
    }
    let how = far.end(by: patience)
    try? drainErrors()
    let words = words
    let code = ServerRefusal.code(for: words, otherwise: .remoteHungUp)
    return GitRemoteError(code, operation, words.isEmpty ? how ?? "the connection ended early" : words)
  }

  func isOver() -> Bool {
    if isClosed { return true }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 1)
    defer { buffer.deallocate() }
    while let count = try? socket.read(into: buffer), count > 0 {}
    try? drainErrors()
    return hasEnded
  }

  func finish() {
    let patience = MonotonicTime.after(seconds: 2)
    while !isOver(), !patience.hasPassed {
      var entries = [
        Poll.Entry(socket.rawValue, read: true), Poll.Entry(errorsOpen ? errors.rawValue : -1, read: true),
      ]
      guard let ready = try? Poll.wait(&entries, until: patience), ready else { break }
      // At the end of its output it is about to end.
      if entries[0].isReadable { _ = far.end(by: .after(seconds: 0.002)) }
    }
    close()
  }

  func close() {
    guard !isClosed else { return }
    isClosed = true
    if hasEnded { return }
    socket.shutDown()
    far.stop()
  }
}

extension GitRemoteError {
  /// Adds what a program said, if it did.
  func saying(_ words: String) -> GitRemoteError {
    var copy = self
    if !words.isEmpty { copy.message += "; it said: \(words)" }
    return copy
  }
}
