/// All that the tags say of one artifact. Source: GTO, base.py, `Artifact`.
public struct Artifact: Sendable {
  public let name: ArtifactName
  /// Every event once, oldest first.
  public let events: [Event]
  /// In the order in which GTO comes across them.
  public let versions: [ArtifactVersion]
  /// Oldest first.
  public let deprecations: [Event]
  /// The indexes of ``versions``, highest version first.
  private let ranking: [Int]
  let discoveryOrder: DiscoveryOrder
  /// The answer of ``stages(_:)`` to the question that is nearly always asked.
  private(set) var standardStages: [(stage: StageName, versions: [StageHistory])] = []

  init(name: ArtifactName, events: [Event], versions: [ArtifactVersion]) {
    self.name = name
    self.events = events
    self.versions = versions
    deprecations = events.filter { $0.kind == .deprecation }
    discoveryOrder = DiscoveryOrder(events)
    ranking = versions.indices.sorted { versions[$0].ranksAbove(versions[$1]) }
    standardStages = computedStages(StageOptions())
  }

  /// Whether there are tags of it: an artifact can also be known by the repository's files alone.
  public var isRegistered: Bool { !events.isEmpty }

  /// Whether it is in effect: the newest thing that happened to it is not a deprecation. A commit of one
  /// of its versions counts too, as in GTO.
  public var isActive: Bool {
    guard let last = events.last, last.kind == .deprecation else {
      return !events.isEmpty || !versions.isEmpty
    }
    guard let commit = newestCommit else { return false }
    return last.order < EventOrder(commit: commit)
  }

  /// Where a deprecation points when no commit is named: the newest event's commit.
  public var newestEventCommit: ObjectID? {
    guard let commit = newestCommit else { return events.last?.commit }
    guard let last = events.last, EventOrder(commit: commit) < last.order else { return commit.id }
    return last.commit
  }

  var newestCommit: CommitRecord? {
    versions.compactMap(\.commitRecord).max { EventOrder(commit: $0) < EventOrder(commit: $1) }
  }
}

extension Artifact {
  /// The versions that explicit tags made at a commit; more than one is a mistake that ``doctor`` reports.
  func versions(at commit: ObjectID) -> [ArtifactVersion] {
    versions.filter { $0.commit == commit && !$0.isDiscovered }
  }

  /// The versions of that name; more than one where it was registered at several commits.
  public func versions(named name: VersionName) -> [ArtifactVersion] {
    versions.filter { $0.label == .name(name) && !$0.isDiscovered }
  }

  /// Which versions to list.
  struct VersionFilter {
    var activeOnly = true
    var includeUnregistered = false
    var includeDiscovered = false

    func includes(_ version: ArtifactVersion) -> Bool {
      if !activeOnly { return true }
      guard version.isActive else { return false }
      return version.isRegistered || (includeDiscovered && version.isDiscovered) || includeUnregistered
    }
  }

  /// The versions that a filter lets through, highest first.
  func sortedVersions(_ filter: VersionFilter) -> [ArtifactVersion] {
    ranking.lazy.map { versions[$0] }.filter(filter.includes)
  }

  /// The highest registered version that is in effect.
  public var latestVersion: ArtifactVersion? {
    let filter = VersionFilter()
    return ranking.first { filter.includes(versions[$0]) }.map { versions[$0] }
  }
}

extension ArtifactVersion {
  /// SemVer versions by precedence, then those named by a commit. Of two that rank equal (build metadata),
  /// the later registered one is above.
  fileprivate func ranksAbove(_ other: ArtifactVersion) -> Bool {
    switch (semantic, other.semantic) {
    case (let mine?, let others?):
      if mine.precedes(others) { return false }
      return others.precedes(mine) || rank > other.rank
    case (_?, nil): return true
    case (nil, _?): return false
    case (nil, nil): return (other.commit, other.rank) < (commit, rank)
    }
  }
}
