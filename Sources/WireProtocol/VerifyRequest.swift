public import StrictJSON

/// `verify`: who signed a tag, when, and whether that is somebody trusted. Source: proto-spec/protocol.md,
/// "Signatures".
public struct VerifyRequest: ReadRequest, Equatable {
  public static let method = "verify"

  /// What is to be verified.
  public enum Subject: Sendable, Equatable {
    /// A tag, with or without `refs/tags/`.
    case ref(String)
    /// `NAME#stage`: the assignment by which the stage is held; `NAME@v1.0.0`, `NAME@latest`: the
    /// registration of that version.
    case name(String)
  }

  public var repository: String
  public var subject: Subject
  /// The worker asks the Git server before it answers.
  public var fresh = false

  public init(repository: String, _ subject: Subject) {
    self.repository = repository
    self.subject = subject
  }

  public var params: JSONValue {
    var object = JSONObject([("repository", .string(repository))])
    switch subject {
    case .ref(let ref): object["ref"] = .string(ref)
    case .name(let name): object["name"] = .string(name)
    }
    if fresh { object["fresh"] = true }
    return .object(object)
  }
}
