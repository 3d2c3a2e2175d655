internal import SystemCalls

/// The ssh connection that all operations on a repository share: a master of our own, which ends with us.
///
/// ssh's own persistent master would leave our process group and outlive us.
final class SharedConnection {
  private let commandLine: SSHCommandLine
  private let path: String
  private let timeouts: RemoteConfiguration.Timeouts
  private var master: Master?

  private final class Master {
    let conversation: StreamConnection
    /// Its socket, which has no name any more.
    let socket: FileDescriptor
    let replaceAt: MonotonicTime

    init(_ conversation: StreamConnection, _ socket: consuming FileDescriptor, replaceAt: MonotonicTime) {
      self.conversation = conversation
      self.socket = socket
      self.replaceAt = replaceAt
    }

    /// Where this process alone can connect to it. Source: proc(5), `/proc/pid/fd`.
    var path: String { "/proc/self/fd/\(socket.rawValue)" }
  }

  /// Nil where a socket in the directory has no address.
  ///
  /// - Parameter directory: where the socket is to be; one that is there was left by a connection that has ended.
  init?(
    _ commandLine: SSHCommandLine, directory: String, timeouts: RemoteConfiguration.Timeouts
  ) throws(GitRemoteError) {
    path = "\(directory)/s"
    // ssh binds a temporary name that is 17 bytes longer.
    guard path.utf8.count + 17 <= UnixSocket.maximumPathLength else { return nil }
    self.commandLine = commandLine
    self.timeouts = timeouts
    try makeDirectory()
    try removeSocket()
  }

  deinit { close() }

  /// The socket of an established connection; opens one if there is none.
  ///
  /// Whoever can name the socket can use the connection, and the kernel does not keep other lanes of the same user from
  /// sockets that have a name. So its name is taken away as soon as ssh listens.
  ///
  /// - Returns: a path that holds while the connection is used, and whether the connection was there before, so that it may have died unnoticed.
  func open(
    _ operation: String, _ deadlines: Deadlines
  ) throws(GitRemoteError) -> (path: String, reused: Bool) {
    if let master, !master.replaceAt.hasPassed, !master.conversation.hasEnded { return (master.path, true) }
    close()
    let conversation = try StreamConnection(
      commandLine.master(controlPath: path), operation: operation, deadlines: deadlines)
    try waitUntilReady(conversation)
    let new = Master(
      conversation, try takeSocket(), replaceAt: .after(seconds: timeouts.sharedConnection))
    master = new
    return (new.path, false)
  }

  private func takeSocket() throws(GitRemoteError) -> FileDescriptor {
    let socket: FileDescriptor
    do throws(SystemCallError) {
      socket = try Files.openPlace(of: path, followingLinks: false)
    } catch {
      throw GitRemoteError("connect", error)
    }
    try removeSocket()
    return socket
  }

  /// The master says a line when its socket is there.
  private func waitUntilReady(_ conversation: StreamConnection) throws(GitRemoteError) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 1)
    defer { buffer.deallocate() }
    guard try conversation.read(into: buffer) > 0 else { throw conversation.unexpectedEnd() }
  }

  /// Ends the connection; the next operation opens a fresh one.
  func close() {
    master?.conversation.close()
    master = nil
    try? removeSocket()
  }

  /// Whoever can reach the socket can use the connection, so the directory is for its owner alone.
  private func makeDirectory() throws(GitRemoteError) {
    guard let slash = path.lastIndex(of: "/") else { return }
    do throws(SystemCallError) {
      try Files.makeDirectories(String(path[..<slash]), mode: 0o700)
    } catch {
      throw GitRemoteError("connect", error)
    }
  }

  private func removeSocket() throws(GitRemoteError) {
    do throws(SystemCallError) {
      try Files.remove(path)
    } catch {
      throw GitRemoteError("connect", error)
    }
  }
}
