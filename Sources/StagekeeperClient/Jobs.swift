internal import StrictJSON
public import WireProtocol

extension StagekeeperClient {
  /// A job as it stands.
  public func job(_ id: String, timeout: Duration? = nil) async throws(ClientError) -> JobStatus {
    try await jobAnswer("job.status", id, timeout)
  }

  /// Cancels a job, or has one stopped that has begun, as soon as it is known what the Git server has of it.
  ///
  /// - Returns: the job: ``JobStatus/State/cancelled``, or still under way with `cancelRequested`.
  public func cancelJob(_ id: String, timeout: Duration? = nil) async throws(ClientError) -> JobStatus {
    try await jobAnswer("job.cancel", id, timeout)
  }

  /// Waits until a job has ended well.
  ///
  /// - Parameters:
  ///   - timeout: how long to wait; nil: as long as it takes. The job goes on after.
  ///   - onProgress: called with the job at once and whenever its state or position changed.
  /// - Throws: ``ClientError``; with the job's own error where it ended without success.
  public func waitForJob(
    _ id: String, timeout: Duration? = nil, onProgress: (JobStatus) -> Void = { _ in }
  ) async throws(ClientError) -> JobStatus {
    let call = Call(method: "job.wait", params: ["job": .string(id)], deadline: timeout?.fromNow)
    return try await follow(call, onProgress: onProgress)
  }

  /// The caller's own jobs and those of the caller's tenants, which the caller may cancel too; the newest first.
  ///
  /// - Parameter limit: at most that many, 1 to 1000.
  public func jobs(
    repository: String? = nil, state: JobStatus.State? = nil, limit: Int64 = 100, timeout: Duration? = nil
  ) async throws(ClientError) -> [JobStatus] {
    var params = JSONObject()
    params["repository"] = repository.map { .string($0) }
    params["state"] = state.map { .string($0.rawValue) }
    params["limit"] = .integer(limit)
    let call = Call(method: "job.list", params: .object(params), deadline: timeout?.fromNow)
    let answer = try await perform(call)
    return (answer["jobs"]?.arrayValue ?? []).compactMap { JobStatus(json: $0) }
  }

  private func jobAnswer(
    _ method: String, _ id: String, _ timeout: Duration?
  ) async throws(ClientError) -> JobStatus {
    try await jobAnswer(Call(method: method, params: ["job": .string(id)], deadline: timeout?.fromNow))
  }

  /// Makes a call whose result is a job.
  func jobAnswer(_ call: Call) async throws(ClientError) -> JobStatus {
    try JobStatus(answer: try await perform(call), to: call.method)
  }

  /// Makes a call whose events and result are a job; an error gets the job as it was last heard of.
  func follow(
    _ call: Call, onProgress: (JobStatus) -> Void
  ) async throws(ClientError) -> JobStatus {
    var last: JobStatus?
    do throws(ClientError) {
      let answer = try await perform(call) { event in
        guard let job = event["job"].flatMap({ JobStatus(json: $0) }) else { return }
        last = job
        onProgress(job)
      }
      return try JobStatus(answer: answer, to: call.method)
    } catch {
      var error = error
      error.job = error.job ?? last
      throw error
    }
  }
}

extension JobStatus {
  fileprivate init(answer: JSONValue, to method: String) throws(ClientError) {
    guard let job = JobStatus(json: answer) else {
      throw ClientError(.unreadableReply, operation: method, "the worker's answer is no job")
    }
    self = job
  }
}
