/// The tags that carry out a request, in the order in which they have to be made.
public struct Plan: Sendable, Equatable {
  /// One tag, or two: a registration and then the assignment that needs it. None where tags are deleted.
  public let tags: [PlannedTag]
  /// The events whose tags are to be deleted, oldest first, at most ``Plan/maximumDeletions``.
  public let deletions: [Event]
  public let artifact: ArtifactName
  /// The version that the request came down to; nil for deprecations.
  public let version: VersionLabel?
  public let stage: StageName?
  public let commit: ObjectID
  /// How the plan came to be, in sentences for people.
  public let reasons: [String]

  /// How many tags one request may delete: what a job and its result can hold.
  public static let maximumDeletions = 2000

  /// The stages whose history deletions change.
  public var stagesOfDeletions: Set<StageName> { Set(deletions.compactMap(\.name.stage)) }
}

/// One annotated tag that is to be made.
public struct PlannedTag: Sendable, Equatable {
  public let name: TagName
  /// The commit that it points at.
  public let commit: ObjectID
  /// The whole message with trailers; ends in a line end.
  public let message: String
  public let time: Timestamp

  /// The tag's name without `refs/tags/`.
  public var ref: String { name.description }
  public var kind: EventKind { name.kind }
}
