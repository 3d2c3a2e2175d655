internal import StrictJSON
internal import SystemCalls
public import WireProtocol

/// What a write would do: the answer to a dry run.
public struct WritePlan: Sendable, Equatable {
  /// A tag that would be made.
  public struct Tag: Sendable, Equatable {
    /// The tag's name, without `refs/tags/`.
    public var ref: String
    /// The commit's id.
    public var commit: String
    /// GTO's word for the event, such as `registration`.
    public var event: String
    public var message: String
  }

  public var tags: [Tag]
  /// The tags that would be deleted, in the order of their events.
  public var deletedTags: [DeletedTag]
  public var artifact: String?
  public var version: String?
  public var stage: String?
  /// What speaks for it, in sentences.
  public var reasons: [String]
  /// The approvals that it would need; nil where it needs none.
  public var approval: ApprovalStatus?
  /// The worker's whole answer.
  public var json: JSONValue

  init(json: JSONValue) {
    self.json = json
    tags = (json["tags"]?.arrayValue ?? []).compactMap(Tag.init(json:))
    deletedTags = (json["deletedTags"]?.arrayValue ?? []).compactMap(DeletedTag.init(json:))
    artifact = json["artifact"]?.stringValue
    version = json["version"]?.stringValue
    stage = json["stage"]?.stringValue
    approval = json["approval"].flatMap(ApprovalStatus.init(json:))
    reasons = (json["reasons"]?.arrayValue ?? []).compactMap(\.stringValue)
  }
}

extension WritePlan.Tag {
  init?(json: JSONValue) {
    guard let ref = json["ref"]?.stringValue, let commit = json["commit"]?.stringValue else { return nil }
    self.ref = ref
    self.commit = commit
    event = json["event"]?.stringValue ?? ""
    message = json["message"]?.stringValue ?? ""
  }
}

extension StagekeeperClient {
  /// Asks for a write and waits until its job has ended well: the tags are in the remote on return.
  ///
  /// - Parameters:
  ///   - request: what to do. Without a request key it gets a new one.
  ///   - timeout: how long to wait, the connection included; nil: as long as it takes. The job goes on after.
  ///   - onProgress: called with the job when it was accepted and whenever its state or position changed.
  /// - Returns: the job, ``JobStatus/State/succeeded``.
  /// - Throws: ``ClientError``; it carries the job as it was last heard of, and the request key.
  public func perform(
    _ request: WriteRequest, timeout: Duration? = nil, onProgress: (JobStatus) -> Void = { _ in }
  ) async throws(ClientError) -> JobStatus {
    try await write(request, wait: true, timeout: timeout, onProgress: onProgress)
  }

  /// Asks for a write and returns as soon as the worker has it safely: it will be done, or end with a reason.
  ///
  /// - Parameters:
  ///   - request: what to do. Without a request key it gets a new one.
  ///   - timeout: how long to wait for the worker's word.
  /// - Returns: the job, most often ``JobStatus/State/queued``.
  public func submit(
    _ request: WriteRequest, timeout: Duration? = nil
  ) async throws(ClientError) -> JobStatus {
    try await write(request, wait: false, timeout: timeout) { _ in }
  }

  /// Asks what a write would do. Nothing is queued.
  ///
  /// - Throws: ``ClientError`` with the worker's refusal where it would be refused.
  public func plan(
    _ request: WriteRequest, timeout: Duration? = nil
  ) async throws(ClientError) -> WritePlan {
    var request = request
    request.dryRun = true
    request.requestKey = nil
    let call = Call(
      method: request.action.rawValue, params: request.params, deadline: timeout?.fromNow)
    return WritePlan(json: try await perform(call))
  }

  /// A write's progress as a sequence: the job at each change, its end as the last element. It throws
  /// ``ClientError`` where ``perform(_:timeout:onProgress:)`` would; ending the iteration ends the wait only.
  public func updates(
    of request: WriteRequest, timeout: Duration? = nil
  ) -> AsyncThrowingStream<JobStatus, any Error> {
    AsyncThrowingStream { continuation in
      let task = Task {
        do throws(ClientError) {
          continuation.yield(
            try await perform(request, timeout: timeout) { continuation.yield($0) })
          continuation.finish()
        } catch {
          continuation.finish(throwing: error)
        }
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }

  private func write(
    _ request: WriteRequest, wait: Bool, timeout: Duration?,
    onProgress: (JobStatus) -> Void
  ) async throws(ClientError) -> JobStatus {
    var request = request
    request.dryRun = false
    request.wait = wait
    if request.requestKey == nil { request.requestKey = try RequestKey.make() }
    let call = Call(
      method: request.action.rawValue, params: request.params, deadline: timeout?.fromNow)
    do throws(ClientError) {
      return try await follow(call, onProgress: onProgress)
    } catch {
      var error = error
      error.requestKey = request.requestKey
      throw error
    }
  }
}

/// Keys for writes that were given none.
enum RequestKey {
  /// 128 random bits in hexadecimal digits.
  static func make() throws(ClientError) -> String {
    do throws(SystemCallError) {
      return try ThisProcess.randomBytes(16).map(\.hexadecimal).joined()
    } catch {
      throw ClientError(.unreadableReply, operation: "request key", "no random bytes: \(error)")
    }
  }
}

extension UInt8 {
  fileprivate var hexadecimal: String { (self < 16 ? "0" : "") + String(self, radix: 16) }
}
