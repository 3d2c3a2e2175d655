internal import StrictJSON

/// One thing that a tag made happen to an artifact.
public struct Event: Equatable, Sendable {
  public let name: TagName
  /// The name inside the tag object: what GTO calls the event's tag and ref.
  public let tag: String
  /// The ref that holds it, without `refs/tags/`; nearly always the same as ``tag``.
  public let ref: String
  /// The ref's tag object.
  public let objectID: ObjectID
  /// The commit, through any chain of tag objects.
  public let commit: ObjectID
  public let tagger: Signature
  /// Without white space around it, as GTO shows it.
  public let message: String

  public var kind: EventKind { name.kind }
  public var artifact: ArtifactName { name.artifact }
  public var time: Timestamp { tagger.time }
  public var order: EventOrder { EventOrder(seconds: time.seconds, name: name, tag: tag, ref: ref) }

  /// Whether it came before the other. Most events differ in their seconds, so those are compared before
  /// anything is made to compare the rest.
  func precedes(_ other: Event) -> Bool {
    time.seconds == other.time.seconds ? order < other.order : time.seconds < other.time.seconds
  }

  /// What GTO goes by to count events as one: the same tag object under two refs has the same.
  struct Identity: Hashable {
    private let commit: ObjectID
    private let tag, message, taggerName, taggerEmail: BytewiseString
    private let seconds: Int64

    init(_ event: Event) {
      commit = event.commit
      tag = BytewiseString(event.tag)
      message = BytewiseString(event.message)
      taggerName = BytewiseString(event.tagger.name)
      taggerEmail = BytewiseString(event.tagger.email)
      seconds = event.time.seconds
    }
  }
}

/// When an event happened, relative to every other one: by tagger time; in one second by counter, tags
/// without a counter first; then by GTO's priority of the kinds; then by name.
///
/// GTO 1.10.1 knows the time alone, and in one second goes by kind and by the tags' names, so that
/// `#10` comes before `#9`.
public struct EventOrder: Equatable, Sendable, Comparable {
  public let seconds: Int64
  let counter: DecimalNumber?
  let priority: Int
  let artifact: String
  let tag: String
  let ref: String

  init(seconds: Int64, name: TagName, tag: String, ref: String) {
    self.seconds = seconds
    counter = name.counter
    priority = name.kind.priority
    artifact = name.artifact.text
    self.tag = tag
    self.ref = ref
  }

  /// The order of a commit among the events: before all tags of its second.
  init(commit: CommitRecord) {
    seconds = commit.committer.time.seconds
    counter = nil
    priority = 0
    artifact = ""
    tag = ""
    ref = ""
  }

  public static func < (left: EventOrder, right: EventOrder) -> Bool {
    if left.seconds != right.seconds { return left.seconds < right.seconds }
    if left.counter != right.counter { return precedes(left.counter, right.counter) }
    if left.priority != right.priority { return left.priority < right.priority }
    for (a, b) in [(left.artifact, right.artifact), (left.tag, right.tag), (left.ref, right.ref)]
    where !a.hasSameBytes(as: b) {
      return a.utf8.lexicographicallyPrecedes(b.utf8)
    }
    return false
  }

  private static func precedes(_ left: DecimalNumber?, _ right: DecimalNumber?) -> Bool {
    guard let right else { return false }
    guard let left else { return true }
    return left < right
  }
}
