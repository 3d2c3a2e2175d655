internal import SystemCalls

/// Opens conversations with the services of one remote.
protocol Transport: AnyObject {
  /// Connects, so that the advertisement can be read.
  func connect(_ service: GitService, operation: String) throws(GitRemoteError) -> any ServiceConnection
  /// After a failure: nothing of an earlier connection may be used again.
  ///
  /// - Returns: whether the failed conversation went over an older connection, so that an operation that
  ///   has sent nothing yet deserves a second try over a fresh one.
  func discardSharedConnection() -> Bool
  /// Until when a connection is kept that nobody uses at the moment; nil where there is none that ends by time.
  var keptUntil: MonotonicTime? { get }
  /// How many objects may be asked for in one request.
  var wantsPerRequest: Int { get }
  func close()
}

extension Transport {
  var keptUntil: MonotonicTime? { nil }
}

final class LocalTransport: Transport {
  private let path: String
  private let configuration: RemoteConfiguration

  init(path: String, configuration: RemoteConfiguration) {
    self.path = path
    self.configuration = configuration
  }

  func connect(_ service: GitService, operation: String) throws(GitRemoteError) -> any ServiceConnection {
    try StreamConnection(
      LocalService.command(service, path: path, configuration: configuration), operation: operation,
      deadlines: Deadlines(configuration.timeouts))
  }

  func discardSharedConnection() -> Bool { false }
  var wantsPerRequest: Int { 100_000 }
  func close() {}
}

final class SSHTransport: Transport {
  private let commandLine: SSHCommandLine
  private let path: String
  private let timeouts: RemoteConfiguration.Timeouts
  private let shared: SharedConnection?
  private var lastWasReused = false

  init(
    _ commandLine: SSHCommandLine, path: String, configuration: RemoteConfiguration
  ) throws(GitRemoteError) {
    self.commandLine = commandLine
    self.path = path
    timeouts = configuration.timeouts
    shared = try configuration.controlDirectory.flatMap { (directory) throws(GitRemoteError) in
      try SharedConnection(commandLine, directory: directory, timeouts: configuration.timeouts)
    }
  }

  func connect(_ service: GitService, operation: String) throws(GitRemoteError) -> any ServiceConnection {
    let deadlines = Deadlines(timeouts)
    lastWasReused = false
    if let session = try openSession(service, operation, deadlines) { return session }
    return try StreamConnection(
      commandLine.client(service, path: path), operation: operation, deadlines: deadlines)
  }

  /// Nil where connections are not shared, or the shared one takes no further session.
  private func openSession(
    _ service: GitService, _ operation: String, _ deadlines: Deadlines
  ) throws(GitRemoteError) -> StreamConnection? {
    guard let shared else { return nil }
    let connection = try shared.open(operation, deadlines)
    lastWasReused = connection.reused
    let command = SSHCommandLine.remoteCommand(service, path: path)
    do throws(GitRemoteError) {
      return try StreamConnection(operation: operation, deadlines: deadlines) {
        (conversation, errors) throws(GitRemoteError) in
        try MultiplexedSession(
          command, over: connection.path, conversation, errors, operation: operation, deadlines)
      }
    } catch {
      guard error.code == .unsupported else { throw error }
      return nil
    }
  }

  func discardSharedConnection() -> Bool {
    shared?.close()
    defer { lastWasReused = false }
    return lastWasReused
  }

  var wantsPerRequest: Int { 100_000 }

  func close() { shared?.close() }
}
