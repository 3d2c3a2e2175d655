internal import StrictJSON
public import WireProtocol

/// An answer about a repository.
public struct ReadAnswer: Sendable, Equatable {
  /// As GTO's `--json` has it.
  public var value: JSONValue
  /// When the worker last compared with the Git server, RFC 3339; nil where it did not say.
  public var asOf: String?
}

/// One thing that `doctor` found.
public struct Finding: Sendable, Equatable {
  public var code: String
  /// The first of ``refs``.
  public var ref: String? { refs.first }
  /// The tags that it is about, without `refs/tags/`; none where it is about the repository's files.
  public var refs: [String]
  public var message: String
  public var advice: String

  public init(code: String, refs: [String], message: String, advice: String) {
    self.code = code
    self.refs = refs
    self.message = message
    self.advice = advice
  }
}

extension StagekeeperClient {
  /// Asks about a repository. A long answer comes in parts, which are put together here.
  ///
  /// - Parameter timeout: how long to wait for all of it.
  public func read(
    _ request: some ReadRequest, timeout: Duration? = nil
  ) async throws(ClientError) -> ReadAnswer {
    var call = Call(
      method: type(of: request).method, params: request.params, deadline: timeout?.fromNow)
    let whole = request.params["limit"] == nil
    var answer = ReadAnswer(value: .null, asOf: nil)
    while true {
      let part = try await perform(call)
      answer.value = answer.value.followed(by: part["value"] ?? .null)
      answer.asOf = part["asOf"]?.stringValue ?? answer.asOf
      guard whole, let next = part["next"], next != .null, next != call.params["after"] else { return answer }
      call.params = call.params.with("after", next)
    }
  }

  /// What is wrong with the repository's tags. A long answer comes in parts, which are put together here.
  public func findings(
    _ request: DoctorRequest, timeout: Duration? = nil
  ) async throws(ClientError) -> [Finding] {
    var call = Call(
      method: DoctorRequest.method, params: request.params, deadline: timeout?.fromNow)
    var findings: [JSONValue] = []
    while true {
      let part = try await perform(call)
      findings += part["findings"]?.arrayValue ?? []
      guard let next = part["next"], next != .null, next != call.params["after"] else { break }
      call.params = call.params.with("after", next)
    }
    return findings.map { finding in
      Finding(
        code: finding["code"]?.stringValue ?? "",
        refs: (finding["refs"]?.arrayValue ?? []).compactMap(\.stringValue),
        message: finding["message"]?.stringValue ?? "", advice: finding["advice"]?.stringValue ?? "")
    }
  }

  /// Who the worker takes this process for, and what it may do.
  public func whoami(timeout: Duration? = nil) async throws(ClientError) -> JSONValue {
    try await perform(Call(method: "whoami", params: [:], deadline: timeout?.fromNow))
  }

  /// What the worker is and speaks. Not needed before other calls.
  public func hello(timeout: Duration? = nil) async throws(ClientError) -> JSONValue {
    let params: JSONValue = ["protocol": [.integer(ProtocolLimits.version)]]
    return try await perform(Call(method: "hello", params: params, deadline: timeout?.fromNow))
  }
}

extension JSONValue {
  /// This part of an answer with the next one after it.
  fileprivate func followed(by next: JSONValue) -> JSONValue {
    switch (self, next) {
    case (.array(let first), .array(let second)): return .array(first + second)
    case (.object(let first), .object(let second)): return .object(JSONObject(first.members + second.members))
    default: return next
    }
  }

  fileprivate func with(_ key: String, _ value: JSONValue) -> JSONValue {
    guard case .object(var object) = self else { return self }
    object[key] = value
    return .object(object)
  }
}
