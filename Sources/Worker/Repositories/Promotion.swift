internal import JobQueue
internal import LaneProtocol
internal import Registry
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

/// One job of a batch on its way from the request to the tags.
struct Promotion: Sendable {
  let job: Job
  let request: WireProtocol.WriteRequest
  var plan: Plan?
  /// The branches on whose tips the plan depends.
  var branches: Set<String> = []
  /// Whether a condition is fulfilled only by tags of jobs before it, which have to be in the remote first.
  var needsLanding = false
  var prepared: [PreparedTag] = []
  /// What earlier attempts have brought into the remote, where the server can't take all or none.
  var landed: [CreatedTag]

  init(job: Job, request: WireProtocol.WriteRequest) {
    self.job = job
    self.request = request
    landed = job.lastError?.landedTags ?? []
  }

  /// What is still to be done: a version that an earlier attempt has registered is there to be assigned.
  var rest: WireProtocol.WriteRequest {
    var rest = request
    if landed.contains(where: { $0.event == EventKind.registration.rawValue }), request.ref != nil {
      rest.version = nil
    }
    return rest
  }

  var intents: [Intent] {
    prepared.map { tag in
      Intent(ref: "refs/tags/" + tag.name, objectID: tag.objectID.description, object: tag.object)
    }
  }
}

extension JSONValue {
  /// What a job came to.
  static func result(version: String?, tags: [JSONValue], deleted: [DeletedTag]) -> JSONValue {
    var object = JSONObject()
    object["version"] = version.map { .string($0) } ?? .null
    object["tags"] = .array(tags)
    if !deleted.isEmpty { object["deletedTags"] = .array(deleted.map(\.json)) }
    return .object(object)
  }
}

/// Why a round of a batch ended early.
enum RoundFailure: Error {
  /// The jobs are tried again or fail, each by its own count.
  case server(WireError)
  /// Nothing can be recorded.
  case store(JobStoreError)
}

/// What a push did to the tags of one job.
enum PushEnd: Equatable {
  case landed
  case rejected(String)
  case taken(String)
  /// The server could not lock a tag's name, in its words.
  case locked(String)
  /// Nothing was sent for it, or for its last tags, because the server did not take one before it.
  case unsent

  /// Whether the others of the same push have nothing to do with it.
  var isCertain: Bool {
    switch self {
    case .landed, .taken: true
    case .rejected, .locked, .unsent: false
    }
  }

  /// A refusal in words outweighs a lost race: what the server does not want is not tried under another name.
  init(of names: [String], in results: [PushedTag]) {
    let mine = names.map { name in
      results.first { $0.name.utf8.elementsEqual(name.utf8) }
        ?? PushedTag(name: name, outcome: .rejected, reason: "it did not say what became of the tag")
    }
    if let refused = mine.first(where: { $0.outcome == .rejected }) {
      let there = mine.filter { $0.outcome == .accepted || $0.outcome == .alreadyThere }.map(\.name)
      // Where the server can't take all or none.
      let rest = there.isEmpty ? "" : "; it has taken \(there.joined(separator: ", "))"
      self = .rejected("\(refused.name): \(refused.reason ?? "without a reason")\(rest)")
    } else if let taken = mine.first(where: { $0.outcome == .taken }) {
      self = .taken(taken.name)
    } else if let locked = mine.first(where: { $0.outcome == .locked }) {
      self = .locked("\(locked.name): \(locked.reason ?? "its name could not be locked")")
    } else if mine.contains(where: { $0.outcome == .unsent }) {
      self = .unsent
    } else {
      self = .landed
    }
  }
}

extension Promotion {
  /// What the job comes to when its tags are in the remote.
  var result: JSONValue {
    guard let plan else { return [:] }
    let tags = zip(plan.tags, prepared).map { planned, prepared in
      CreatedTag(
        ref: prepared.name, objectID: prepared.objectID.description, commit: planned.commit.description,
        event: planned.kind.rawValue
      ).json
    }
    return .result(
      version: plan.version?.description, tags: landed.map(\.json) + tags,
      deleted: plan.deletions.map(DeletedTag.init))
  }
}

// MARK: What landed of a job that goes on or is refused

extension [Intent] {
  /// Those that a push has made, or found made.
  func landed(in results: [PushedTag]) -> [CreatedTag] {
    filter { intent in
      results.contains { result in
        [.accepted, .alreadyThere].contains(result.outcome)
          && "refs/tags/\(result.name)".utf8.elementsEqual(intent.ref.utf8)
      }
    }.compactMap(CreatedTag.init)
  }
}

extension CreatedTag {
  /// A tag object begins with the id of its commit (git-mktag(1)). Nil for a deletion.
  init?(_ intent: Intent) {
    let name = String(intent.ref.dropFirst("refs/tags/".count))
    guard let object = intent.object, let event = try? TagName(parsing: name) else { return nil }
    let commit = object.dropFirst("object ".utf8.count).prefix { $0 != UInt8(ascii: "\n") }
    self.init(
      ref: name, objectID: intent.objectID, commit: String(decoding: commit, as: UTF8.self),
      event: event.kind.rawValue)
  }
}

extension WireError {
  /// The same, saying which of the job's tags are in the remote. Source: proto-spec/protocol.md, "Git server".
  func with(landed: [CreatedTag]) -> WireError {
    if landed.isEmpty { return self }
    var copy = self
    copy.details = (details ?? JSONObject()).with("landedTags", .array(landed.map(\.json)))
    return copy
  }
}

extension JobError {
  var landedTags: [CreatedTag] {
    (wireError.details?["landedTags"]?.arrayValue ?? []).compactMap(CreatedTag.init(json:))
  }
}

extension JSONObject {
  fileprivate func with(_ key: String, _ value: JSONValue) -> JSONObject {
    var copy = self
    copy[key] = value
    return copy
  }
}
