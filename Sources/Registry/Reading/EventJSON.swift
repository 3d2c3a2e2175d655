import StrictJSON

typealias Members = [(key: String, value: JSONValue)]

extension JSONValue {
  static func text(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }

  static func members(_ members: Members) -> JSONValue { .object(JSONObject(distinct: members)) }
}

extension Event {
  /// The event with GTO's keys. The version that an assignment means depends on its artifact, so it is
  /// given.
  func members(version: VersionLabel?) -> Members {
    var members: Members = [
      ("priority", .integer(Int64(kind.priority))), ("addition", .bool(kind.isAddition)),
    ]
    members += factMembers
    if let version { members.append(("version", .string(version.description))) }
    if let stage = name.stage { members.append(("stage", .string(stage.text))) }
    return members
  }

  /// The members that every event has.
  private var factMembers: Members {
    [
      ("artifact", .string(artifact.text)), ("created_at", .string(time.isoFormat)),
      ("author", .string(tagger.name)), ("author_email", .string(tagger.email)),
      ("message", .string(message)), ("commit_hexsha", .string(commit.description)),
      ("tag", .string(tag)),
    ]
  }
}

/// Who brought something into effect and when: the newest event that did.
struct Authorship {
  let time: Timestamp
  let author: String
  let email: String
  let message: String
  let ref: String

  init(_ event: Event) {
    time = event.time
    author = event.tagger.name
    email = event.tagger.email
    message = event.message
    ref = event.tag
  }

  init(_ commit: CommitRecord) {
    time = commit.committer.time
    author = commit.author.name
    email = commit.author.email
    message = commit.message
    ref = commit.id.description
  }

  func members(isActive: Bool, activatedAt: Timestamp?) -> Members {
    [
      ("is_active", .bool(isActive)), ("activated_at", .text(activatedAt?.isoFormat)),
      ("created_at", .string(time.isoFormat)), ("author", .string(author)),
      ("author_email", .string(email)), ("message", .string(message)), ("ref", .string(ref)),
    ]
  }
}

extension ArtifactVersion {
  /// Source: GTO, base.py, `authoring_event`. Nil where nothing but unknown commits is there.
  var authorship: Authorship? {
    if let registered = registrations.last { return Authorship(registered) }
    let staged = newestStageEvent
    if let commitRecord {
      if let staged, EventOrder(commit: commitRecord) < staged.order { return Authorship(staged) }
      return Authorship(commitRecord)
    }
    return (staged ?? deregistrations.last).map { Authorship($0) }
  }

  /// Source: GTO, base.py, `Version.activated_at`.
  var activatedAt: Timestamp? { registrations.first?.time ?? firstTime }
}
