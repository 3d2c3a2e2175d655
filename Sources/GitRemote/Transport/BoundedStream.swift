internal import CLibgit2
internal import Glibc
internal import SystemCalls

/// What a socket that libgit2 opens belongs to: its deadlines, and the place for its errors.
final class StreamContext {
  var deadlines: Deadlines
  /// The first failure of the socket, which says more than libgit2's message.
  private(set) var failure: GitRemoteError?
  /// The socket that is connected; -1: none.
  fileprivate var descriptor: Int32 = -1
  private var operation: String
  private let host: String
  private let port: String

  /// - Parameter host: the only host, and the only port on it, that may be connected to.
  init(_ deadlines: Deadlines, operation: String, host: String, port: String) {
    self.deadlines = deadlines
    self.operation = operation
    self.host = host
    self.port = port
  }

  /// Begins another conversation over the same connection.
  func goOn(_ deadlines: Deadlines, operation: String) {
    self.deadlines = deadlines
    self.operation = operation
  }

  /// Whether the socket is connected and there is nothing to read, not even its end.
  var isQuiet: Bool {
    var entries = [Poll.Entry(descriptor, read: true)]
    return descriptor >= 0 && (try? Poll.wait(&entries, until: .now)) == false
  }

  /// libgit2 follows a redirect within a host, also to another port, whatever it was told.
  func allows(host: String, port: String) -> Bool {
    if host == self.host, port == self.port { return true }
    fail(
      GitRemoteError(
        .redirected, operation, "the server redirects to \(host) port \(port); this is not followed"))
    return false
  }

  /// Runs calls of libgit2 whose sockets belong to this context.
  func run<Result>(_ body: () -> Result) -> Result {
    let outer = pthread_getspecific(Self.key)
    pthread_setspecific(Self.key, Unmanaged.passUnretained(self).toOpaque())
    defer { pthread_setspecific(Self.key, outer) }
    return withExtendedLifetime(self) { body() }
  }

  /// libgit2 makes sockets without saying for whom; so this is kept for each thread.
  static var current: StreamContext? {
    pthread_getspecific(key).map { Unmanaged<StreamContext>.fromOpaque($0).takeUnretainedValue() }
  }

  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    pthread_key_create(&key, nil)
    return key
  }()

  func timedOut() { fail(deadlines.passed(operation)) }

  func fail(_ error: SystemCallError) {
    let code: GitRemoteError.Code =
      switch error.errno {
      case .timedOut: .timeout
      case .connectionReset, .brokenPipe: .remoteHungUp
      default: .unreachable
      }
    fail(GitRemoteError(code, operation, "\(error)"))
  }

  private func fail(_ error: GitRemoteError) {
    if failure == nil { failure = error }
    stagekeeper_git_set_error(error.message)
  }
}

/// The plain socket under libgit2's http and TLS: its own waits for ever, and sends small packets late.
struct BoundedStream {
  /// Must be the first field: libgit2 sees only this.
  private var parent: git_stream
  private let host: UnsafeMutablePointer<CChar>
  private let port: UnsafeMutablePointer<CChar>
  private var descriptor: Int32 = -1

  /// Has libgit2 use these sockets from now on, in the whole process.
  static func register() throws(GitRemoteError) {
    var registration = git_stream_registration()
    registration.version = GIT_STREAM_VERSION
    registration.`init` = { out, host, port in
      guard let out, let host, let port else { return -1 }
      out.pointee = BoundedStream.make(host, port)
      return 0
    }
    try LibGit2.check("start libgit2") { git_stream_register(GIT_STREAM_STANDARD, &registration) }
  }

  private static func make(
    _ host: UnsafePointer<CChar>, _ port: UnsafePointer<CChar>
  ) -> UnsafeMutablePointer<git_stream> {
    var parent = git_stream()
    parent.version = GIT_STREAM_VERSION
    parent.connect = { BoundedStream.connect($0) }
    parent.read = { BoundedStream.read($0, $1, $2) }
    parent.write = { stream, bytes, count, _ in BoundedStream.write(stream, bytes, count) }
    parent.close = { BoundedStream.close($0) }
    parent.free = { BoundedStream.free($0) }
    let stream = UnsafeMutablePointer<BoundedStream>.allocate(capacity: 1)
    stream.initialize(to: BoundedStream(parent: parent, host: strdup(host), port: strdup(port)))
    return UnsafeMutableRawPointer(stream).assumingMemoryBound(to: git_stream.self)
  }

  private init(parent: git_stream, host: UnsafeMutablePointer<CChar>, port: UnsafeMutablePointer<CChar>) {
    self.parent = parent
    self.host = host
    self.port = port
  }

  private typealias Handle = UnsafeMutablePointer<git_stream>?

  private static func with(
    _ stream: Handle, _ body: (UnsafeMutablePointer<BoundedStream>, StreamContext) -> Int
  ) -> Int {
    guard let stream, let context = StreamContext.current else { return -1 }
    return body(UnsafeMutableRawPointer(stream).assumingMemoryBound(to: BoundedStream.self), context)
  }

  private static func connect(_ stream: Handle) -> Int32 {
    let result = with(stream) { stream, context in
      let host = String(cString: stream.pointee.host)
      let port = String(cString: stream.pointee.port)
      guard context.allows(host: host, port: port) else { return -1 }
      do throws(SystemCallError) {
        let socket = try TCPSocket.connect(host: host, port: port, until: context.deadlines.next)
        stream.pointee.descriptor = socket.release()
        context.descriptor = stream.pointee.descriptor
        return 0
      } catch {
        context.fail(error)
        return -1
      }
    }
    return Int32(result)
  }

  private static func read(_ stream: Handle, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    with(stream) { stream, context in
      let received = transfer(stream, context, .readable) {
        recv(stream.pointee.descriptor, buffer, count, 0)
      }
      if received > 0 { context.deadlines.received() }
      return received
    }
  }

  private static func write(_ stream: Handle, _ bytes: UnsafePointer<CChar>?, _ count: Int) -> Int {
    with(stream) { stream, context in
      transfer(stream, context, .writable) {
        send(stream.pointee.descriptor, bytes, count, Int32(MSG_NOSIGNAL))
      }
    }
  }

  private static func transfer(
    _ stream: UnsafeMutablePointer<BoundedStream>, _ context: StreamContext, _ readiness: Readiness,
    _ call: () -> Int
  ) -> Int {
    while true {
      let result = call()
      if result >= 0 { return result }
      let error = Errno.current
      if error == .interrupted { continue }
      guard error == .wouldBlock else {
        context.fail(SystemCallError(error, "the connection"))
        return -1
      }
      guard wait(stream.pointee.descriptor, readiness, until: context.deadlines.next) else {
        context.timedOut()
        return -1
      }
    }
  }

  private static func wait(_ descriptor: Int32, _ readiness: Readiness, until deadline: MonotonicTime) -> Bool
  {
    var entries = [
      Poll.Entry(descriptor, read: readiness == .readable, write: readiness == .writable)
    ]
    return (try? Poll.wait(&entries, until: deadline)) ?? true
  }

  private static func close(_ stream: Handle) -> Int32 {
    guard let stream else { return 0 }
    let own = UnsafeMutableRawPointer(stream).assumingMemoryBound(to: BoundedStream.self)
    if own.pointee.descriptor >= 0 { _ = Glibc.close(own.pointee.descriptor) }
    if let context = StreamContext.current, context.descriptor == own.pointee.descriptor {
      context.descriptor = -1
    }
    own.pointee.descriptor = -1
    return 0
  }

  private static func free(_ stream: Handle) {
    guard let stream else { return }
    _ = close(stream)
    let own = UnsafeMutableRawPointer(stream).assumingMemoryBound(to: BoundedStream.self)
    Glibc.free(own.pointee.host)
    Glibc.free(own.pointee.port)
    own.deinitialize(count: 1)
    own.deallocate()
  }
}
