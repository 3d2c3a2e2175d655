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
  /// Nil where it can't be planned yet.
  var planned: PlannedTags?
  var prepared: [PreparedTag] = []
  /// What earlier attempts have done, where the server can't take all or none.
  var landed: LandedTags

  init(job: Job, request: WireProtocol.WriteRequest) {
    self.job = job
    self.request = request
    landed = job.landed
  }

  /// What is still to be done: a version that an earlier attempt has registered is there to be assigned, wherever the
  /// request's ref leads by now.
  var rest: WireProtocol.WriteRequest {
    guard request.action == .assign, let registration = landed.registration else { return request }
    var rest = request
    (rest.version, rest.ref) = (nil, registration.commit)
    return rest
  }

  var plan: Plan? { planned?.plan }

  var intents: [Intent] {
    prepared.map { tag in
      Intent(ref: "refs/tags/" + tag.name, objectID: tag.objectID.description, object: tag.object)
    }
  }
}

/// What a job is going to do, on top of the jobs before it.
struct PlannedTags: Sendable {
  let plan: Plan
  /// The branches on whose tips the plan depends.
  let branches: Set<String>
  /// Whether a condition is fulfilled only by tags of jobs before it, which have to be in the remote first.
  let needsLanding: Bool
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
  /// One of its tags is taken, and another one may still land with an earlier push.
  case pending(taken: String)
  /// The server did not answer for one of its tags, though for others before.
  case unanswered(String)

  /// What is known of an end that is not known.
  var error: WireError? {
    guard case .unanswered(let words) = self else { return nil }
    return WireError(
      .remoteUnreachable, category: .retry, "the Git server did not answer the push of \(words)")
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
    } else if let open = mine.first(where: { $0.outcome == .unanswered }) {
      self = .unanswered("\(open.name): \(open.reason ?? "the connection ended")")
    } else if let taken = mine.first(where: { $0.outcome == .taken }) {
      let isPending = mine.contains { $0.outcome == .pending }
      self = isPending ? .pending(taken: taken.name) : .taken(taken.name)
    } else if let locked = mine.first(where: { $0.outcome == .locked }) {
      self = .locked("\(locked.name): \(locked.reason ?? "its name could not be locked")")
    } else if mine.contains(where: { $0.outcome == .unsent || $0.outcome == .pending }) {
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
      version: plan.version?.description, tags: landed.made.map(\.json) + tags,
      deleted: landed.deleted + plan.deletions.map(DeletedTag.init))
  }
}
