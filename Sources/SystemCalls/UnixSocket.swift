internal import CSystem
internal import Glibc

/// Stream sockets of the Unix domain.
public enum UnixSocket {
  /// The longest path that fits into a socket address on Linux, in bytes.
  public static let maximumPathLength = 107

  /// Whether a path is short enough to listen at; the name under which a socket is made first counts too.
  public static func hasRoom(for path: String) -> Bool {
    max(path.utf8.count, temporaryPath(for: path, process: .max).utf8.count) <= maximumPathLength
  }

  /// Connects to a listening socket; the result is blocking. C: `socket`, `connect`.
  ///
  /// - Throws: ``Errno/noSuchFile`` or ``Errno/connectionRefused`` where nobody listens.
  public static func connect(to path: String) throws(SystemCallError) -> FileDescriptor {
    try connect(to: path, nonBlocking: false)
  }

  private static func connect(to path: String, nonBlocking: Bool) throws(SystemCallError) -> FileDescriptor {
    let descriptor = try makeSocket(nonBlocking: nonBlocking)
    let number = descriptor.rawValue
    try withAddress(path, operation: "connect") { address, length in
      stagekeeper_connect(number, address, length)
    }
    return descriptor
  }

  /// Listens at a path, non-blocking. C: `socket`, `bind`, `lchown`, `chmod`, `listen`.
  ///
  /// The socket exists under a temporary name until its owner and mode are set, so that nobody connects before. A
  /// file that is at the path already is replaced only when it is a socket on which nobody listens.
  ///
  /// - Parameters:
  ///   - mode: permission bits, such as `0o600`.
  ///   - user: the owner's uid; nil: this process's. Only the superuser gives files away.
  ///   - group: the group's gid; nil: this process's.
  /// - Throws: ``Errno/addressInUse`` when somebody listens there, ``Errno/fileExists`` when the path is
  ///   taken by something that is not a socket.
  public static func listen(
    at path: String, mode: UInt32, user: UInt32? = nil, group: UInt32? = nil, backlog: Int32 = 512
  ) throws(SystemCallError) -> FileDescriptor {
    try refuseLiveSocket(at: path)
    let descriptor = try makeSocket(nonBlocking: true)
    let number = descriptor.rawValue
    let temporary = temporaryPath(for: path, process: getpid())
    _ = unlink(temporary)
    try withAddress(temporary, operation: "bind") { address, length in
      stagekeeper_bind(number, address, length)
    }
    do throws(SystemCallError) {
      if user != nil || group != nil {
        // The last id means "leave it" (chown(2)).
        try systemCall("chown \"\(path)\"") { lchown(temporary, user ?? .max, group ?? .max) }
      }
      try systemCall("chmod \"\(path)\"") { chmod(temporary, mode) }
      try systemCall("listen \"\(path)\"") { Glibc.listen(number, backlog) }
      try systemCall("rename to \"\(path)\"") { rename(temporary, path) }
    } catch {
      _ = unlink(temporary)
      throw error
    }
    return descriptor
  }

  /// In the same folder, and short, for an address has not much room.
  private static func temporaryPath(for path: String, process: Int32) -> String {
    let folder = path.lastIndex(of: "/").map { path[...$0] } ?? ""
    return "\(folder).\(process)"
  }

  /// Accepts one connection, non-blocking and close-on-exec; nil when none waits. C: `accept4`.
  public static func accept(from listener: borrowing FileDescriptor) throws(SystemCallError)
    -> FileDescriptor?
  {
    let number = listener.rawValue
    do throws(SystemCallError) {
      return FileDescriptor(takingOwnership: try systemCall("accept4") { stagekeeper_accept(number) })
    } catch {
      if error.errno == .wouldBlock || error.errno.rawValue == ECONNABORTED { return nil }
      throw error
    }
  }

  /// The path at which a socket listens; nil where it has none. C: `getsockname`.
  public static func path(of socket: Int32) throws(SystemCallError) -> String? {
    var address = sockaddr_un()
    var length = socklen_t(MemoryLayout<sockaddr_un>.size)
    try systemCall("getsockname") {
      withUnsafeMutableBytes(of: &address) { bytes in
        getsockname(socket, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
      }
    }
    let start = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
    guard address.sun_family == sa_family_t(AF_UNIX), Int(length) > start else { return nil }
    let path = withUnsafeBytes(of: &address) { Array($0[start..<Int(length)]).prefix { $0 != 0 } }
    return path.isEmpty ? nil : String(decoding: path, as: UTF8.self)
  }

  private static func makeSocket(nonBlocking: Bool) throws(SystemCallError) -> FileDescriptor {
    let flags = SOCK_CLOEXEC.rawValue | (nonBlocking ? SOCK_NONBLOCK.rawValue : 0)
    let type = Int32(SOCK_STREAM.rawValue | flags)
    return FileDescriptor(takingOwnership: try systemCall("socket") { socket(AF_UNIX, type, 0) })
  }

  private static func withAddress(
    _ path: String, operation: String,
    _ body: (UnsafePointer<sockaddr_un>, socklen_t) -> Int32
  ) throws(SystemCallError) {
    var address = sockaddr_un()
    let bytes = path.utf8.map { CChar(bitPattern: $0) }
    let length = stagekeeper_unix_address(&address, bytes, bytes.count)
    let name = "\(operation) \"\(path)\""
    guard length > 0, !bytes.contains(0) else { throw SystemCallError(.nameTooLong, name) }
    try systemCall(name) { body(&address, length) }
  }

  /// Does not wait: where as many as may wait for the listener do so already, it listens too.
  private static func refuseLiveSocket(at path: String) throws(SystemCallError) {
    guard let kind = try Files.kind(of: path) else { return }
    guard kind == .socket else { throw SystemCallError(.fileExists, "listen at \"\(path)\"") }
    do throws(SystemCallError) {
      _ = try connect(to: path, nonBlocking: true)
    } catch {
      if error.errno == .connectionRefused || error.errno == .noSuchFile { return }
      if error.errno != .wouldBlock { throw error }
    }
    throw SystemCallError(.addressInUse, "listen at \"\(path)\"")
  }
}

extension UnixSocket {
  /// Sends one datagram to a socket at a path, or at an abstract name (`@` first). C: `sendto`.
  public static func sendDatagram(_ bytes: some Sequence<UInt8>, to path: String) throws(SystemCallError) {
    let bytes = Array(bytes)
    let type = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = FileDescriptor(takingOwnership: try systemCall("socket") { socket(AF_UNIX, type, 0) })
    let number = descriptor.rawValue
    try withAddress(path, operation: "connect") { address, length in
      stagekeeper_connect(number, address, length)
    }
    _ = try bytes.withUnsafeBytes { bytes in
      Result { () throws(SystemCallError) in try descriptor.send(bytes) }
    }.get()
  }
}
