/// Something about a tag, or about several, that a person should look at.
public struct TagProblem: Equatable, Sendable, CustomStringConvertible {
  /// What kind of problem it is. More kinds may come.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    /// It looks like a GTO tag but is not annotated, so it does nothing.
    public static let lightweight = Code(description: "lightweight")
    /// The tag object is greater than any that is read, so that nobody can tell what it does.
    public static let tooLarge = Code(description: "tooLarge")
    /// The server shows the tag's name to who pushes, and does not give the tag out.
    public static let hidden = Code(description: "hidden")
    /// It resembles a GTO tag but can't be read as one.
    public static let unparseable = Code(description: "unparseable")
    /// `NAME@created` is in GTO's grammar, but GTO 1.10.1 crashes on it.
    public static let reserved = Code(description: "reserved")
    /// The name inside the tag object is another one than the ref's.
    public static let otherName = Code(description: "otherName")
    /// Without a tagger there is no time, and so no place in the history.
    public static let noTagger = Code(description: "noTagger")
    public static let emptyTagger = Code(description: "emptyTagger")
    /// The tag leads to a tree or a blob.
    public static let noCommit = Code(description: "noCommit")
    /// The tag object points at another tag object.
    public static let nested = Code(description: "nested")
    public static let messageNotUTF8 = Code(description: "messageNotUTF8")
    public static let badTime = Code(description: "badTime")
    public static let futureTime = Code(description: "futureTime")
    public static let duplicateCounter = Code(description: "duplicateCounter")
    public static let sameSecond = Code(description: "sameSecond")
    /// A stage was assigned to a commit without a version.
    public static let noVersion = Code(description: "noVersion")
    public static let versionAtSeveralCommits = Code(description: "versionAtSeveralCommits")
    public static let severalVersionsAtCommit = Code(description: "severalVersionsAtCommit")
    public static let stageNotAllowed = Code(description: "stageNotAllowed")
  }

  public let code: Code
  /// The tags it is about, without `refs/tags/`; never empty.
  public let refs: [String]
  /// What is wrong.
  public let message: String
  /// What to do about it.
  public let advice: String
  /// Whether `gto` 1.10.1 fails as long as the tag is there.
  public let breaksGTO: Bool

  init(_ code: Code, _ refs: [String], _ message: String, advice: String, breaksGTO: Bool = false) {
    self.code = code
    self.refs = refs
    self.message = message
    self.advice = advice
    self.breaksGTO = breaksGTO
  }

  public var description: String { "\(refs.joined(separator: ", ")): \(message); \(advice)" }
}
