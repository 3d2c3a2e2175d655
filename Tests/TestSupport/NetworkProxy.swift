internal import Dispatch
internal import Glibc
internal import Synchronization
internal import SystemCalls

/// The network between a client and a server on loopback: it passes bytes on, until it is cut.
///
/// While it is cut, connections stay open and nothing arrives, as when a cable is out; once it is restored,
/// what was sent before arrives late, also from clients that have left meanwhile.
public final class NetworkProxy: Sendable {
  /// Where clients connect to.
  public let port: UInt16
  private let target: UInt16
  private let listener: LoopbackListener
  private let isCut = Mutex(false)
  private let isEnded = Mutex(false)
  private let isToSilence = Mutex(false)
  private let queue = DispatchQueue(label: "stagekeeper.test.proxy")

  /// - Parameter target: the server's port.
  public init(to target: UInt16) throws {
    listener = try LoopbackListener()
    try listener.descriptor.setNonBlocking(true)
    port = listener.port
    self.target = target
    queue.async { [weak self] in
      var wires: [Wire] = []
      var silent: [Wire] = []
      while let self, !self.isEnded.withLock({ $0 }) {
        if self.isToSilence.withLock({ $0 }) {
          silent += wires
          wires = []
          self.isToSilence.withLock { $0 = false }
        }
        self.pass(&wires)
      }
      withExtendedLifetime(silent) {}
    }
  }

  deinit { end() }

  /// Nothing passes from now on.
  public func cut() { isCut.withLock { $0 = true } }

  /// Everything passes again, what was sent meanwhile first.
  public func restore() { isCut.withLock { $0 = false } }

  /// Nothing passes over the connections that are open now, which stay open; over new ones everything does.
  public func silenceConnections() throws {
    isToSilence.withLock { $0 = true }
    try Eventually.holds("the connections are silent") { !isToSilence.withLock { $0 } }
  }

  /// Closes all connections and accepts no more.
  public func end() { isEnded.withLock { $0 = true } }

  /// Waits a short time for bytes and passes them on.
  private func pass(_ wires: inout [Wire]) {
    if isCut.withLock({ $0 }) { return Pause.briefly() }
    var entries = [Poll.Entry(listener.descriptor.rawValue, read: true)]
    entries += wires.map { Poll.Entry($0.source.descriptor.rawValue, read: true) }
    guard (try? Poll.wait(&entries, until: .after(seconds: 0.02))) == true else { return }
    // What arrived may have done so after the cut.
    if isCut.withLock({ $0 }) { return }
    wires = zip(wires, entries.dropFirst()).filter { !$1.isReadable || $0.pass() }.map(\.0)
    if entries[0].isReadable { wires += accept() }
  }

  /// A new client, and a connection to the server for it; nothing where either is gone.
  private func accept() -> [Wire] {
    let number = Glibc.accept(listener.descriptor.rawValue, nil, nil)
    guard number >= 0 else { return [] }
    let client = Endpoint(FileDescriptor(takingOwnership: number))
    try? client.descriptor.setNonBlocking(true)
    guard
      let socket = try? TCPSocket.connect(host: "127.0.0.1", port: "\(target)", until: .after(seconds: 5))
    else { return [] }
    let server = Endpoint(socket)
    return [Wire(source: client, sink: server), Wire(source: server, sink: client)]
  }
}

/// One end of a connection; closed when both of its wires are gone.
private final class Endpoint {
  let descriptor: FileDescriptor

  init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }
}

/// One direction of a connection.
private struct Wire {
  let source: Endpoint
  let sink: Endpoint

  /// Passes on what has arrived.
  ///
  /// - Returns: false when nothing more will come, or nobody wants it.
  func pass() -> Bool {
    guard let bytes = try? source.descriptor.read(upTo: 65_536), !bytes.isEmpty else {
      sink.descriptor.shutDownSending()
      return false
    }
    var rest = bytes[...]
    while !rest.isEmpty {
      guard (try? sink.descriptor.wait(for: .writable, until: .after(seconds: 5))) == true,
        let count = rest.withUnsafeBytes({ try? sink.descriptor.send($0) })
      else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }
}
