/// One tag of the remote, as whoever read the Git objects reports it. Nothing in it is trusted: names may
/// be no GTO names, times may be absurd.
public struct TagRecord: Equatable, Sendable {
  /// The ref without `refs/tags/`.
  public var ref: String
  /// What the ref points at: the tag object, or for a lightweight tag the commit.
  public var objectID: ObjectID
  /// Nil for a lightweight tag, and for one that could not be read.
  public var annotation: Annotation?
  /// Why it could not be read; nil for one that was.
  public var unread: Unread?

  /// Why nobody knows what stands in a tag object.
  public enum Unread: String, Sendable, CaseIterable {
    /// It is greater than any tag that is read.
    case tooLarge
    /// The server shows it to who pushes and not to who fetches.
    case hidden
  }

  /// What stands in a tag object.
  public struct Annotation: Equatable, Sendable {
    /// The name inside the tag object. It may differ from the ref's, and GTO goes by this one.
    public var name: String
    /// The commit at the end of the chain of tag objects; nil where that is a tree or a blob.
    public var commit: ObjectID?
    /// Whether the tag object points at another tag object instead of at its commit.
    public var isNested: Bool
    /// Nil where the tag object has none, or none that can be read.
    public var tagger: Signature?
    /// The message without a signature block.
    public var message: String
    /// Whether the message was UTF-8; where it was not, ``message`` holds replacement characters.
    public var isUTF8: Bool

    public init(
      name: String, commit: ObjectID?, isNested: Bool = false, tagger: Signature?, message: String,
      isUTF8: Bool = true
    ) {
      self.name = name
      self.commit = commit
      self.isNested = isNested
      self.tagger = tagger
      self.message = message
      self.isUTF8 = isUTF8
    }
  }

  public init(ref: String, objectID: ObjectID, annotation: Annotation?, unread: Unread? = nil) {
    self.ref = ref
    self.objectID = objectID
    self.annotation = annotation
    self.unread = unread
  }

  /// Strings are equal when their bytes are.
  public static func == (left: TagRecord, right: TagRecord) -> Bool { left.jsonValue == right.jsonValue }
}

/// Who wrote an object and when.
public struct Signature: Equatable, Sendable {
  public var name: String
  public var email: String
  public var time: Timestamp

  public init(name: String, email: String, time: Timestamp) {
    self.name = name
    self.email = email
    self.time = time
  }
}

/// What `show` tells of a commit that versions point at.
public struct CommitRecord: Equatable, Sendable {
  public var id: ObjectID
  public var author: Signature
  public var committer: Signature
  /// The whole message, with its line ends.
  public var message: String

  public init(id: ObjectID, author: Signature, committer: Signature, message: String) {
    self.id = id
    self.author = author
    self.committer = committer
    self.message = message
  }
}
