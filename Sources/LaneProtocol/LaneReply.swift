public import Registry
public import StrictJSON
public import WireProtocol

/// What changed in the remote's tags since the lane last reported; sent as events, in parts.
public struct TagDelta: Sendable, Equatable {
  /// Forget everything first: the lane is new and reports all there is.
  public var startsOver: Bool
  /// New or changed tags.
  public var tags: [TagRecord]
  /// Refs that are gone, without `refs/tags/`.
  public var removed: [String]

  /// How many tags one event carries at most.
  public static let tagsPerEvent = 500
  /// Bytes of names and messages beyond which an event takes no more: whatever JSON makes of them, and of one more
  /// message, stays within a frame.
  public static let bytesPerEvent = 1 << 20

  public init(
    startsOver: Bool = false, tags: [TagRecord] = [], removed: [String] = []
  ) {
    self.startsOver = startsOver
    self.tags = tags
    self.removed = removed
  }

  public var json: JSONValue {
    [
      "startsOver": .bool(startsOver), "tags": .array(tags.map(\.jsonValue)),
      "removed": .array(removed.map { .string($0) }),
    ]
  }

  public init(_ value: JSONValue) throws(JSONShapeError) {
    var reader = try ObjectReader(value, path: "delta")
    startsOver = try reader.optionalBool("startsOver") ?? false
    tags = try reader.elements("tags") { value, path throws(JSONShapeError) in
      try TagRecord(value, path: path)
    }
    removed = try reader.optionalStrings("removed") ?? []
    try reader.finish()
  }
}

/// What the worker must know of a repository besides its tags.
public struct RepositoryFacts: Sendable, Equatable {
  /// Without `refs/heads/`; nil where the remote has no branch yet.
  public var defaultBranch: String?
  public var tip: ObjectID?
  /// `.gto` of the default branch: the stages allowed; nil where it names none.
  public var stages: [String]?
  /// `.gto` of the default branch: the types allowed; nil where it names none.
  public var types: [String]?
  /// Why `.gto` can't be used: file, place and reason. Writes are refused while it is so.
  public var fileProblem: String?

  public init(defaultBranch: String? = nil, tip: ObjectID? = nil) {
    self.defaultBranch = defaultBranch
    self.tip = tip
  }

  public var json: JSONValue {
    var object = JSONObject()
    object.set("defaultBranch", defaultBranch)
    object.set("tip", tip?.description)
    object["stages"] = stages.map { .array($0.map { .string($0) }) }
    object["types"] = types.map { .array($0.map { .string($0) }) }
    object.set("fileProblem", fileProblem)
    return .object(object)
  }

  public init(_ value: JSONValue, path: String = "facts") throws(JSONShapeError) {
    var reader = try ObjectReader(value, path: path)
    defaultBranch = try reader.optionalString("defaultBranch")
    tip = try reader.optionalObjectID("tip")
    stages = try reader.optionalStrings("stages")
    types = try reader.optionalStrings("types")
    fileProblem = try reader.optionalString("fileProblem")
    try reader.finish()
  }
}

/// What a ref turned out to name.
public struct ResolvedRef: Sendable, Equatable {
  public var ref: String
  /// Nil: there is no such ref.
  public var commit: ObjectID?
  /// The branch that it names, when it names one: a push must find it unchanged.
  public var branch: String?
  /// Why it names nothing, for people.
  public var problem: String?

  public init(ref: String, commit: ObjectID?, branch: String? = nil, problem: String? = nil) {
    self.ref = ref
    self.commit = commit
    self.branch = branch
    self.problem = problem
  }

  public var json: JSONValue {
    var object = JSONObject()
    object["ref"] = .string(ref)
    object.set("commit", commit?.description)
    object.set("branch", branch)
    object.set("problem", problem)
    return .object(object)
  }

  public init(_ value: JSONValue, path: String) throws(JSONShapeError) {
    var reader = try ObjectReader(value, path: path)
    ref = try reader.string("ref")
    commit = try reader.optionalObjectID("commit")
    branch = try reader.optionalString("branch")
    problem = try reader.optionalString("problem")
    try reader.finish()
  }
}

/// What became of one tag of a push.
public struct PushedTag: Sendable, Equatable {
  public enum Outcome: String, Sendable, CaseIterable {
    /// The server made or deleted it.
    case accepted
    /// It was as wanted already: there as this very object, or not there where it was to be deleted.
    case alreadyThere
    /// The ref is there with another object.
    case taken
    /// The server could not lock the ref, and nobody else has made or deleted it by now.
    case locked
    /// The server refused it in words.
    case rejected
    /// Nothing was sent for it: another one of its group is taken or refused, or the server takes tags one by one, and one
    /// before it was not taken.
    case unsent
    /// The same, but an earlier push of it may be under way.
    case pending
    /// The server took others before it, and did not answer for this one.
    case unanswered
  }

  public var name: String
  public var outcome: Outcome
  /// The server's words.
  public var reason: String?

  public init(name: String, outcome: Outcome, reason: String? = nil) {
    self.name = name
    self.outcome = outcome
    self.reason = reason
  }

  public var json: JSONValue {
    var object = JSONObject()
    object["name"] = .string(name)
    object["outcome"] = .string(outcome.rawValue)
    object.set("reason", reason)
    return .object(object)
  }

  public init(_ value: JSONValue, path: String) throws(JSONShapeError) {
    var reader = try ObjectReader(value, path: path)
    name = try reader.string("name")
    guard let outcome = try reader.optionalChoice("outcome", Outcome.self) else {
      throw reader.error("outcome", "is missing")
    }
    self.outcome = outcome
    reason = try reader.optionalString("reason")
    try reader.finish()
  }
}

/// The end of a push.
public enum PushReply: Sendable, Equatable {
  /// The remote had changed; nothing was sent. The change was reported in events.
  case changed(RepositoryFacts)
  /// The server's answer for each tag. Tags that are in the remote now were reported in events.
  case done([PushedTag])

  public var json: JSONValue {
    switch self {
    case .changed(let facts): ["changed": facts.json]
    case .done(let tags): ["tags": .array(tags.map(\.json))]
    }
  }

  public init(_ value: JSONValue) throws(JSONShapeError) {
    var reader = try ObjectReader(value, path: "push")
    if let facts = reader.value("changed") {
      self = .changed(try RepositoryFacts(facts))
    } else {
      self = .done(try reader.elements("tags", PushedTag.init))
    }
    try reader.finish()
  }
}

extension WireError {
  /// Whether the server may have done what was asked, although this error says that it is not known.
  public var isOutcomeUnknown: Bool { details?["outcomeUnknown"]?.boolValue ?? false }

  /// The same for what the server may have done.
  public var withUnknownOutcome: WireError {
    var copy = self
    var details = details ?? JSONObject()
    details["outcomeUnknown"] = true
    copy.details = details
    return copy
  }
}
