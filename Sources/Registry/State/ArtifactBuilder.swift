/// Makes an ``Artifact`` out of its events, in GTO's phases: deprecations, then registrations and
/// deregistrations, then assignments and unassignments, each by time (tag.py, registry.py).
struct ArtifactBuilder {
  private struct Key: Hashable {
    let label: VersionLabel
    let commit: ObjectID
  }

  private let commits: [ObjectID: CommitRecord]
  private var versions: [ArtifactVersion] = []
  private var indexes: [Key: Int] = [:]
  /// The version that a stage tag at a commit means.
  private var versionAtCommit: [ObjectID: VersionLabel] = [:]

  /// - Parameter events: oldest first.
  static func build(
    _ name: ArtifactName, events: [Event], commits: [ObjectID: CommitRecord]
  ) -> Artifact {
    let events = withoutDuplicates(events)
    var builder = ArtifactBuilder(commits: commits)
    for event in events where event.kind == .registration || event.kind == .deregistration {
      builder.addVersionEvent(event)
    }
    for event in events where event.kind == .assignment || event.kind == .unassignment {
      builder.addStageEvent(event)
    }
    return Artifact(name: name, events: events, versions: builder.versions)
  }

  private init(commits: [ObjectID: CommitRecord]) { self.commits = commits }

  private mutating func addVersionEvent(_ event: Event) {
    guard let name = event.name.version else { return }
    versions[index(of: .name(name), at: event.commit)].add(event)
    // Several versions at one commit are a mistake that GTO does not survive. The latest registered
    // one is what its maker most likely meant.
    if event.kind == .registration || versionAtCommit[event.commit] == nil {
      versionAtCommit[event.commit] = .name(name)
    }
  }

  private mutating func addStageEvent(_ event: Event) {
    let label = versionAtCommit[event.commit] ?? .commit(event.commit)
    versions[index(of: label, at: event.commit)].add(event)
  }

  private mutating func index(of label: VersionLabel, at commit: ObjectID) -> Int {
    let key = Key(label: label, commit: commit)
    if let index = indexes[key] { return index }
    indexes[key] = versions.count
    versions.append(
      ArtifactVersion(label: label, commit: commit, commitRecord: commits[commit], rank: versions.count))
    return versions.count - 1
  }

  /// One tag object under two refs is one event. Equal events have the same place in the order but for
  /// their refs, so they are neighbours.
  private static func withoutDuplicates(_ events: [Event]) -> [Event] {
    var kept: [Event] = []
    kept.reserveCapacity(events.count)
    // Of the neighbours at the end of those kept; made only where there are some, for it takes time.
    var identities: Set<Event.Identity> = []
    for event in events {
      if let last = kept.last, last.time.seconds == event.time.seconds, last.tag == event.tag {
        if identities.isEmpty { identities = [Event.Identity(last)] }
        guard identities.insert(Event.Identity(event)).inserted else { continue }
      } else {
        identities = []
      }
      kept.append(event)
    }
    return kept
  }
}
