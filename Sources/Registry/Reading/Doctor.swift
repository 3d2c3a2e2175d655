internal import StrictJSON

extension RegistryState {
  /// How far a clock may be ahead before its tags count as dated in the future, in seconds.
  public static let clockTolerance: Int64 = 300

  /// Everything about the tags that a person should look at, by tag.
  ///
  /// - Parameters:
  ///   - now: seconds since 1970.
  ///   - allowedStages: the stages of `.gto`; nil where any name is allowed.
  public func doctor(now: Int64, allowedStages: [StageName]? = nil) -> [TagProblem] {
    var found = problems.values.flatMap { $0 }
    for (name, index) in artifacts {
      found += index.duplicateCounters
      guard let artifact = artifact(name) else { continue }
      found += artifact.futureTags(after: now + Self.clockTolerance)
      found += artifact.ties + artifact.unversionedStages + artifact.doubledVersions
      found += artifact.stages(outside: allowedStages)
    }
    return found.sorted { left, right in
      let (a, b) = (left.refs.first ?? "", right.refs.first ?? "")
      return a.hasSameBytes(as: b)
        ? left.code.description < right.code.description : a.utf8.lexicographicallyPrecedes(b.utf8)
    }
  }
}

extension ArtifactIndex {
  fileprivate var duplicateCounters: [TagProblem] {
    let counted = refs.compactMap { ref, counter in counter.map { (ref.string, $0) } }
    let groups = Dictionary(grouping: counted, by: \.1).filter { $0.value.count > 1 }
    return groups.map { counter, tags in
      TagProblem(
        .duplicateCounter, tags.map(\.0).sorted(), "have the same counter, \(counter), so two writers raced",
        advice: "check that the right one counts; nothing else needs doing")
    }
  }
}

extension Artifact {
  fileprivate func futureTags(after limit: Int64) -> [TagProblem] {
    events.filter { $0.time.seconds > limit }.map { event in
      TagProblem(
        .futureTime, [event.ref],
        "is dated in the future (\(event.time.tableFormat)), so later events hide behind it",
        advice: "delete it and tag again with the right clock")
    }
  }

  /// Events of one second whose order changes what is in effect. GTO 1.10.1 does not go by the counter.
  fileprivate var ties: [TagProblem] {
    var problems: [TagProblem] = []
    for group in events.split(atChangeOf: \.time.seconds) where group.count > 1 {
      let competition = Competition(among: group)
      let tied = group.filter(competition.involves)
      if tied.isEmpty { continue }
      problems.append(
        TagProblem(
          .sameSecond, tied.map(\.ref),
          "are of the same second, so gto may see another order than that of their counters",
          advice: "if gto shows the wrong one, tag the right one again"))
    }
    return problems
  }

  fileprivate var unversionedStages: [TagProblem] {
    versions.filter { $0.isDiscovered && !$0.stages.isEmpty }.map { version in
      let tags = version.stages.flatMap { $0.assignments + $0.unassignments }.map(\.ref).sorted()
      return TagProblem(
        .noVersion, tags, "point at commit \(version.commit.abbreviated), which has no version of '\(name)'",
        advice: "register a version there")
    }
  }

  fileprivate var doubledVersions: [TagProblem] {
    let explicit = versions.filter { !$0.isDiscovered }
    let byLabel = Dictionary(grouping: explicit, by: \.label).filter { $0.value.count > 1 }
    let byCommit = Dictionary(grouping: explicit, by: \.commit).filter { $0.value.count > 1 }
    return byLabel.map { label, versions in
      TagProblem(
        .versionAtSeveralCommits, versions.flatMap(\.directRefs).sorted(),
        "put version \(label) of '\(name)' at several commits",
        advice: "delete the tags of all commits but one")
    }
      + byCommit.map { commit, versions in
        TagProblem(
          .severalVersionsAtCommit, versions.flatMap(\.directRefs).sorted(),
          "give commit \(commit.abbreviated) several versions of '\(name)'",
          advice: "delete the tags of all versions but one", breaksGTO: true)
      }
  }

  fileprivate func stages(outside allowed: [StageName]?) -> [TagProblem] {
    guard let allowed else { return [] }
    return stages(StageOptions(versionsPerStage: nil)).filter { !allowed.contains($0.stage) }.map { stage in
      TagProblem(
        .stageNotAllowed, stage.versions.flatMap(\.assignments).map(\.ref).sorted(),
        "are of stage '\(stage.stage)', which .gto does not list",
        advice: "unassign the stage, or add it to .gto")
    }
  }
}

extension ArtifactVersion {
  fileprivate var directRefs: [String] { (registrations + deregistrations).map(\.ref) }
}

/// Between which events of one second it matters which came first: those of one version, those of one stage, and the
/// artifact's deprecation and all others.
private struct Competition {
  private struct Subject: Hashable {
    let stage: StageName?
    let version: VersionName?

    init(_ event: Event) {
      stage = event.name.stage
      version = event.name.version
    }
  }

  private let deprecations: Int
  private let others: [Subject: Int]

  init(among events: ArraySlice<Event>) {
    deprecations = events.count { $0.kind == .deprecation }
    others = events.reduce(into: [:]) { counts, event in
      if event.kind != .deprecation { counts[Subject(event), default: 0] += 1 }
    }
  }

  /// Whether another one competes with this one of them.
  func involves(_ event: Event) -> Bool {
    if event.kind == .deprecation { return !others.isEmpty }
    return deprecations > 0 || others[Subject(event), default: 0] > 1
  }
}

extension Array {
  /// Runs of neighbours for which the key is the same.
  fileprivate func split(atChangeOf key: (Element) -> some Equatable) -> [ArraySlice<Element>] {
    var runs: [ArraySlice<Element>] = []
    var start = startIndex
    for index in indices where index > start && key(self[index]) != key(self[start]) {
      runs.append(self[start..<index])
      start = index
    }
    if start < endIndex { runs.append(self[start...]) }
    return runs
  }
}
