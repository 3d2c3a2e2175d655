public import Registry
public import StrictJSON
public import WireProtocol

/// What the worker asks of a lane, one thing at a time, over a socket pair in the frames of the wire
/// protocol. Both ends are of one build, so that there are no versions.
public enum LaneRequest: Sendable, Equatable {
  /// First of all: which repository. The lane locks and opens its mirror and tries out its keys; the server
  /// is not asked. Keys that can't be used stand in the answer; they hinder nothing that does without them.
  case open(LaneConfiguration)
  /// Tries out keys and trust files and opens nothing.
  case checkKeys(LaneConfiguration)
  /// Judges the signatures of tags.
  case verify([TagToVerify])
  /// The public half of the signing key as text, in a form that `stagekeeper-admin signing export` knows.
  case exportSigningKey(SigningKeyForm)
  /// Lists the remote's refs, downloads what is new, and reports it in events.
  case synchronize
  /// Which commits the refs name: branches, tags, commit ids, abbreviated too.
  case resolve([String])
  /// The names of the remote's branches, as last seen.
  case branches
  /// One of these branches that has the commit in its history; none where no one has.
  case branchContaining(ObjectID, among: [String])
  /// Reads commits for people: who made them, when, and why.
  case commits([ObjectID])
  /// Reads what the repository's files say of artifacts, at each of these commits.
  case annotations([ObjectID])
  /// Makes tag objects, signed where the repository wants that; nothing is sent.
  case prepare([TagDraft])
  /// Sends tags and deletions, unless the remote has changed since the last synchronization.
  ///
  /// - Parameter evenIfChanged: sends those whose refs are as expected whatever else changed.
  case push([PreparedTag], branches: [String], evenIfChanged: Bool)

  public var method: String {
    switch self {
    case .open: "open"
    case .checkKeys: "checkKeys"
    case .verify: "verify"
    case .exportSigningKey: "exportSigningKey"
    case .synchronize: "synchronize"
    case .resolve: "resolve"
    case .branches: "branches"
    case .branchContaining: "branchContaining"
    case .commits: "commits"
    case .annotations: "annotations"
    case .prepare: "prepare"
    case .push: "push"
    }
  }

  public var params: JSONValue {
    switch self {
    case .open(let configuration), .checkKeys(let configuration): configuration.json
    case .verify(let tags): ["tags": .array(tags.map(\.json))]
    case .exportSigningKey(let form): ["form": .string(form.rawValue)]
    case .synchronize, .branches: [:]
    case .branchContaining(let commit, let branches):
      ["commits": [.string(commit.description)], "branches": .array(branches.map { .string($0) })]
    case .resolve(let refs): ["refs": .array(refs.map { .string($0) })]
    case .commits(let ids), .annotations(let ids): ["commits": .array(ids.map { .string($0.description) })]
    case .prepare(let drafts): ["tags": .array(drafts.map(\.json))]
    case .push(let tags, let branches, let evenIfChanged):
      [
        "tags": .array(tags.map(\.json)), "branches": .array(branches.map { .string($0) }),
        "evenIfChanged": .bool(evenIfChanged),
      ]
    }
  }

  /// - Throws: `JSONShapeError` where the parent sent something else, which is a defect.
  public init(_ request: Request) throws(JSONShapeError) {
    if request.method == "open" {
      self = .open(try LaneConfiguration(request.params))
      return
    }
    if request.method == "checkKeys" {
      self = .checkKeys(try LaneConfiguration(request.params))
      return
    }
    var reader = try ObjectReader(request.params, path: request.method)
    switch request.method {
    case "synchronize": self = .synchronize
    case "verify": self = .verify(try reader.elements("tags", TagToVerify.init))
    case "exportSigningKey":
      guard let form = try reader.optionalChoice("form", SigningKeyForm.self) else {
        throw reader.error("form", "is missing")
      }
      self = .exportSigningKey(form)
    case "resolve": self = .resolve(try reader.optionalStrings("refs") ?? [])
    case "branches": self = .branches
    case "branchContaining":
      guard let commit = try reader.objectIDs("commits").first else {
        throw reader.error("commits", "names no commit")
      }
      self = .branchContaining(commit, among: try reader.optionalStrings("branches") ?? [])
    case "commits": self = .commits(try reader.objectIDs("commits"))
    case "annotations": self = .annotations(try reader.objectIDs("commits"))
    case "prepare": self = .prepare(try reader.elements("tags", TagDraft.init))
    case "push":
      self = .push(
        try reader.elements("tags", PreparedTag.init), branches: try reader.optionalStrings("branches") ?? [],
        evenIfChanged: try reader.optionalBool("evenIfChanged") ?? false)
    default: throw JSONShapeError(path: "method", message: "unknown method \"\(request.method)\"")
    }
    try reader.finish()
  }
}

/// The forms in which others want to know a signing key.
public enum SigningKeyForm: String, Sendable, CaseIterable {
  /// A line as in `id_ed25519.pub`.
  case openssh
  /// A line for `gpg.ssh.allowedSignersFile`.
  case allowedSigners = "allowed-signers"
  /// What GitHub and GitLab take as a signing key.
  case github
  /// The certificate and its chain in PEM.
  case certificate
}

/// A tag to be made.
public struct TagDraft: Sendable, Equatable {
  /// Without `refs/tags/`.
  public var name: String
  /// The commit.
  public var target: ObjectID
  /// Whole, with its trailers and its last line end.
  public var message: String
  public var time: Timestamp

  public init(name: String, target: ObjectID, message: String, time: Timestamp) {
    self.name = name
    self.target = target
    self.message = message
    self.time = time
  }

  var json: JSONValue {
    [
      "name": .string(name), "target": .string(target.description), "message": .string(message),
      "seconds": .integer(time.seconds), "zone": .integer(Int64(time.zoneMinutes)),
    ]
  }

  init(_ value: JSONValue, path: String) throws(JSONShapeError) {
    var reader = try ObjectReader(value, path: path)
    name = try reader.string("name")
    target = try reader.objectID("target")
    message = try reader.string("message")
    time = Timestamp(
      seconds: try reader.integer("seconds", in: .min ... .max),
      zoneMinutes: Int(try reader.integer("zone", in: -6000...6000)))
    try reader.finish()
  }
}

/// A tag object that was made and not yet seen in the remote, or a tag that is to be deleted there.
public struct PreparedTag: Sendable, Equatable {
  /// Without `refs/tags/`.
  public var name: String
  /// The object that the ref is to have, or that it has and is to be deleted with.
  public var objectID: ObjectID
  /// The object's bytes; nil: the tag is to be deleted.
  public var object: [UInt8]?
  /// Tags with the same number are sent together or not at all: those of one job, or of jobs that were planned on each
  /// other.
  public var group: Int

  public init(name: String, objectID: ObjectID, object: [UInt8]?, group: Int = 0) {
    self.name = name
    self.objectID = objectID
    self.object = object
    self.group = group
  }

  public var json: JSONValue {
    [
      "name": .string(name), "objectId": .string(objectID.description),
      "object": object.map { .string(base64Encoded($0)) } ?? .null, "group": .integer(Int64(group)),
    ]
  }

  public init(_ value: JSONValue, path: String) throws(JSONShapeError) {
    var reader = try ObjectReader(value, path: path)
    name = try reader.string("name")
    objectID = try reader.objectID("objectId")
    if let text = try reader.optionalString("object") {
      guard let bytes = base64Decoded(text) else { throw reader.error("object", "expected base64") }
      object = bytes
    }
    group = Int(try reader.optionalInteger("group", in: 0...1_000_000) ?? 0)
    try reader.finish()
  }
}

extension ObjectReader {
  fileprivate mutating func objectIDs(_ key: String) throws(JSONShapeError) -> [ObjectID] {
    try elements(key) { value, path throws(JSONShapeError) in
      guard let id = ObjectID(try value.string(at: path)) else {
        throw JSONShapeError(path: path, message: "expected a Git object's id")
      }
      return id
    }
  }

  /// The elements of an array, each read by the same function; empty where the member is missing.
  public mutating func elements<Element>(
    _ key: String, _ read: (JSONValue, String) throws(JSONShapeError) -> Element
  ) throws(JSONShapeError) -> [Element] {
    var elements: [Element] = []
    for (value, path) in try optionalElements(key) ?? [] { elements.append(try read(value, path)) }
    return elements
  }
}
