import StrictJSON
import SystemCalls
import TestSupport
import WireProtocol

/// A client that sends any bytes it likes.
final class RawConnection {
  private let socket: FileDescriptor
  private var decoder = FrameDecoder(limit: ProtocolLimits.replyBytes)

  init(_ path: String) throws { socket = try UnixSocket.connect(to: path) }

  /// Sends bytes; a worker that has closed already is no error.
  func send(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      guard let sent = try? rest.withUnsafeBytes({ try socket.send($0) }) else { return }
      rest = rest.dropFirst(sent)
    }
  }

  func send(text: String) { send(frame(Array(text.utf8))) }

  func request(_ id: Int64, _ method: String, _ params: JSONValue = [:]) {
    send(frame(Request(id: id, method: method, params: params).json.serialized()))
  }

  func finishSending() { socket.shutDownSending() }

  /// The next reply; nil where the worker has closed the connection.
  func reply() throws -> JSONValue? {
    while true {
      if let body = try decoder.next() { return try JSONValue(parsing: body, maximumDepth: 64) }
      guard try socket.wait(for: .readable, until: .after(seconds: 60)) else {
        throw Program.Failure("the worker does not answer")
      }
      do throws(SystemCallError) {
        let bytes = try socket.read(upTo: 65_536)
        if bytes.isEmpty { return nil }
        decoder.append(bytes)
      } catch {
        if error.errno == .connectionReset { return nil }
        throw error
      }
    }
  }

  /// The next reply that is no event.
  func end() throws -> JSONValue? {
    while let reply = try reply() {
      if reply["event"] == nil { return reply }
    }
    return nil
  }
}
