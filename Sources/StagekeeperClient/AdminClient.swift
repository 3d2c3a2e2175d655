public import StrictJSON

/// A client of a worker's admin socket. Answers are the JSON values of the protocol.
public struct AdminClient: Sendable {
  private let client: StagekeeperClient

  /// - Parameter socketPath: the worker's admin socket; nil: ``SocketPath/admin``.
  public init(socketPath: String? = nil) {
    client = StagekeeperClient(socketPath: socketPath ?? SocketPath.admin)
  }

  /// Where the worker listens.
  public var socketPath: String { client.socketPath }

  /// Makes one call, once: an administrator sees a broken connection rather than a repeated action.
  ///
  /// - Parameters:
  ///   - method: a method of the admin socket, such as `queue`.
  ///   - params: its parameters, an object.
  public func call(
    _ method: String, _ params: JSONValue = [:], timeout: Duration? = nil
  ) async throws(ClientError) -> JSONValue {
    try await client.perform(
      Call(method: method, params: params, deadline: timeout?.fromNow, isRepeatable: false))
  }
}
