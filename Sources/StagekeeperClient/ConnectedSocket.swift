internal import Dispatch
internal import SystemCalls

/// The client's end of a connection, non-blocking. It is closed when its last holder lets go: the
/// connection, or a watch whose handler may still run.
final class ConnectedSocket: Sendable {
  private let descriptor: FileDescriptor
  var number: Int32 { descriptor.rawValue }

  init(path: String) throws(SystemCallError) {
    descriptor = try UnixSocket.connect(to: path)
    try descriptor.setNonBlocking(true)
  }

  /// What has arrived; empty at the end.
  func read() throws(SystemCallError) -> [UInt8] { try descriptor.read(upTo: 65_536) }

  /// Sends some of the bytes and says how many.
  func send(_ bytes: [UInt8]) throws(SystemCallError) -> Int {
    var failure: SystemCallError?
    let sent = bytes.withUnsafeBytes { buffer in
      do throws(SystemCallError) {
        return try descriptor.send(buffer)
      } catch {
        failure = error
        return 0
      }
    }
    if let failure { throw failure }
    return sent
  }
}

/// A dispatch source that ends with its owner. (Releasing a source does not cancel it.)
final class DescriptorWatch {
  private let source: any DispatchSourceProtocol

  /// - Parameter socket: kept open until the handler can run no more.
  init(
    _ source: any DispatchSourceProtocol, keeping socket: ConnectedSocket,
    handler: @escaping @Sendable () -> Void
  ) {
    self.source = source
    source.setEventHandler(handler: handler)
    source.setCancelHandler { withExtendedLifetime(socket) {} }
    source.resume()
  }

  deinit { source.cancel() }
}
