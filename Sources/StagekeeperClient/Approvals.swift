internal import StrictJSON
public import WireProtocol

/// The jobs that wait for approval, as far as they concern the caller.
public struct PendingApprovals: Sendable, Equatable {
  /// Those that the caller may approve and has not.
  public var toApprove: [JobStatus]
  /// Those that the caller, or one of the caller's tenants, asked for.
  public var mine: [JobStatus]
  /// The worker's whole answer.
  public var json: JSONValue

  init(json: JSONValue) {
    func jobs(_ key: String) -> [JobStatus] {
      (json[key]?.arrayValue ?? []).compactMap { JobStatus(json: $0) }
    }
    self.json = json
    toApprove = jobs("toApprove")
    mine = jobs("mine")
  }
}

extension StagekeeperClient {
  /// What waits for the caller's approval, and what of the caller's waits for others'; the oldest first.
  ///
  /// - Parameters:
  ///   - repository: only that repository's; nil: all.
  ///   - limit: at most that many in each list, 1 to 1000.
  public func approvals(
    repository: String? = nil, limit: Int64 = 100, timeout: Duration? = nil
  ) async throws(ClientError) -> PendingApprovals {
    var params = JSONObject()
    params["repository"] = repository.map { .string($0) }
    params["limit"] = .integer(limit)
    let call = Call(method: "approvals", params: .object(params), deadline: timeout?.fromNow)
    return PendingApprovals(json: try await perform(call))
  }

  /// Approves a job of somebody else. Approving twice is the same as once.
  ///
  /// - Parameter message: for the record, at most 1024 bytes.
  /// - Returns: the job after it: queued where that was enough.
  public func approve(
    _ job: String, message: String? = nil, timeout: Duration? = nil
  ) async throws(ClientError) -> JobStatus {
    try await decide("approve", job, message, timeout)
  }

  /// Ends a job of somebody else that waits for approval.
  ///
  /// - Parameter message: why, for who asked; at most 1024 bytes.
  /// - Returns: the job, ``JobStatus/State/rejected``.
  public func reject(
    _ job: String, message: String? = nil, timeout: Duration? = nil
  ) async throws(ClientError) -> JobStatus {
    try await decide("reject", job, message, timeout)
  }

  private func decide(
    _ method: String, _ job: String, _ message: String?, _ timeout: Duration?
  ) async throws(ClientError) -> JobStatus {
    var params = JSONObject([("job", .string(job))])
    params["message"] = message.map { .string($0) }
    return try await jobAnswer(Call(method: method, params: .object(params), deadline: timeout?.fromNow))
  }
}
