internal import SystemCalls

/// A session of a shared ssh connection, asked for over its control socket without starting another ssh.
///
/// The ssh that holds the connection moves the bytes between the server and the descriptors that it is given.
final class MultiplexedSession: FarEnd {
  private let control: FileDescriptor
  private let operation: String
  private var reader = MultiplexingReader()
  private var ending: String?

  /// Has the server run a command in a new session.
  ///
  /// - Parameters:
  ///   - path: the control socket.
  ///   - conversation: the command's standard input and output.
  /// - Throws: ``GitRemoteError/Code/unsupported`` where this connection takes no further session, though another
  ///   one may; ``GitRemoteError/Code/remoteHungUp`` where it is dead.
  init(
    _ command: String, over path: String, _ conversation: borrowing FileDescriptor,
    _ errors: borrowing FileDescriptor, operation: String, _ deadlines: Deadlines
  ) throws(GitRemoteError) {
    self.operation = operation
    do throws(SystemCallError) {
      control = try UnixSocket.connect(to: path)
      try control.writeAll(MultiplexingMessage.hello + MultiplexingMessage.newSession(command))
      // The receiver reads each message to its end and not beyond, so that no descriptor gets lost.
      try control.sendDescriptor(conversation)
      try control.sendDescriptor(conversation)
      try control.sendDescriptor(errors)
      try control.setNonBlocking(true)
    } catch {
      throw GitRemoteError(.remoteHungUp, operation, "the shared ssh connection: \(error)")
    }
    try waitUntilOpen(deadlines)
  }

  private func waitUntilOpen(_ deadlines: Deadlines) throws(GitRemoteError) {
    while true {
      switch try next(until: deadlines.next) {
      case nil: throw deadlines.passed(operation)
      case .hello(MultiplexingMessage.version), .other: continue
      case .hello(let version):
        throw GitRemoteError(
          .unsupported, operation, "ssh speaks version \(version) of its multiplexing protocol")
      case .refused:
        throw GitRemoteError(.unsupported, operation, "no further session on this ssh connection")
      case .opened: return
      case .exit, .end: throw GitRemoteError(.remoteHungUp, operation, "the shared ssh connection has ended")
      }
    }
  }

  /// Nil at the deadline.
  private func next(until deadline: MonotonicTime) throws(GitRemoteError) -> MultiplexingMessage? {
    while true {
      do throws(SystemCallError) {
        if let message = reader.next() { return message }
        guard try control.wait(for: .readable, until: deadline) else { return nil }
        let bytes = try control.read(upTo: 4096)
        if bytes.isEmpty { return .end }
        reader.append(bytes)
      } catch {
        if error.errno == .wouldBlock { continue }
        if error.errno == .connectionReset { return .end }
        throw GitRemoteError(operation, error)
      }
    }
  }

  func end(by deadline: MonotonicTime) -> String? {
    while ending == nil {
      switch try? next(until: deadline) {
      case nil: return nil
      case .exit(let status): ending = "the program exited with status \(status)"
      case .end: ending = "the shared ssh connection has ended"
      default: continue
      }
    }
    return ending
  }

  /// The connection's holder ends the session when its client goes.
  func stop() { control.shutDownSending() }
}

/// What is said over the control socket of a shared ssh connection. Source: OpenSSH's PROTOCOL.mux, version 4,
/// "passenger mode".
enum MultiplexingMessage: Equatable {
  static let version: UInt32 = 4

  case hello(version: UInt32)
  case opened
  /// `MUX_S_PERMISSION_DENIED`, `MUX_S_FAILURE`, or something that makes no sense.
  case refused
  case exit(status: UInt32)
  case other
  /// Not a message: there will be no more of them.
  case end

  private static let helloType: UInt32 = 0x0000_0001
  private static let newSessionType: UInt32 = 0x1000_0002

  fileprivate init(type: UInt32, numbers: [UInt32]) {
    switch type {
    case Self.helloType: self = .hello(version: numbers.first ?? 0)
    case 0x8000_0002, 0x8000_0003: self = .refused
    case 0x8000_0004: self = .exit(status: numbers.count > 1 ? numbers[1] : 255)
    case 0x8000_0006: self = .opened
    default: self = .other
    }
  }

  static var hello: [UInt8] { framed(number(helloType) + number(version)) }

  /// Without terminal, forwarding, subsystem, escape character and environment.
  static func newSession(_ command: String) -> [UInt8] {
    let flags = [UInt32](repeating: 0, count: 4).flatMap(number)
    return framed(
      number(newSessionType) + number(0) + string("") + flags + number(.max) + string("") + string(command))
  }

  private static func framed(_ body: [UInt8]) -> [UInt8] { number(UInt32(body.count)) + body }

  private static func string(_ text: String) -> [UInt8] { number(UInt32(text.utf8.count)) + text.utf8 }

  private static func number(_ value: UInt32) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
  }
}

/// Takes the control socket's messages apart.
struct MultiplexingReader {
  private var bytes: [UInt8] = []
  private static let limit = 256 << 10

  mutating func append(_ more: [UInt8]) { bytes += more }

  /// Nil until a whole message is there. Of its body the numbers at the beginning are read, the first of which is
  /// the version or the number of the request or session.
  mutating func next() -> MultiplexingMessage? {
    guard let length = number(at: 0).map(Int.init) else { return nil }
    guard (4...Self.limit).contains(length) else { return .end }
    guard bytes.count >= 4 + length, let type = number(at: 4) else { return nil }
    let numbers = stride(from: 8, to: min(16, 4 + length) - 3, by: 4).compactMap(number)
    bytes.removeFirst(4 + length)
    return MultiplexingMessage(type: type, numbers: numbers)
  }

  private func number(at offset: Int) -> UInt32? {
    guard bytes.count >= offset + 4 else { return nil }
    return bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
  }
}
