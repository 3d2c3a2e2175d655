internal import StrictJSON

/// What all tags of a repository say, kept up to date tag by tag.
///
/// A value: a copy is cheap and does not see later changes. Adding or taking away a tag costs what the
/// artifact it belongs to has, and so does reading an artifact; neither depends on the other artifacts.
public struct RegistryState: Sendable {
  private(set) var artifacts: [ArtifactName: ArtifactIndex] = [:]
  /// Tags whose ref reads as none of GTO's.
  private var foreignRefs: Set<BytewiseString> = []
  private var directories = RefDirectories()
  /// What is wrong with single tags, by ref.
  private(set) var problems: [BytewiseString: [TagProblem]] = [:]
  /// Refs whose event belongs to another artifact than the ref's name says.
  private var strayEvents: [BytewiseString: ArtifactName] = [:]
  private(set) var commits: [ObjectID: CommitRecord] = [:]
  private(set) var annotations: [ObjectID: CommitAnnotations] = [:]
  /// The commit whose annotated artifacts count as known even without a tag: the tip of the default
  /// branch. Nil: none do.
  public var head: ObjectID?
  /// The commits at which tags point and of which no record is here. One whose last tag was taken away may
  /// linger.
  public private(set) var commitsWithoutRecord: Set<ObjectID> = []
  /// What happened to all artifacts, newest first.
  private(set) var chronology = Lazy<[RegistryHistory.Entry]>()
  /// How many tags there are, GTO's and others.
  public private(set) var tagCount = 0

  public init() {}

  /// Reads all tags of a repository at once.
  public init(
    tags: some Sequence<TagRecord>, commits: some Sequence<CommitRecord> = [], head: ObjectID? = nil
  ) {
    self.head = head
    for commit in commits { self.commits[commit.id] = commit }
    var events: [ArtifactName: [Event]] = [:]
    for tag in tags {
      if contains(ref: tag.ref) { remove(ref: tag.ref) }
      if let event = insertRef(tag) { events[event.artifact, default: []].append(event) }
    }
    for (name, new) in events { index(name) { $0.insert(contentsOf: new) } }
  }

  public var artifactNames: [ArtifactName] { artifacts.keys.sorted() }

  /// Whether the remote has a tag of that name, without `refs/tags/`.
  public func contains(ref: String) -> Bool {
    if foreignRefs.contains(BytewiseString(ref)) { return true }
    guard let name = try? TagName(parsing: ref) else { return false }
    return artifacts[name.artifact]?.refs[BytewiseString(ref)] != nil
  }

  /// A tag of the artifact that is too large to be read.
  func tooLargeTag(of name: ArtifactName) -> String? {
    if problems.isEmpty { return nil }
    return artifacts[name]?.refs.keys.first { ref in
      problems[ref]?.contains { $0.code == .tooLarge } ?? false
    }?.string
  }

  /// The existing tag that stands in the way of a new one: the same name, or one of the two would have
  /// to be a folder and a file at once. Nil where the new one can be made.
  public func obstacle(to ref: String) -> String? {
    if contains(ref: ref) { return ref }
    if let parent = RefDirectories.parents(of: ref).first(where: { contains(ref: $0.string) }) {
      return parent.string
    }
    return directories.contains(ref) ? ref + "/…" : nil
  }
}

// MARK: Changes

extension RegistryState {
  /// Adds a tag; one of the same name is replaced.
  public mutating func insert(_ tag: TagRecord) {
    if contains(ref: tag.ref) { remove(ref: tag.ref) }
    if let event = insertRef(tag) { index(event.artifact) { $0.insert(event) } }
  }

  /// Takes a tag away; one that is not there is no error.
  ///
  /// - Parameter ref: the tag's name without `refs/tags/`.
  public mutating func remove(ref: String) {
    guard contains(ref: ref) else { return }
    let key = BytewiseString(ref)
    tagCount -= 1
    directories.remove(ref)
    problems[key] = nil
    guard let name = try? TagName(parsing: ref) else {
      foreignRefs.remove(key)
      return
    }
    index(strayEvents.removeValue(forKey: key) ?? name.artifact) { $0.removeEvent(ofRef: ref) }
    index(name.artifact) { $0.remove(ref: ref) }
  }

  /// Adds what is known of a commit. Cheapest before the first tag that leads to it.
  public mutating func insert(_ commit: CommitRecord) {
    let isNew = commits.updateValue(commit, forKey: commit.id) != commit
    commitsWithoutRecord.remove(commit.id)
    guard isNew else { return }
    for (name, index) in artifacts where index.commits.contains(commit.id) {
      self.index(name) { $0.forgetView() }
    }
  }

  /// Sets what the repository's files say of artifacts at a commit.
  ///
  /// - Parameter annotations: in the order of the files; of two of one name the later counts.
  public mutating func setAnnotations(
    _ annotations: [(name: ArtifactName, annotation: ArtifactAnnotation)], at commit: ObjectID
  ) {
    self.annotations[commit] = annotations.isEmpty ? nil : CommitAnnotations(annotations)
  }

  /// Records the ref and what is wrong with it, and returns the event that it makes.
  private mutating func insertRef(_ tag: TagRecord) -> Event? {
    let reading = TagReading(tag)
    let key = BytewiseString(tag.ref)
    tagCount += 1
    directories.insert(tag.ref)
    if !reading.problems.isEmpty { problems[key] = reading.problems }
    guard let name = reading.refName else {
      foreignRefs.insert(key)
      return nil
    }
    index(name.artifact) { $0.insert(ref: tag.ref, counter: name.counter) }
    if let event = reading.event, event.artifact != name.artifact { strayEvents[key] = event.artifact }
    if let commit = reading.event?.commit, commits[commit] == nil { commitsWithoutRecord.insert(commit) }
    return reading.event
  }

  private mutating func index(_ name: ArtifactName, _ change: (inout ArtifactIndex) -> Void) {
    chronology = Lazy()
    var index = artifacts.removeValue(forKey: name) ?? ArtifactIndex(name: name)
    change(&index)
    if !index.isEmpty { artifacts[name] = index }
  }
}

// MARK: Reading

extension RegistryState {
  /// What is known of an artifact; nil where neither a tag nor the files at ``head`` know it. Where tags do, a
  /// `dvc.yaml` adds nothing.
  public func artifact(_ name: ArtifactName) -> Artifact? { artifact(name, artifacts[name]) }

  /// The same for an index that is not, or not yet, this state's own.
  func artifact(_ name: ArtifactName, _ index: ArtifactIndex?) -> Artifact? {
    let base = index.map { $0.artifact(commits) }
    let known = base.flatMap { $0.events.isEmpty ? nil : $0 }
    guard let head, let annotation = annotations[head]?.byName[name] else { return known }
    // GTO reads no dvc.yaml: what that says must not bring back what the tags have ended.
    if annotation.isFromDVC, let known { return known }
    return (known ?? Artifact(name: name, events: [], versions: []))
      .discovered(at: head, commits[head])
  }

  /// What the files say of an artifact at a commit, where that is known.
  public func annotation(of name: ArtifactName, at commit: ObjectID) -> ArtifactAnnotation? {
    annotations[commit]?.byName[name]
  }

  /// What the files at ``head`` say, in their order.
  public var currentAnnotations: [(name: ArtifactName, annotation: ArtifactAnnotation)] {
    guard let annotated = head.flatMap({ annotations[$0] }) else { return [] }
    return annotated.names.compactMap { name in annotated.byName[name].map { (name, $0) } }
  }

  /// All artifacts that have events or are annotated at ``head``, in the order in which GTO comes across
  /// them: deprecated ones by time, then by registration, then by stage, then annotated ones.
  public var allArtifacts: [Artifact] {
    let tagged = artifacts.values.map { $0.artifact(commits) }.filter { !$0.events.isEmpty }
    let ordered = tagged.sorted { $0.discoveryOrder < $1.discoveryOrder }
    guard let head, let annotated = annotations[head] else { return ordered }
    let names = Set(ordered.map(\.name))
    let untagged = annotated.names.filter { !names.contains($0) }
    return (ordered.map(\.name) + untagged).compactMap(artifact)
  }
}

extension Artifact {
  /// With the version that an annotation at a commit makes known where none is registered there.
  fileprivate func discovered(at commit: ObjectID, _ record: CommitRecord?) -> Artifact {
    if versions.contains(where: { $0.commit == commit }) { return self }
    let version = ArtifactVersion(
      label: .commit(commit), commit: commit, commitRecord: record, rank: versions.count)
    return Artifact(name: name, events: events, versions: versions + [version])
  }
}

/// What the files say at one commit.
struct CommitAnnotations: Sendable {
  let byName: [ArtifactName: ArtifactAnnotation]
  /// In the order of the files.
  let names: [ArtifactName]

  init(_ annotations: [(name: ArtifactName, annotation: ArtifactAnnotation)]) {
    byName = Dictionary(annotations.map { ($0.name, $0.annotation) }, uniquingKeysWith: { $1 })
    var seen: Set<ArtifactName> = []
    names = annotations.map(\.name).filter { seen.insert($0).inserted }
  }
}
