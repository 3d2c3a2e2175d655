/// How versions in stages are ordered and how many are kept.
public struct StageOptions: Sendable, Equatable {
  /// Leaves out versions that were never registered.
  public var registeredOnly: Bool
  /// At most so many stages of each version, the longest-standing ones; nil keeps all.
  public var assignmentsPerVersion: Int?
  /// At most so many versions of each stage; nil keeps all.
  public var versionsPerStage: Int?
  public var sort: VersionSort

  public init(
    registeredOnly: Bool = false, assignmentsPerVersion: Int? = nil, versionsPerStage: Int? = 1,
    sort: VersionSort = .timestamp
  ) {
    self.registeredOnly = registeredOnly
    self.assignmentsPerVersion = assignmentsPerVersion
    self.versionsPerStage = versionsPerStage
    self.sort = sort
  }
}

/// What decides which of the versions in a stage comes first: GTO's `--sort`.
public enum VersionSort: String, Sendable, CaseIterable, Hashable {
  /// The latest assignment.
  case timestamp
  /// The highest version.
  case semver
}

extension Artifact {
  /// The versions in each stage, the one that holds it first; stages in the order in which GTO prints
  /// them. Source: GTO, base.py, `get_vstages`.
  public func stages(
    _ options: StageOptions = StageOptions()
  ) -> [(stage: StageName, versions: [StageHistory])] {
    options == StageOptions() ? standardStages : computedStages(options)
  }

  func computedStages(_ options: StageOptions) -> [(stage: StageName, versions: [StageHistory])] {
    var found: [(stage: StageName, versions: [StageHistory])] = []
    var indexes: [StageName: Int] = [:]
    for history in orderedStageHistories(options) {
      let index = indexes[history.stage, default: found.count]
      if index == found.count {
        indexes[history.stage] = index
        found.append((history.stage, []))
      }
      if let limit = options.versionsPerStage, found[index].versions.count >= limit { continue }
      if !found[index].versions.contains(where: { $0.version == history.version }) {
        found[index].versions.append(history)
      }
    }
    return found
  }

  /// The version that holds a stage now.
  public func holder(of stage: StageName) -> StageHistory? {
    stages().first { $0.stage == stage }?.versions.first
  }

  private func orderedStageHistories(_ options: StageOptions) -> [StageHistory] {
    let filter = VersionFilter(includeUnregistered: !options.registeredOnly)
    let histories = sortedVersions(filter).flatMap { version in
      let active = version.activeStages
      return options.assignmentsPerVersion.map { Array(active.prefix(max(0, $0))) } ?? active
    }
    guard options.sort == .timestamp else { return histories }
    return histories.sorted { left, right in
      guard let a = left.assignments.last, let b = right.assignments.last else { return false }
      return b.precedes(a)
    }
  }
}
