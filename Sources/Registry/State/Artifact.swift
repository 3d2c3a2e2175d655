/// All that the tags say of one artifact. Source: GTO, base.py, `Artifact`.
public struct Artifact: Sendable {
  public let name: ArtifactName
  /// Every event once, oldest first.
  public let events: [Event]
  /// In the order in which GTO comes across them.
  public internal(set) var versions: [ArtifactVersion]
  /// Oldest first.
  public let deprecations: [Event]

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

  /// The versions, highest first: SemVer ones by precedence, then those named by a commit. Of two that
  /// rank equal (build metadata), the later registered one comes first.
  func sortedVersions(_ filter: VersionFilter) -> [ArtifactVersion] {
    versions.filter(filter.includes).sorted { left, right in
      switch (left.semantic, right.semantic) {
      case (let a?, let b?):
        if a.precedes(b) { return false }
        return b.precedes(a) || left.rank > right.rank
      case (_?, nil): return true
      case (nil, _?): return false
      case (nil, nil): return (right.commit, right.rank) < (left.commit, left.rank)
      }
    }
  }

  /// The highest registered version that is in effect.
  public var latestVersion: ArtifactVersion? { sortedVersions(VersionFilter()).first }
}
