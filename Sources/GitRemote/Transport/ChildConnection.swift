internal import SystemCalls

/// A service reached through the standard input and output of a child process: ssh, or Git itself.
final class ChildConnection: ServiceConnection {
  private let child: ChildProcess
  private let socket: FileDescriptor
  private let errors: FileDescriptor
  private let operation: String
  private var deadlines: Deadlines
  private var errorText: [UInt8] = []
  private var errorsOpen = true
  private var exit: ChildExit?
  private var isClosed = false
  /// What the server sent while the request was still going out, bounded by ``earlyLimit``.
  private var early: [UInt8] = []

  private static let errorTextLimit = 64 << 10
  private static let earlyLimit = 4 << 20

  /// Starts the program. It stays in this process's group, so that whoever kills the group reaches it.
  init(_ command: ChildCommand, operation: String, deadlines: Deadlines) throws(GitRemoteError) {
    do throws(SystemCallError) {
      let conversation = try FileDescriptor.socketPair()
      let words = try FileDescriptor.pipe()
      let far = conversation.second.rawValue
      try conversation.first.setNonBlocking(true)
      try words.first.setNonBlocking(true)
      child = try ChildProcess.spawn(command, descriptors: [far, far, words.second.rawValue])
      socket = conversation.takeFirst()
      errors = words.takeFirst()
    } catch {
      throw GitRemoteError(.io, operation, "\(error)")
    }
    self.operation = operation
    self.deadlines = deadlines
  }

  deinit { close() }

  /// A service that has begun to read a request may have done anything.
  let requestWasRefused = false
  let canBeLeft = true

  /// Whether the program has ended by itself.
  var hasEnded: Bool {
    if exit == nil { exit = try? child.poll() }
    return exit != nil
  }

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
      throw GitRemoteError(.io, operation, "\(error)")
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
        throw GitRemoteError(.io, operation, "\(error)")
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
    while exit == nil, errorsOpen, !patience.hasPassed {
      var entries = [Poll.Entry(errors.rawValue, read: true)]
      guard let ready = try? Poll.wait(&entries, until: patience), ready else { break }
      guard (try? drainErrors()) != nil else { break }
    }
    if exit == nil { exit = try? child.wait(until: patience) }
    let words = words
    let code = ServerRefusal.code(for: words, otherwise: .remoteHungUp)
    let how = exit.map { "the program \($0)" } ?? "the connection ended early"
    return GitRemoteError(code, operation, words.isEmpty ? how : words)
  }

  func isOver() -> Bool {
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
      // At the end of its output the program is about to end.
      if entries[0].isReadable, exit == nil { exit = try? child.wait(until: .after(seconds: 0.002)) }
    }
    close()
  }

  func close() {
    guard !isClosed else { return }
    isClosed = true
    if !hasEnded { child.endTree(within: 2) }
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
