internal import SystemCalls

/// Keeps one connection to a worker and makes another when it has ended.
actor Link {
  nonisolated let path: String
  private let executor = DispatchQueueExecutor(label: "stagekeeper.link")
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
  private var current: Connection?

  init(path: String) { self.path = path }

  /// The connection in use, or a new one.
  func connection() async throws(ClientError) -> Connection {
    if let current, await !current.hasEnded { return current }
    let connection = try Connection(path: path)
    current = connection
    return connection
  }
}
