import Dispatch
import StagekeeperClient
import StrictJSON
import Synchronization
import SystemCalls
import TestSupport
import WireProtocol

/// A socket that answers as a test says: for what a real worker cannot be made to do on demand, such as to
/// break a connection between two replies.
final class ScriptedServer: Sendable {
  enum Action: Sendable {
    case reply(Reply)
    /// Closes the connection; the script's later actions are left out.
    case close
  }

  let path: String
  private let directory: TemporaryDirectory
  private let received = Mutex<[Request]>([])
  private let isStopped = Mutex(false)

  /// - Parameter script: what to do about a request; the number counts the requests from 1.
  init(_ script: @escaping @Sendable (_ number: Int, Request) -> [Action]) throws {
    directory = try TemporaryDirectory()
    path = directory.appending("worker.sock")
    let listener = try UnixSocket.listen(at: path, mode: 0o600)
    let number = listener.release()
    DispatchQueue(label: "scripted").async { [weak self] in
      let listener = FileDescriptor(takingOwnership: number)
      while let self, !self.isStopped.withLock({ $0 }) {
        guard (try? listener.wait(for: .readable, until: .after(seconds: 0.05))) ?? false,
          let connection = try? UnixSocket.accept(from: listener)
        else { continue }
        try? connection.setNonBlocking(false)
        self.serve(connection, script)
      }
    }
  }

  /// The requests so far, in their order.
  var requests: [Request] { received.withLock { $0 } }

  func stop() { isStopped.withLock { $0 = true } }

  deinit { stop() }

  private func serve(
    _ connection: borrowing FileDescriptor, _ script: (Int, Request) -> [Action]
  ) {
    var decoder = FrameDecoder(limit: ProtocolLimits.requestBytes)
    while !isStopped.withLock({ $0 }) {
      guard (try? connection.wait(for: .readable, until: .after(seconds: 0.05))) ?? false else { continue }
      guard let bytes = try? connection.read(upTo: 65_536), !bytes.isEmpty else { return }
      decoder.append(bytes)
      while let body = try? decoder.next(), let request = try? Request(body: body) {
        let number = received.withLock { received in
          received.append(request)
          return received.count
        }
        for action in script(number, request) {
          guard case .reply(let reply) = action else { return }
          var unsent = frame(reply.json.serialized())
          while !unsent.isEmpty {
            guard let sent = try? unsent.withUnsafeBytes({ try connection.send($0) }) else { return }
            unsent.removeFirst(sent)
          }
        }
      }
    }
  }
}

extension ScriptedServer.Action {
  static func result(_ request: Request, _ value: JSONValue) -> Self {
    .reply(Reply(id: request.id, .result(value)))
  }

  static func event(_ request: Request, _ job: JobStatus) -> Self {
    .reply(Reply(id: request.id, .event(["job": job.json])))
  }

  static func error(_ request: Request, _ error: WireError) -> Self {
    .reply(Reply(id: request.id, .error(error)))
  }
}

/// A job for replies.
func sampleJob(_ state: JobStatus.State, position: Int64? = nil, error: WireError? = nil) -> JobStatus {
  let tag = CreatedTag(
    ref: "churn#prod#1", objectID: String(repeating: "a", count: 40),
    commit: String(repeating: "b", count: 40), event: "assignment")
  return JobStatus(
    job: "7", state: state, repository: "demo", action: .assign, artifact: "churn", version: "v1.0.0",
    stage: "prod", tags: state == .succeeded ? [tag] : [], acceptedAt: 1_767_225_600_000, position: position,
    error: error)
}
