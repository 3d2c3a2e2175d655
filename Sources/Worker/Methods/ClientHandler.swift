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
    guard let method = Question(request) else { return try await act(request, peer, events) }
    let topic = QuestionShares.Topic(
      who: peer.shareholder, repository: request.params["repository"]?.stringValue)
    return try await worker.questions.answer(topic) { () throws(WireError) in
      try await answer(method, request.params, peer, events)
    }
  }

  private func answer(
    _ question: Question, _ params: JSONValue, _ peer: Peer, _ events: EventSink
  ) async throws(WireError) -> JSONValue {
    switch question {
    case .read(let method): try await read(method, params, peer)
    case .dryRun(let action): try await write(action, params, peer, events)
    case .verify: try await verify(params, peer)
    case .jobList: try await jobList(params, peer)
    case .approvals: try await approvals(params, peer)
    }
  }

  private func act(
    _ request: Request, _ peer: Peer, _ events: EventSink
  ) async throws(WireError) -> JSONValue {
    if let action = WriteAction(rawValue: request.method) {
      return try await write(action, request.params, peer, events)
    }
    switch request.method {
    case "hello": return try Hello.answer(request.params, worker, socket: "client")
    case "whoami": return try whoami(request.params, peer)
    case "job.status": return try await jobStatus(request.params, peer)
    case "job.wait": return try await jobWait(request.params, peer, events)
    case "job.cancel": return try await jobCancel(request.params, peer)
    case "approve": return try await approve(request.params, peer)
    case "reject": return try await reject(request.params, peer)
    default: throw .unknownMethod(request.method, known: Self.methods)
    }
  }
}

/// A request whose answer takes computing, or the Git server's word, and that changes nothing.
private enum Question {
  case read(ReadMethod)
  case dryRun(WriteAction)
  case verify, jobList, approvals

  init?(_ request: Request) {
    if let method = ReadMethod(rawValue: request.method) {
      self = .read(method)
    } else if let action = WriteAction(rawValue: request.method), request.params["dryRun"] == true {
      self = .dryRun(action)
    } else {
      switch request.method {
      case "verify": self = .verify
      case "job.list": self = .jobList
      case "approvals": self = .approvals
      default: return nil
      }
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
