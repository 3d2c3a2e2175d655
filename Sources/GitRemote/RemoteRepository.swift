internal import RemoteURLs
public import SystemCalls

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
  var contents: ObjectStore { mirror.contents }
  /// Commits with all their ancestors; trees where the server could not leave them out.
  var history: HistoryStore { mirror.history }
  /// Refs in full that the server shows to who fetches or to who pushes, but not to both: ``push(_:known:watched:)``
  /// does not compare them.
  public var hiddenRefs: Set<String> = []
  private let mirror: Mirror
  /// Conversations in which all was said, whose far sides have not ended yet.
  private var ending: [any ServiceConnection] = []
  /// The beginning of the next push.
  private var begun: BegunPush?

  private struct BegunPush {
    let connection: Result<any ServiceConnection, GitRemoteError>
    /// Until when what the server says at the beginning is new enough.
    let end = MonotonicTime.after(seconds: 1)
  }

  /// Opens the mirror, or makes it. Does not connect.
  ///
  /// - Throws: ``GitRemoteError/Code/locked`` while another process has it open.
  public init(_ configuration: RemoteConfiguration) throws(GitRemoteError) {
    try LibGit2.start()
    self.configuration = configuration
    mirror = try Mirror(configuration.mirrorDirectory, for: configuration.url)
    transport = try Self.transport(for: configuration)
  }

  deinit { close() }

  /// Keeps new tag objects on disk and ends the shared connection. The next operation opens one anew.
  public func close() {
    try? contents.flush()
    giveUpBegunPush()
    for connection in ending { connection.finish() }
    ending = []
    transport.close()
  }

  /// Has whoever opens the mirror next make it anew. For ``GitRemoteError/Code/mirrorDamaged``: all that it holds can
  /// be downloaded again.
  ///
  /// - Throws: ``GitRemoteError/Code/mirrorUnusable`` where nobody could.
  public func condemnMirror() throws(GitRemoteError) { try mirror.condemn() }

  private static func transport(for configuration: RemoteConfiguration) throws(GitRemoteError)
    -> any Transport
  {
    switch configuration.url.location {
    case .path(let path):
      return LocalTransport(path: path, configuration: configuration)
    case .ssh(let user, let host, let port, let path):
      let commandLine = try SSHCommandLine(user: user, host: host, port: port, configuration: configuration)
      return try SSHTransport(commandLine, path: path, configuration: configuration)
    case .http:
      return try HTTPTransport(configuration: configuration)
    }
  }

  /// To be called when there is nothing to do: takes note of far sides that have ended.
  ///
  /// - Returns: until when a connection waits for its next use, and is to be ended with ``endRest()``; nil: none does.
  public func rest() -> MonotonicTime? {
    ending.removeAll { $0.isOver() }
    return begun?.end ?? transport.keptUntil
  }

  /// Ends the connection that waits for its next use, and with it what it holds of a password.
  public func endRest() {
    if begun == nil { _ = transport.discardSharedConnection() }
    giveUpBegunPush()
  }

  // MARK: - Conversations

  /// Connects for a push that is about to come, so that the server gets ready while the caller does something else.
  /// Whatever goes wrong, the push says.
  public func beginPush() {
    giveUpBegunPush()
    begun = BegunPush(
      connection: Result { () throws(GitRemoteError) in try connect(.receivePack, Self.push) })
  }

  static let push = "push"

  private func takeBegunPush() -> Result<any ServiceConnection, GitRemoteError>? {
    guard let begun, !begun.end.hasPassed else { return nil }
    if case .success(let connection) = begun.connection, connection.hasEnded { return nil }
    self.begun = nil
    return begun.connection
  }

  private func giveUpBegunPush() {
    if case .success(let connection) = begun?.connection { connection.close() }
    begun = nil
  }

  /// Connects and reads the advertisement; when a shared connection turns out to be dead, once more over a
  /// fresh one.
  ///
  /// - Parameter goingOn: whether what ``beginPush()`` has begun will do: the advertisement may be a second old.
  func converse(
    _ service: GitService, _ operation: String, goingOn: Bool = false
  ) throws(GitRemoteError) -> Conversation {
    let begun = goingOn ? takeBegunPush() : nil
    giveUpBegunPush()
    do throws(GitRemoteError) {
      if let begun { return try open(try begun.get(), operation) }
      return try open(try connect(service, operation), operation)
    } catch {
      guard Self.isOfConnection(error), transport.discardSharedConnection() else { throw error }
    }
    do throws(GitRemoteError) {
      return try open(try connect(service, operation), operation)
    } catch {
      if Self.isOfConnection(error) { _ = transport.discardSharedConnection() }
      throw error
    }
  }

  private func connect(
    _ service: GitService, _ operation: String
  ) throws(GitRemoteError) -> any ServiceConnection {
    awaitEndings()
    try configuration.checkFiles()
    do throws(GitRemoteError) {
      return try transport.connect(service, operation: operation)
    } catch {
      throw error.explained(by: configuration)
    }
  }

  private func open(
    _ connection: any ServiceConnection, _ operation: String
  ) throws(GitRemoteError) -> Conversation {
    ending.append(connection)
    do throws(GitRemoteError) {
      return try Conversation(connection, operation: operation, limits: configuration.limits)
    } catch {
      ending.removeLast()
      throw error.explained(by: configuration)
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
    [.timeout, .remoteHungUp, .unreachable, .protocolViolation, .tooLarge, .io, .exhausted].contains(
      error.code)
  }
}
