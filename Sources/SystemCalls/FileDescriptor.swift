internal import CSystem
internal import Glibc

/// An open descriptor that its holder owns: it is closed when the value ends, exactly once.
///
/// Descriptors made by this module are close-on-exec; a child gets only those that ``ChildProcess`` hands it.
public struct FileDescriptor: ~Copyable, Sendable {
  /// The number. Valid as long as this value lives.
  public let rawValue: Int32

  /// Takes over a descriptor that is open and that nobody else closes.
  public init(takingOwnership rawValue: Int32) { self.rawValue = rawValue }

  deinit { _ = Glibc.close(rawValue) }

  /// Gives the descriptor up without closing it.
  public consuming func release() -> Int32 {
    let value = rawValue
    discard self
    return value
  }

  /// Closes now and reports what `close` says; the descriptor is gone in either case. C: `close`.
  public consuming func close() throws(SystemCallError) {
    let value = rawValue
    discard self
    if Glibc.close(value) == -1 { throw SystemCallError(.current, "close") }
  }

  /// Reads up to `buffer.count` bytes; 0 at the end. C: `read`.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemCallError) -> Int {
    try systemCall(sized: "read") { Glibc.read(rawValue, buffer.baseAddress, buffer.count) }
  }

  /// Reads up to `maximum` bytes; empty at the end. C: `read`.
  public func read(upTo maximum: Int) throws(SystemCallError) -> [UInt8] {
    var failure: SystemCallError?
    let bytes = [UInt8](unsafeUninitializedCapacity: maximum) { buffer, count in
      do throws(SystemCallError) {
        count = try read(into: UnsafeMutableRawBufferPointer(buffer))
      } catch {
        failure = error
        count = 0
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Writes some of the bytes and says how many. C: `write`.
  public func write(_ bytes: UnsafeRawBufferPointer) throws(SystemCallError) -> Int {
    try systemCall(sized: "write") { Glibc.write(rawValue, bytes.baseAddress, bytes.count) }
  }

  /// Writes all bytes to a blocking descriptor. C: `write`, repeatedly.
  public func writeAll(_ bytes: some Sequence<UInt8>) throws(SystemCallError) {
    let bytes = Array(bytes)
    var offset = 0
    while offset < bytes.count {
      offset += try systemCall(sized: "write") {
        bytes[offset...].withUnsafeBytes { Glibc.write(rawValue, $0.baseAddress, $0.count) }
      }
    }
  }

  /// Sends some of the bytes over a socket without raising SIGPIPE. C: `send` with `MSG_NOSIGNAL`.
  public func send(_ bytes: UnsafeRawBufferPointer) throws(SystemCallError) -> Int {
    try systemCall(sized: "send") {
      Glibc.send(rawValue, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
    }
  }

  /// Gives the far end of a Unix socket a copy of a descriptor, with one zero byte. C: `sendmsg`, `SCM_RIGHTS`.
  public func sendDescriptor(_ descriptor: borrowing FileDescriptor) throws(SystemCallError) {
    let number = descriptor.rawValue
    _ = try systemCall(sized: "sendmsg") { stagekeeper_send_descriptor(rawValue, number) }
  }

  /// Tells the far end of a socket that nothing more will come. C: `shutdown` with `SHUT_WR`.
  public func shutDownSending() { _ = shutdown(rawValue, Int32(SHUT_WR)) }

  /// Tells the far end of a socket that its conversation is over: it reads the end, and what it writes fails. C:
  /// `shutdown` with `SHUT_RDWR`.
  public func shutDown() { _ = shutdown(rawValue, Int32(SHUT_RDWR)) }

  /// Reads and writes return ``Errno/wouldBlock`` instead of waiting. C: `fcntl(F_SETFL)`.
  public func setNonBlocking(_ nonBlocking: Bool) throws(SystemCallError) {
    let flags = try systemCall("fcntl") { fcntl(rawValue, F_GETFL) }
    let wanted = nonBlocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK
    try systemCall("fcntl") { fcntl(rawValue, F_SETFL, wanted) }
  }

  /// Waits until the descriptor is ready or the deadline has passed. C: `poll`.
  ///
  /// - Returns: false when the deadline passed first. An error or hang-up counts as ready: the next read
  ///   or write reports it.
  public func wait(
    for readiness: Readiness, until deadline: MonotonicTime?
  ) throws(SystemCallError) -> Bool {
    while true {
      var entry = pollfd(fd: rawValue, events: readiness.events, revents: 0)
      let result = poll(&entry, 1, deadline?.pollTimeout ?? -1)
      if result > 0 { return true }
      if result == 0, deadline?.hasPassed ?? false { return false }
      if result == -1, Errno.current != .interrupted { throw SystemCallError(.current, "poll") }
    }
  }

  /// Whether the other end of a socket is gone altogether, not only done with sending. C: `poll`, `POLLHUP`.
  public var hasHungUp: Bool {
    var entry = pollfd(fd: rawValue, events: 0, revents: 0)
    return poll(&entry, 1, 0) > 0 && entry.revents & Int16(POLLHUP) != 0
  }

  /// Both ends of a pipe, close-on-exec. C: `pipe2`.
  public static func pipe() throws(SystemCallError) -> DescriptorPair {
    var ends: [Int32] = [-1, -1]
    try systemCall("pipe2") { stagekeeper_pipe(&ends) }
    return DescriptorPair(takingOwnership: ends[0], ends[1])
  }

  /// Two connected stream sockets, close-on-exec. C: `socketpair`.
  public static func socketPair() throws(SystemCallError) -> DescriptorPair {
    var ends: [Int32] = [-1, -1]
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    try systemCall("socketpair") { socketpair(AF_UNIX, type, 0, &ends) }
    return DescriptorPair(takingOwnership: ends[0], ends[1])
  }
}

/// What to wait for, and what came.
public struct Readiness: OptionSet, Sendable {
  public let rawValue: UInt8

  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let readable = Readiness(rawValue: 1)
  public static let writable = Readiness(rawValue: 2)

  /// For `poll`.
  var events: Int16 { Int16((contains(.readable) ? POLLIN : 0) | (contains(.writable) ? POLLOUT : 0)) }
}

/// The two ends of a pipe (`first` reads, `second` writes) or of a socket pair. Frozen, so that each end can
/// be given to its own owner.
@frozen
public struct DescriptorPair: ~Copyable, Sendable {
  public let first: FileDescriptor
  public let second: FileDescriptor

  init(takingOwnership first: Int32, _ second: Int32) {
    self.first = FileDescriptor(takingOwnership: first)
    self.second = FileDescriptor(takingOwnership: second)
  }

  /// Keeps the first end and closes the second.
  public consuming func takeFirst() -> FileDescriptor { first }
}
