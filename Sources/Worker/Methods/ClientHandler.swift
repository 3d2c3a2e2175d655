internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

/// Answers the client socket. One file of this folder for each family of methods.
struct ClientHandler: RequestHandler {
  let worker: Worker

  func answer(
    _ request: Request, from peer: Peer, events: EventSink
  ) async throws(WireError) -> JSONValue {
    do throws(WireError) {
      let result = try await recorded(request, peer) { () throws(WireError) in
        try await dispatch(request, from: peer, events: events)
      }
      worker.counters.countRequest(failed: false)
      return result
    } catch {
      worker.counters.countRequest(failed: true)
      throw error
    }
  }

  func isBrief(_ request: Request) -> Bool {
    if WriteAction(rawValue: request.method) != nil { return request.params["dryRun"] == nil }
    return ["hello", "job.status", "job.wait"].contains(request.method)
  }

  static let methods =
    [
      "hello", "whoami", "verify", "job.status", "job.wait", "job.cancel", "job.list", "approvals", "approve",
      "reject",
    ]
    + WriteAction.allCases.map(\.rawValue) + ReadMethod.allCases.map(\.rawValue)

  private func dispatch(
    _ request: Request, from peer: Peer, events: EventSink
  ) async throws(WireError) -> JSONValue {
    if let action = WriteAction(rawValue: request.method) {
      return try await write(action, request.params, peer, events)
    }
    if let method = ReadMethod(rawValue: request.method) {
      return try await read(method, request.params, peer)
    }
    switch request.method {
    case "hello": return try Hello.answer(request.params, worker, socket: "client")
    case "whoami": return try whoami(request.params, peer)
    case "verify": return try await verify(request.params, peer)
    case "job.status": return try await jobStatus(request.params, peer)
    case "job.wait": return try await jobWait(request.params, peer, events)
    case "job.cancel": return try await jobCancel(request.params, peer)
    case "job.list": return try await jobList(request.params, peer)
    case "approvals": return try await approvals(request.params, peer)
    case "approve": return try await approve(request.params, peer)
    case "reject": return try await reject(request.params, peer)
    default: throw .unknownMethod(request.method, known: Self.methods)
    }
  }
}

extension WireError {
  static func unknownMethod(_ method: String, known: [String]) -> WireError {
    let hint = nearest(to: method, among: known).map { "; did you mean \"\($0)\"?" } ?? ""
    return WireError(
      .unknownMethod, category: .usage,
      "there is no method \"\(method.escapedForMessage)\" on this socket\(hint)")
  }
}

/// Reads the parameters of a method; what it throws is the client's mistake.
func readParameters<Parameters>(
  _ params: JSONValue, _ read: (inout ObjectReader) throws(JSONShapeError) -> Parameters
) throws(WireError) -> Parameters {
  do throws(JSONShapeError) {
    var reader = try ObjectReader(params, path: "params")
    let parameters = try read(&reader)
    try reader.finish()
    return parameters
  } catch {
    throw WireError(error)
  }
}
