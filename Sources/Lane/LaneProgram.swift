internal import GitRemote
internal import LaneProtocol
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

/// `stagekeeper-lane`: the process that holds one repository's credential. Single-threaded.
///
/// Its parent speaks with it over descriptor 3. It ends when the parent closes that or dies.
public enum LaneProgram {
  /// The parent's end of the socket pair is ours at this number.
  private static let parentDescriptor: Int32 = 3

  /// - Parameter arguments: the command line without the program's name: `--parent PID`.
  public static func main(arguments: [String]) -> Never {
    ThisProcess.fillStandardDescriptors()
    guard arguments.count == 2, arguments[0] == "--parent", let parent = Int32(arguments[1]) else {
      ThisProcess.print("stagekeeper-lane is started by stagekeeperd and by nothing else.\n", to: 2)
      ThisProcess.exit(64)
    }
    ThisProcess.ignoreBrokenPipes()
    ThisProcess.protectMemory()
    guard ThisProcess.dieWithParent(parent) else { ThisProcess.exit(0) }
    LaneSession(socket: FileDescriptor(takingOwnership: parentDescriptor)).run()
    ThisProcess.exit(0)
  }
}

/// Answers the parent's requests, one after the other.
final class LaneSession {
  private let socket: FileDescriptor
  private var decoder = FrameDecoder(limit: ProtocolLimits.replyBytes)
  private var repository: LaneRepository?

  init(socket: consuming FileDescriptor) { self.socket = socket }

  /// Returns when the parent has gone, or is to start another lane.
  func run() {
    while let request = nextRequest() {
      let body: Reply.Body
      do throws(WireError) {
        body = .result(try answer(request))
      } catch {
        body = .error(error)
      }
      // Who has the answer asks another lane, and must not find this one about to end.
      let isLast = repository?.isUsable == false
      if isLast { repository?.close() }
      send(Reply(id: request.id, body))
      if isLast { return }
      repository?.getReady()
    }
    repository?.close()
  }

  /// Nil at the end, and where the stream makes no sense: both ends are of one build, so that this is the
  /// parent's death in the middle of a frame.
  private func nextRequest() -> Request? {
    while true {
      do {
        if let body = try decoder.next() { return try Request(body: body) }
        try restUntilReadable()
        let bytes = try socket.read(upTo: 256 * 1024)
        if bytes.isEmpty { return nil }
        decoder.append(bytes)
      } catch {
        return nil
      }
    }
  }

  /// A connection that is kept for the next push is not kept for ever.
  private func restUntilReadable() throws(SystemCallError) {
    guard let remote = repository?.remote else { return }
    while let end = remote.rest(), !(try socket.wait(for: .readable, until: end)) { remote.endRest() }
  }

  private func send(_ reply: Reply) {
    // A parent that does not read any more is gone; the next read says so.
    try? socket.writeAll(frame(reply.json.serialized()))
  }

  private func answer(_ request: Request) throws(WireError) -> JSONValue {
    let laneRequest: LaneRequest
    do throws(JSONShapeError) {
      laneRequest = try LaneRequest(request)
    } catch {
      throw WireError(
        .internalError, category: .internal, "the lane can't read its parent's request: \(error)")
    }
    if case .open(let configuration) = laneRequest {
      let version = try Containment.enter(configuration)
      let opened = try LaneRepository(configuration)
      repository = opened
      return LaneOpening(keyProblems: opened.keyProblems, landlockVersion: version).json
    }
    if case .checkKeys(let configuration) = laneRequest {
      return [KeyProblem](checking: configuration).json
    }
    guard let repository else {
      throw WireError(
        .internalError, category: .internal, "the lane was asked before it was told its repository")
    }
    return try repository.answer(laneRequest) { delta in self.send(Reply(id: request.id, .event(delta.json)))
    }
  }
}
