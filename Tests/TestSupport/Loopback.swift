internal import Glibc
public import SystemCalls

/// TCP on 127.0.0.1.
public enum Loopback {
  /// A port that nobody listens on at the moment.
  public static func freePort() throws -> UInt16 {
    let listener = try LoopbackListener()
    return listener.port
  }

  /// Whether somebody accepts connections at the port.
  public static func accepts(_ port: UInt16) -> Bool {
    let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { return false }
    defer { close(number) }
    var address = address(port)
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }

  /// Waits until somebody does, or the program has ended.
  static func waitUntilAccepting(_ port: UInt16, _ program: RunningProgram) throws {
    let deadline = MonotonicTime.after(seconds: 20)
    while !accepts(port) {
      let exit = try program.wait(until: .now)
      if exit != nil || deadline.hasPassed {
        throw Program.Failure(description: "a test server did not start: \(program.output)")
      }
      usleep(2000)
    }
  }

  static func address(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
  }
}

/// A listening socket that lets the kernel accept connections and never says a word.
public final class LoopbackListener: Sendable {
  public let port: UInt16
  public let descriptor: FileDescriptor

  public init() throws {
    let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { throw Program.Failure(description: "no socket") }
    descriptor = FileDescriptor(takingOwnership: number)
    var address = Loopback.address(0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(number, $0, length) == 0 && listen(number, 64) == 0 && getsockname(number, $0, &length) == 0
      }
    }
    guard result else { throw Program.Failure(description: "cannot listen on 127.0.0.1") }
    port = UInt16(bigEndian: address.sin_port)
  }
}
