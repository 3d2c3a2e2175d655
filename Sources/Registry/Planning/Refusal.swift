/// Why the registry's rules forbid a request, and what to do.
public struct Refusal: Error, Equatable, Sendable, CustomStringConvertible {
  /// Which rule. More may come.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    /// Options that contradict each other, or one that is missing.
    public static let invalidRequest = Code(description: "invalidRequest")
    /// The message could be mistaken for a signature or a trailer.
    public static let invalidMessage = Code(description: "invalidMessage")
    /// No ref was named and the repository has no commit.
    public static let noCommit = Code(description: "noCommit")
    /// The commit has a version that is in effect.
    public static let alreadyRegistered = Code(description: "alreadyRegistered")
    /// The version is registered at another commit.
    public static let versionExists = Code(description: "versionExists")
    /// The commit has a version of another name.
    public static let otherVersionAtCommit = Code(description: "otherVersionAtCommit")
    /// There is no version to raise yet.
    public static let noVersionToBump = Code(description: "noVersionToBump")
    public static let unknownArtifact = Code(description: "unknownArtifact")
    public static let unknownVersion = Code(description: "unknownVersion")
    public static let noVersionAtCommit = Code(description: "noVersionAtCommit")
    /// Tags contradict each other about which version is meant.
    public static let ambiguousVersion = Code(description: "ambiguousVersion")
    /// The version is known but was never registered.
    public static let notRegistered = Code(description: "notRegistered")
    public static let alreadyDeregistered = Code(description: "alreadyDeregistered")
    public static let alreadyInStage = Code(description: "alreadyInStage")
    public static let notAssigned = Code(description: "notAssigned")
    public static let alreadyDeprecated = Code(description: "alreadyDeprecated")
    public static let stageNotAllowed = Code(description: "stageNotAllowed")
    /// A tag of that name exists, or one that Git can't hold beside it.
    public static let tagExists = Code(description: "tagExists")
    /// A tag of the artifact is too large to be read.
    public static let tagTooLarge = Code(description: "tagTooLarge")
    /// Git would refuse the tag's name.
    public static let invalidTagName = Code(description: "invalidTagName")
    public static let ifCurrentMismatch = Code(description: "ifCurrentMismatch")
    public static let nothingToRollBackTo = Code(description: "nothingToRollBackTo")
    /// No tag says what is to be deleted.
    public static let nothingToDelete = Code(description: "nothingToDelete")
    /// More than one request may delete: ``Plan/maximumDeletions``.
    public static let tooManyTags = Code(description: "tooManyTags")
    /// An existing tag is dated so late that no later time can be written.
    public static let clock = Code(description: "clock")
  }

  public let code: Code
  /// What is wrong and what to do about it, in one or two sentences.
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }
}
