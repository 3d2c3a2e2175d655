import Registry
import StrictJSON
import WireProtocol

extension FuzzTarget {
  /// A stream is cut into the same frames however it arrives, and within the limit. What a frame asks for is
  /// written so that it reads the same. The content is read both as a stream and as one frame's body.
  static let frame = FuzzTarget("frame") { input in
    let choices = Choices(input)
    let limit = choices.bits & 1 == 0 ? ProtocolLimits.requestBytes : 64
    let whole = FrameStream([choices.content], limit: limit)
    let pieces = FrameStream(Pieces(choices.content, seed: choices.bits), limit: limit)
    try check(whole == pieces, "the frames depend on how the stream was cut")
    try check(whole.bodies.allSatisfy { (1...limit).contains($0.count) }, "a frame beyond the limit")
    let again = FrameStream([whole.bodies.flatMap(WireProtocol.frame)], limit: limit)
    try check(again.bodies == whole.bodies && again.error == nil, "frames written are not frames read")
    for body in whole.bodies + [choices.content] { try checkBody(body) }
  }

  private static func checkBody(_ body: [UInt8]) throws {
    if let request = try? Request(body: body) {
      try check(try Request(body: request.json.serialized()) == request, "a request reads differently")
      if let action = WriteAction(rawValue: request.method) { try checkWrite(action, request.params) }
    }
    if let reply = (try? JSONValue(parsing: body, maximumDepth: ProtocolLimits.depth)).flatMap(Reply.init) {
      try check(Reply(json: reply.json) == reply, "a reply reads differently")
    }
  }

  private static func checkWrite(_ action: WriteAction, _ params: JSONValue) throws {
    guard let write = try? WriteRequest(action, params: params) else { return }
    try check(try WriteRequest(action, params: write.params) == write, "a write reads differently")
    var kept = write
    (kept.requestKey, kept.deadline, kept.dryRun, kept.wait) = (nil, nil, false, true)
    try check(try WriteRequest(body: .object(write.body)) == kept, "a journalled write reads differently")
  }
}

/// What a stream of bytes turned out to be.
private struct FrameStream: Equatable {
  var bodies: [[UInt8]] = []
  var error: FrameError?
  var endsInsideFrame = false

  init(_ pieces: some Sequence<[UInt8]>, limit: Int) {
    var decoder = FrameDecoder(limit: limit)
    for piece in pieces where error == nil {
      decoder.append(piece)
      do throws(FrameError) {
        while let body = try decoder.next() { bodies.append(body) }
      } catch {
        self.error = error
      }
    }
    endsInsideFrame = error == nil && decoder.isInsideFrame
  }
}
