internal import JobQueue
internal import StrictJSON
internal import WireProtocol

extension JobError {
  /// The queue's form of an error; the other direction is ``wireError``.
  init(_ error: WireError) {
    var details = JSONObject()
    details["category"] = .string(error.category.rawValue)
    details["details"] = error.details.map { .object($0) }
    details["retryAfter"] = error.retryAfter.map { .integer($0) }
    self.init(code: error.code.rawValue, message: error.message, details: .object(details))
  }

  var wireError: WireError {
    WireError(
      WireError.Code(rawValue: code), category: category, message,
      details: details?["details"]?.objectValue, retryAfter: details?["retryAfter"]?.integerValue)
  }

  /// Errors of the queue's own carry no category.
  private var category: ErrorCategory {
    if let word = details?["category"]?.stringValue, let category = ErrorCategory(rawValue: word) {
      return category
    }
    return [JobError.deadlinePassed, JobError.approvalExpired].contains(code) ? .refused : .internal
  }
}

extension JobStatus {
  /// A job as its owner sees it.
  ///
  /// - Parameter position: its place in line from 1, where it stands in line.
  init(_ job: Job, position: Int? = nil) {
    let body = job.request.body
    let result: JSONValue = if case .succeeded(let value) = job.state { value } else { [:] }
    self.init(
      job: job.id.description, state: job.state.name,
      repository: job.request.repository,
      action: body["action"]?.stringValue.flatMap(WriteAction.init) ?? .assign,
      delete: body["delete"]?.boolValue ?? false, artifact: job.request.artifact,
      version: result["version"]?.stringValue ?? body["version"]?.stringValue,
      stage: body["stage"]?.stringValue,
      tags: (result["tags"]?.arrayValue ?? []).compactMap(CreatedTag.init(json:)),
      deletedTags: (result["deletedTags"]?.arrayValue ?? []).compactMap(DeletedTag.init(json:)),
      requester: job.request.requester.json, acceptedAt: job.submittedAt, finishedAt: job.finishedAt,
      attempts: Int64(job.attempts), position: position.map { Int64($0 - 1) },
      cancelRequested: job.isCancelRequested)
    switch job.state {
    case .waiting(let until, _):
      nextAttemptAt = until
      error = job.lastError?.wireError
    case .rejected(let error), .failed(let error): self.error = error.wireError.with(landed: job.landed)
    case .cancelled:
      error = WireError(.jobCancelled, category: .refused, "job \(job.id) was cancelled").with(
        landed: job.landed)
    default: break
    }
  }

  /// The same with what stands around it: its place in line, and what holds the line up.
  init(_ snapshot: JobSnapshot) {
    self.init(snapshot.job, position: snapshot.position)
    if snapshot.isPaused, state == .queued {
      error = WireError(
        .repositoryPaused, category: .retry,
        "an administrator has paused repository \"\(repository.escapedForMessage)\"; the job is kept")
    }
  }

  /// What a waiting client is told at the end: the error carries the job.
  var endError: WireError? {
    guard state.isFinished, var error else { return nil }
    var details = error.details ?? JSONObject()
    details["job"] = json
    error.details = details
    return error
  }
}

extension Requester {
  var json: JSONObject {
    JSONObject(present: [
      ("uid", .integer(Int64(uid))), ("user", user.map { .string($0) }), ("tenant", .string(tenant)),
    ])
  }
}

extension WireError {
  /// What the queue said no to.
  init(_ error: JobStoreError) {
    switch error.code {
    case .busy:
      self.init(
        .busy, category: .retry, error.message,
        details: error.limit.map { JSONObject([("limit", .string($0))]) }, retryAfter: 5)
    case .closed:
      self.init(.shuttingDown, category: .retry, "the worker is shutting down; try again", retryAfter: 5)
    case .noSuchJob: self = .unknownJob
    case .requestKeyConflict:
      self.init(
        .requestKeyConflict, category: .refused, error.message,
        details: error.conflict.map { JSONObject([("field", .string($0.field))]) })
    case .notAwaitingApproval: self.init(.jobNotAwaitingApproval, category: .refused, error.message)
    case .impossible: self.init(.invalidRequest, category: .refused, error.message)
    default: self.init(.internalError, category: .internal, error.description)
    }
  }

  static var unknownJob: WireError {
    WireError(.unknownJob, category: .refused, "there is no such job, or it is not yours")
  }

  init(_ error: JSONShapeError) {
    self.init(
      .invalidParameter, category: .usage, "\(error)", details: JSONObject([("path", .string(error.path))]))
  }

  /// The same words whether there is no such repository or no grant: who may not see it learns nothing.
  static func notAllowed(_ access: Access) -> WireError {
    var what = access.action.rawValue
    if let artifact = access.artifact { what += " \"\(artifact.escapedForMessage)\"" }
    if let stage = access.stage { what += " in stage \"\(stage.escapedForMessage)\"" }
    return WireError(
      .notAllowed, category: .denied,
      "you may not \(what) in repository \"\(access.repository.escapedForMessage)\", or there is none of that name; "
        + "`stagekeeper whoami` lists what you may do")
  }
}
