import LaneProtocol
import Registry
import StrictJSON
import WireProtocol

extension FuzzTarget {
  /// What a lane is asked and what it answers is written so that it reads the same.
  static let laneFrame = FuzzTarget("laneframe") { input in
    if let request = try? Request(body: input), let asked = try? LaneRequest(request) {
      let again = Request(id: request.id, method: asked.method, params: asked.params)
      try check(try LaneRequest(again) == asked, "the request \(asked.method) reads differently")
    }
    guard let value = try? JSONValue(parsing: input, maximumDepth: ProtocolLimits.depth) else { return }
    try checkReply(value, TagDelta.init, \.json)
    try checkReply(value, { try RepositoryFacts($0) }, \.json)
    try checkReply(value, { try ResolvedRef($0, path: "ref") }, \.json)
    try checkReply(value, PushReply.init, \.json)
    try checkReply(value, { try CommitAnnotations($0, path: "commit") }, \.json)
    try checkReply(value, [TagVerdict].init(_:), \.json)
    try checkReply(value, [KeyProblem].init(_:), \.json)
  }

  private static func checkReply<Reply: Equatable>(
    _ value: JSONValue, _ read: (JSONValue) throws -> Reply, _ write: (Reply) -> JSONValue
  ) throws {
    guard let reply = try? read(value) else { return }
    let text = write(reply).serialized()
    let again = try read(try JSONValue(parsing: text, maximumDepth: ProtocolLimits.depth))
    try check(again == reply, "\(Reply.self) reads differently")
  }
}
