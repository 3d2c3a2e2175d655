/// What a caller wants changed in the registry.
public struct WriteRequest: Sendable, Equatable {
  public var action: WriteAction
  public var artifact: ArtifactName
  /// The commit of the ref that the caller named; nil where he named none.
  public var commit: ObjectID?
  /// `register`: the new version's name. `assign` without a commit: the version to assign; with one: the
  /// name for the version that is registered there. `unassign`, `deregister`: the version meant.
  public var version: VersionName?
  /// `register`: which part of the latest version to raise.
  public var bump: VersionBump?
  /// `assign`, `unassign`, `rollback`: required. Others: must be nil.
  public var stage: StageName?
  /// The tag's message; nil or blank takes GTO's default.
  public var message: String?
  /// Makes the tag even though it is in effect already.
  public var force: Bool
  /// `unassign`, `deregister`, `deprecate`: instead of making a tag, deletes those of the stage at that version, of
  /// the version, or of the artifact.
  public var delete: Bool
  /// Whether to leave the counter out of the tag's name; nil does as GTO: assignments and unassignments
  /// have one, the others have none.
  public var simple: Bool?
  /// `assign`: a commit without a version gets none.
  public var skipRegistration: Bool
  /// `assign`, `unassign`, `rollback`: do it only if the stage is held so now.
  public var ifCurrent: ExpectedHolder?

  public init(
    _ action: WriteAction, _ artifact: ArtifactName, commit: ObjectID? = nil, version: VersionName? = nil,
    bump: VersionBump? = nil, stage: StageName? = nil, message: String? = nil, force: Bool = false,
    delete: Bool = false, simple: Bool? = nil, skipRegistration: Bool = false,
    ifCurrent: ExpectedHolder? = nil
  ) {
    self.action = action
    self.artifact = artifact
    self.commit = commit
    self.version = version
    self.bump = bump
    self.stage = stage
    self.message = message
    self.force = force
    self.delete = delete
    self.simple = simple
    self.skipRegistration = skipRegistration
    self.ifCurrent = ifCurrent
  }
}

/// What a write does. The raw value is the name of the method on the wire and of the command.
public enum WriteAction: String, Sendable, CaseIterable, Hashable {
  case register, assign, unassign, deregister, deprecate
  /// Assigns the version that held the stage before; not in GTO.
  case rollback

  /// Whether the action is about one stage.
  public var needsStage: Bool { self == .assign || self == .unassign || self == .rollback }

  /// Whether it takes something back, which can also be done by deleting the tags that said it.
  public var isRemoval: Bool { self == .unassign || self == .deregister || self == .deprecate }
}

/// Who has to hold a stage for a change to go ahead.
public enum ExpectedHolder: Sendable, Equatable, CustomStringConvertible {
  case nobody
  case version(VersionLabel)

  /// Reads `none`, a version, or a commit's full id.
  ///
  /// - Throws: ``InvalidName`` for anything else.
  public init(_ text: String) throws(InvalidName) {
    if text == "none" {
      self = .nobody
    } else if let commit = ObjectID(text) {
      self = .version(.commit(commit))
    } else {
      self = .version(.name(try VersionName(text)))
    }
  }

  public var description: String {
    switch self {
    case .nobody: "none"
    case .version(let label): label.description
    }
  }
}
