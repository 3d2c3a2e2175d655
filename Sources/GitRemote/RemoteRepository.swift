internal import SystemCalls

/// One repository on a Git server, with a mirror of what had to be downloaded.
///
/// The mirror holds objects and no refs, in two parts: tag objects with the contents of single commits, and
/// the history of commits. It is a cache. What the remote's refs are is known from its advertisement alone.
///
/// Synchronous and confined to one thread: libgit2's errors are per thread, and every call may block until
/// the configured deadlines. No process is left behind after ``close()`` or when the object goes.
public final class RemoteRepository {
  let configuration: RemoteConfiguration
  let transport: any Transport
  /// Tag objects without what they point to, and commits with their trees without their parents.
  let contents: ObjectStore
  /// Commits with all their ancestors; trees where the server could not leave them out.
  let history: HistoryStore
  private let lock: FileDescriptor
  /// Conversations in which all was said, whose far sides have not ended yet.
  private var ending: [any ServiceConnection] = []

  /// Opens the mirror, or makes it. Does not connect.
  ///
  /// - Throws: ``GitRemoteError/Code/locked`` while another process has it open.
  public init(_ configuration: RemoteConfiguration) throws(GitRemoteError) {
    try LibGit2.start()
    self.configuration = configuration
    let mirror = configuration.mirrorDirectory
    lock = try Mirror.prepare(mirror, for: configuration.url)
    contents = try ObjectStore(directory: "\(mirror)/contents.git", inMemory: true)
    history = try HistoryStore(directory: "\(mirror)/history.git")
    transport = try Self.transport(for: configuration)
  }

  deinit { close() }

  /// Keeps new tag objects on disk and ends the shared connection. The next operation opens one anew.
  public func close() {
    try? contents.flush()
    for connection in ending { connection.finish() }
    ending = []
    transport.close()
  }

  private static func transport(for configuration: RemoteConfiguration) throws(GitRemoteError)
    -> any Transport
  {
    switch configuration.url.location {
    case .path(let path):
      return LocalTransport(path: path, configuration: configuration)
    case .ssh(let user, let host, let port, let path):
      let commandLine = try SSHCommandLine(user: user, host: host, port: port, configuration: configuration)
      return try SSHTransport(
        commandLine, path: path, configuration: configuration,
        socketName: Mirror.shortName(configuration.mirrorDirectory))
    case .http:
      return try HTTPTransport(configuration: configuration)
    }
  }

  // MARK: - Conversations

  /// Connects and reads the advertisement; when a shared connection turns out to be dead, once more over a
  /// fresh one.
  func converse(_ service: GitService, _ operation: String) throws(GitRemoteError) -> Conversation {
    do throws(GitRemoteError) {
      return try open(service, operation)
    } catch {
      guard Self.isOfConnection(error), transport.discardSharedConnection() else { throw error }
    }
    do throws(GitRemoteError) {
      return try open(service, operation)
    } catch {
      if Self.isOfConnection(error) { _ = transport.discardSharedConnection() }
      throw error
    }
  }

  private func open(_ service: GitService, _ operation: String) throws(GitRemoteError) -> Conversation {
    awaitEndings()
    try configuration.checkFiles()
    let connection = try transport.connect(service, operation: operation)
    ending.append(connection)
    do throws(GitRemoteError) {
      return try Conversation(connection, operation: operation, limits: configuration.limits)
    } catch {
      ending.removeLast()
      throw error
    }
  }

  /// Servers allow few conversations at once over a shared connection, so that not many may be left open.
  private func awaitEndings() {
    ending.removeAll { $0.isOver() }
    while ending.count > 3 { ending.removeFirst().finish() }
  }

  /// Runs the second part of a conversation; a failure ends the shared connection too.
  func proceed<Result>(_ body: () throws(GitRemoteError) -> Result) throws(GitRemoteError) -> Result {
    do throws(GitRemoteError) {
      return try body()
    } catch {
      if Self.isOfConnection(error) { _ = transport.discardSharedConnection() }
      throw error
    }
  }

  private static func isOfConnection(_ error: GitRemoteError) -> Bool {
    [.timeout, .remoteHungUp, .unreachable, .protocolViolation, .tooLarge, .io].contains(error.code)
  }
}

/// The directory of one repository's mirror.
private enum Mirror {
  /// Makes it, locks it, and empties it when it was another repository's.
  static func prepare(_ path: String, for url: RemoteURL) throws(GitRemoteError) -> FileDescriptor {
    let operation = "open the mirror"
    do throws(SystemCallError) {
      try Files.makeDirectories(path)
      guard let lock = try Files.lock("\(path)/lock") else {
        throw SystemCallError(.wouldBlock, operation)
      }
      let marker = "\(path)/url"
      let wanted = Array(url.description.utf8)
      let found = try Files.kind(of: marker) == nil ? [] : try Files.read(marker, limit: 8192)
      if found != wanted {
        try Files.removeTree("\(path)/contents.git")
        try Files.removeTree("\(path)/history.git")
        try Files.replace(marker, with: wanted)
      }
      return lock
    } catch {
      if error.errno == .wouldBlock {
        throw GitRemoteError(.locked, operation, "another process uses \(path)")
      }
      throw GitRemoteError(.io, operation, "\(error)")
    }
  }

  /// A file name that is the same for the same path and another for others: FNV-1a, 64 bit.
  static func shortName(_ path: String) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in path.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return String(hash, radix: 36)
  }
}
