@_exported public import enum Registry.VersionSort
public import StrictJSON

/// What can be asked about a repository without changing it. Each knows its method's name and its
/// parameters. Source: proto-spec/protocol.md, "Reading".
public protocol ReadRequest: Sendable {
  /// The method's name on the wire.
  static var method: String { get }
  /// Every member with a value other than its default.
  var params: JSONValue { get }
}

/// One part of a long answer.
public struct Page: Sendable, Equatable {
  /// At most that many rows, at least 1; nil: as many as the worker puts into one reply.
  public var limit: Int64?
  /// The `next` of the reply before; nil: from the start.
  public var after: String?

  public init(limit: Int64? = nil, after: String? = nil) {
    self.limit = limit
    self.after = after
  }
}

/// `show`: the models table, or the versions of one artifact.
public struct ShowRequest: ReadRequest, Equatable {
  public static let method = "show"
  public var repository: String
  /// An artifact, also as `NAME@latest`, `NAME@greatest`, `NAME@vX.Y.Z`, `NAME#stage`; nil: all of them.
  public var name: String?
  /// Only explicitly registered versions.
  public var registeredOnly = false
  /// Deprecated artifacts and inactive versions too.
  public var deprecated = false
  /// How many of a version's stages count, from -1 (all).
  public var assignmentsPerVersion: Int64?
  /// How many versions a stage shows, from -1 (all); GTO's default is 1.
  public var versionsPerStage: Int64?
  public var sort = VersionSort.timestamp
  /// Say of each row whether its tags are signed.
  public var signed = false
  public var page = Page()
  /// The worker asks the Git server before it answers.
  public var fresh = false

  public init(repository: String, name: String? = nil) {
    self.repository = repository
    self.name = name
  }

  public var params: JSONValue {
    var object = JSONObject([("repository", .string(repository))])
    object["name"] = name.map { .string($0) }
    if registeredOnly { object["registeredOnly"] = true }
    if deprecated { object["deprecated"] = true }
    object["assignmentsPerVersion"] = assignmentsPerVersion.map { .integer($0) }
    object["versionsPerStage"] = versionsPerStage.map { .integer($0) }
    if sort != .timestamp { object["sort"] = .string(sort.rawValue) }
    if signed { object["signed"] = true }
    return .object(object.adding(page).adding(fresh: fresh))
  }
}

/// `history`: every event of the registry or of one artifact.
public struct HistoryRequest: ReadRequest, Equatable {
  public static let method = "history"
  public var repository: String
  /// An artifact's exact name; nil: all of them.
  public var name: String?
  /// The oldest first.
  public var ascending = false
  /// Say of each row whether its tag is signed.
  public var signed = false
  public var page = Page()
  /// The worker asks the Git server before it answers.
  public var fresh = false

  public init(repository: String, name: String? = nil) {
    self.repository = repository
    self.name = name
  }

  public var params: JSONValue {
    var object = JSONObject([("repository", .string(repository))])
    object["name"] = name.map { .string($0) }
    if ascending { object["ascending"] = true }
    if signed { object["signed"] = true }
    return .object(object.adding(page).adding(fresh: fresh))
  }
}

/// `stages`: the names of stages, allowed or used.
public struct StagesRequest: ReadRequest, Equatable {
  public static let method = "stages"
  public var repository: String
  /// Those that the repository's `.gto` lists.
  public var allowed = false
  /// Those that some version is in.
  public var used = false
  /// The worker asks the Git server before it answers.
  public var fresh = false

  public init(repository: String) { self.repository = repository }

  public var params: JSONValue {
    var object = JSONObject([("repository", .string(repository))])
    if allowed { object["allowed"] = true }
    if used { object["used"] = true }
    return .object(object.adding(fresh: fresh))
  }
}

/// `checkRef`: which event a tag stands for.
public struct CheckRefRequest: ReadRequest, Equatable {
  public static let method = "checkRef"
  public var repository: String
  /// A tag's name, with or without `refs/tags/`.
  public var ref: String
  /// The worker asks the Git server before it answers.
  public var fresh = false

  public init(repository: String, ref: String) {
    self.repository = repository
    self.ref = ref
  }

  public var params: JSONValue {
    .object(
      JSONObject([("repository", .string(repository)), ("ref", .string(ref))]).adding(fresh: fresh))
  }
}

/// `describe`: an artifact's annotation.
public struct DescribeRequest: ReadRequest, Equatable {
  public static let method = "describe"
  public var repository: String
  /// An artifact, also as `NAME@latest`, `NAME@vX.Y.Z`, `NAME#stage`.
  public var name: String
  /// A branch, tag or commit to read the annotation at; nil: the default branch's tip.
  public var rev: String?
  /// The worker asks the Git server before it answers.
  public var fresh = false

  public init(repository: String, name: String, rev: String? = nil) {
    self.repository = repository
    self.name = name
    self.rev = rev
  }

  public var params: JSONValue {
    var object = JSONObject([("repository", .string(repository)), ("name", .string(name))])
    object["rev"] = rev.map { .string($0) }
    return .object(object.adding(fresh: fresh))
  }
}

/// `doctor`: what is wrong with the repository's tags.
public struct DoctorRequest: ReadRequest, Equatable {
  public static let method = "doctor"
  public var repository: String
  /// The worker asks the Git server before it answers.
  public var fresh = false

  public init(repository: String) { self.repository = repository }

  public var params: JSONValue {
    .object(JSONObject([("repository", .string(repository))]).adding(fresh: fresh))
  }
}

extension JSONObject {
  fileprivate func adding(_ page: Page) -> JSONObject {
    var object = self
    object["limit"] = page.limit.map { .integer($0) }
    object["after"] = page.after.map { .string($0) }
    return object
  }

  fileprivate func adding(fresh: Bool) -> JSONObject {
    var object = self
    if fresh { object["fresh"] = true }
    return object
  }
}
