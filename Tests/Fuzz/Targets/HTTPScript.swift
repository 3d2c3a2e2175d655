import RemoteURLs
import Dispatch
import Glibc
import Synchronization
import SystemCalls
import TestSupport

@testable import GitRemote

/// An http server on loopback that gives the answers it was told to give, whatever it is asked.
final class HTTPScript: Sendable {
  static let shared = Result { try HTTPScript() }
  static let token = "s3cret-token"
  static let limits: RemoteConfiguration.Limits = {
    var limits = RemoteConfiguration.Limits()
    limits.advertisement = 2048
    return limits
  }()

  private struct Script {
    var answers: [[UInt8]] = []
    var isClosing = true
  }

  private let listener: LoopbackListener
  private let script = Mutex(Script())

  private init() throws {
    listener = try LoopbackListener()
    DispatchQueue(label: "http").async { [self] in while true { serve() } }
  }

  var port: UInt16 { listener.port }

  /// - Parameter closing: the connection ends after each answer, else after the last.
  func play(_ answers: [[UInt8]], closing: Bool) {
    script.withLock { $0 = Script(answers: answers, isClosing: closing) }
  }

  static func configuration(port: UInt16) throws -> RemoteConfiguration {
    let url = try RemoteURL("http://127.0.0.1:\(port)/churn.git")
    var configuration = RemoteConfiguration(url: url, mirrorDirectory: "/nonexistent")
    configuration.https.tokenFile = try tokenFile.get()
    configuration.timeouts = .init(connect: 0.5, idle: 0.02, total: 2)
    configuration.limits = limits
    return configuration
  }

  private static let tokenFile = Result {
    try LibGit2.start()
    let path = try Scratch.folder("http") + "/token"
    try Files.replace(path, with: Array(token.utf8))
    return path
  }

  /// One connection from its begin to its end.
  private func serve() {
    let number = accept(listener.descriptor.rawValue, nil, nil)
    guard number >= 0 else { return }
    let socket = FileDescriptor(takingOwnership: number)
    while hear(socket, until: "\r\n\r\n"), let (answer, isLast) = next() {
      guard (try? socket.writeAll(answer)) != nil else { return }
      if isLast { break }
    }
    socket.shutDownSending()
    // What was not read would have the kernel take back what was sent.
    _ = hear(socket, until: "\0\0\0\0")
  }

  private func next() -> (answer: [UInt8], isLast: Bool)? {
    script.withLock { script in
      if script.answers.isEmpty { return nil }
      let answer = script.answers.removeFirst()
      return (answer, script.isClosing || script.answers.isEmpty)
    }
  }

  /// Reads up to some bytes; false where the client ends before.
  private func hear(_ socket: borrowing FileDescriptor, until end: String) -> Bool {
    var last: [UInt8] = []
    while last != Array(end.utf8) {
      guard (try? socket.wait(for: .readable, until: .after(seconds: 1))) ?? false,
        let byte = try? socket.read(upTo: 1), !byte.isEmpty
      else { return false }
      last = last.suffix(3) + byte
    }
    return true
  }
}
