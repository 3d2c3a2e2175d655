public import StrictJSON

/// One tag that a job deleted.
public struct DeletedTag: Sendable, Equatable {
  /// The tag's name, without `refs/tags/`.
  public var ref: String
  /// The id of the tag object that it had, 40 hexadecimal digits.
  public var objectID: String
  /// GTO's word for the event that it was, such as `registration`.
  public var event: String

  public init(ref: String, objectID: String, event: String) {
    self.ref = ref
    self.objectID = objectID
    self.event = event
  }

  public var json: JSONValue {
    ["ref": .string(ref), "objectId": .string(objectID), "event": .string(event)]
  }

  public init?(json: JSONValue) {
    guard let ref = json["ref"]?.stringValue, let objectID = json["objectId"]?.stringValue,
      let event = json["event"]?.stringValue
    else { return nil }
    self.init(ref: ref, objectID: objectID, event: event)
  }
}

/// One tag that a job made.
public struct CreatedTag: Sendable, Equatable {
  /// The tag's name, without `refs/tags/`.
  public var ref: String
  /// The tag object's id, 40 hexadecimal digits.
  public var objectID: String
  /// The commit's id.
  public var commit: String
  /// GTO's word for the event, such as `registration`.
  public var event: String

  public init(ref: String, objectID: String, commit: String, event: String) {
    self.ref = ref
    self.objectID = objectID
    self.commit = commit
    self.event = event
  }

  public var json: JSONValue {
    [
      "ref": .string(ref), "objectId": .string(objectID), "commit": .string(commit), "event": .string(event),
    ]
  }

  public init?(json: JSONValue) {
    guard let ref = json["ref"]?.stringValue, let objectID = json["objectId"]?.stringValue,
      let commit = json["commit"]?.stringValue, let event = json["event"]?.stringValue
    else { return nil }
    self.init(ref: ref, objectID: objectID, commit: commit, event: event)
  }
}

/// A job as its owner sees it: the result of writes and of `job.status`, the payload of events.
/// Source: proto-spec/protocol.md, "Jobs".
public struct JobStatus: Sendable, Equatable {
  /// The job's id at this worker.
  public var job: String
  public var state: State
  public var repository: String
  public var action: WriteAction
  /// Whether it deletes tags instead of making one.
  public var delete: Bool
  public var artifact: String
  /// As asked for, or as it was decided once the job was planned.
  public var version: String?
  public var stage: String?
  /// The tag that says what was asked for; of the tags made, the last.
  public var ref: String?
  public var objectID: String?
  public var commit: String?
  /// Every tag made, in the order of their events.
  public var tags: [CreatedTag]
  /// Every tag deleted, in the order of their events.
  public var deletedTags: [DeletedTag]
  /// `uid`, `user`, `tenant` of who asked.
  public var requester: JSONObject
  /// Milliseconds since 1970.
  public var acceptedAt: Int64
  public var finishedAt: Int64?
  /// How many times the Git server was tried.
  public var attempts: Int64
  /// Jobs of this repository before this one, while it is queued.
  public var position: Int64?
  /// Milliseconds since 1970; while waiting.
  public var nextAttemptAt: Int64?
  /// Somebody wants it cancelled, and it has begun: it ends as cancelled unless something may have been sent.
  public var cancelRequested: Bool
  /// What it has to be approved for, or had to; nil where nobody was asked.
  public var approval: ApprovalStatus?
  /// Why it ended without success, or why it waits.
  public var error: WireError?

  public init(
    job: String, state: State, repository: String, action: WriteAction, delete: Bool = false,
    artifact: String, version: String? = nil, stage: String? = nil, tags: [CreatedTag] = [],
    deletedTags: [DeletedTag] = [], requester: JSONObject = JSONObject(),
    acceptedAt: Int64, finishedAt: Int64? = nil, attempts: Int64 = 0, position: Int64? = nil,
    nextAttemptAt: Int64? = nil, cancelRequested: Bool = false, approval: ApprovalStatus? = nil,
    error: WireError? = nil
  ) {
    self.job = job
    self.state = state
    self.repository = repository
    self.action = action
    self.delete = delete
    self.artifact = artifact
    self.version = version
    self.stage = stage
    self.ref = tags.last?.ref
    self.objectID = tags.last?.objectID
    self.commit = tags.last?.commit
    self.tags = tags
    self.deletedTags = deletedTags
    self.requester = requester
    self.acceptedAt = acceptedAt
    self.finishedAt = finishedAt
    self.attempts = attempts
    self.position = position
    self.nextAttemptAt = nextAttemptAt
    self.cancelRequested = cancelRequested
    self.approval = approval
    self.error = error
  }

  public var json: JSONValue {
    func text(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
    func time(_ time: Int64?) -> JSONValue? { time.map { .string(timestamp(milliseconds: $0)) } }
    return .object(
      JSONObject(present: [
        ("job", .string(job)), ("state", .string(state.rawValue)), ("repository", .string(repository)),
        ("action", .string(action.rawValue)), ("delete", delete ? true : nil),
        ("artifact", .string(artifact)),
        ("version", text(version)), ("stage", text(stage)), ("ref", text(ref)), ("objectId", text(objectID)),
        ("commit", text(commit)), ("tags", .array(tags.map(\.json))),
        ("deletedTags", deletedTags.isEmpty ? nil : .array(deletedTags.map(\.json))),
        ("requester", .object(requester)), ("acceptedAt", time(acceptedAt)), ("finishedAt", time(finishedAt)),
        ("attempts", .integer(attempts)), ("position", position.map { .integer($0) }),
        ("nextAttemptAt", time(nextAttemptAt)), ("cancelRequested", cancelRequested ? true : nil),
        ("approval", approval?.json), ("error", error?.json),
      ]))
  }

  /// Reads a job as a client does: members that it does not know are ignored. Nil when it is no job.
  public init?(json: JSONValue) {
    guard let job = json["job"]?.stringValue,
      let state = json["state"]?.stringValue.flatMap(State.init),
      let repository = json["repository"]?.stringValue,
      let action = json["action"]?.stringValue.flatMap(WriteAction.init),
      let artifact = json["artifact"]?.stringValue,
      let acceptedAt = json["acceptedAt"]?.stringValue.flatMap(milliseconds(timestamp:))
    else { return nil }
    self.init(
      job: job, state: state, repository: repository, action: action,
      delete: json["delete"]?.boolValue ?? false, artifact: artifact,
      version: json["version"]?.stringValue, stage: json["stage"]?.stringValue,
      tags: (json["tags"]?.arrayValue ?? []).compactMap(CreatedTag.init(json:)),
      deletedTags: (json["deletedTags"]?.arrayValue ?? []).compactMap(DeletedTag.init(json:)),
      requester: json["requester"]?.objectValue ?? JSONObject(), acceptedAt: acceptedAt,
      finishedAt: json["finishedAt"]?.stringValue.flatMap(milliseconds(timestamp:)),
      attempts: json["attempts"]?.integerValue ?? 0, position: json["position"]?.integerValue,
      nextAttemptAt: json["nextAttemptAt"]?.stringValue.flatMap(milliseconds(timestamp:)),
      cancelRequested: json["cancelRequested"]?.boolValue ?? false,
      approval: json["approval"].flatMap(ApprovalStatus.init(json:)),
      error: json["error"].flatMap(WireError.init(json:)))
  }
}

extension JobStatus {
  /// Where a job stands. The raw value is the word on the wire.
  public enum State: String, Sendable, CaseIterable {
    case queued, running, waiting
    /// Others have to approve it first.
    case awaitingApproval = "awaiting_approval"
    case succeeded, rejected, failed, cancelled

    /// Nothing more will happen to it (a failed job can be retried by an administrator).
    public var isFinished: Bool {
      switch self {
      case .queued, .running, .waiting, .awaitingApproval: false
      case .succeeded, .rejected, .failed, .cancelled: true
      }
    }
  }
}
