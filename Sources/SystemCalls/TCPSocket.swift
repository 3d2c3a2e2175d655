internal import CSystem
internal import Glibc

/// Stream sockets of the Internet domains.
public enum TCPSocket {
  /// Connects to the first address of a host that answers; non-blocking, close-on-exec, small packets sent
  /// at once. C: `getaddrinfo`, `socket`, `connect`, `TCP_NODELAY`.
  ///
  /// The name is looked up with the resolver's own time limit, which no deadline shortens.
  ///
  /// - Parameter port: a number or a service name.
  /// - Throws: ``Errno/timedOut`` when the deadline passed; ``Errno/noSuchFile`` when there is no such host.
  public static func connect(
    host: String, port: String, until deadline: MonotonicTime
  ) throws(SystemCallError) -> FileDescriptor {
    let operation = "connect to \(host) port \(port)"
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_ADDRCONFIG
    var list: UnsafeMutablePointer<addrinfo>?
    let found = getaddrinfo(host, port, &hints, &list)
    guard found == 0 else {
      throw SystemCallError(.noSuchFile, "\(operation): \(String(cString: gai_strerror(found)))")
    }
    defer { freeaddrinfo(list) }
    var failure = SystemCallError(.noSuchFile, operation)
    var next = list
    while let address = next?.pointee {
      do throws(SystemCallError) {
        // One that does not answer leaves the others as much time as it had itself.
        let others = Double(address.ai_next.map { Self.count($0) } ?? 0)
        let share = deadline.secondsLeft / (1 + others)
        return try connect(address, until: .after(seconds: max(0, share)), operation)
      } catch {
        failure = error
      }
      next = address.ai_next
    }
    throw failure
  }

  private static func count(_ list: UnsafeMutablePointer<addrinfo>) -> Int {
    sequence(first: list) { $0.pointee.ai_next }.reduce(0) { count, _ in count + 1 }
  }

  private static func connect(
    _ address: addrinfo, until deadline: MonotonicTime, _ operation: String
  ) throws(SystemCallError) -> FileDescriptor {
    let type = address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let descriptor = FileDescriptor(
      takingOwnership: try systemCall("socket") { socket(address.ai_family, type, address.ai_protocol) })
    let number = descriptor.rawValue
    var yes: Int32 = 1
    let size = socklen_t(MemoryLayout<Int32>.size)
    setsockopt(number, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, size)
    setsockopt(number, SOL_SOCKET, SO_KEEPALIVE, &yes, size)
    if Glibc.connect(number, address.ai_addr, address.ai_addrlen) == 0 { return descriptor }
    guard Errno.current.rawValue == EINPROGRESS else { throw SystemCallError(.current, operation) }
    guard try descriptor.wait(for: .writable, until: deadline) else {
      throw SystemCallError(.timedOut, operation)
    }
    var result: Int32 = 0
    var length = size
    try systemCall("getsockopt SO_ERROR") { getsockopt(number, SOL_SOCKET, SO_ERROR, &result, &length) }
    if result != 0 { throw SystemCallError(Errno(rawValue: result), operation) }
    return descriptor
  }
}
