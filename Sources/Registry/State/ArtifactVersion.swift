/// How a version is called: by its name, or by its commit where a stage was assigned to a commit without
/// a registered version.
public enum VersionLabel: Hashable, Sendable, CustomStringConvertible {
  case name(VersionName)
  case commit(ObjectID)

  public var name: VersionName? { if case .name(let name) = self { name } else { nil } }

  public var description: String {
    switch self {
    case .name(let name): name.text
    case .commit(let id): id.description
    }
  }
}

/// One version of an artifact at one commit. Source: GTO, base.py, `Version`.
///
/// GTO keeps a version apart for each commit it was registered at; so does this.
public struct ArtifactVersion: Sendable {
  public let label: VersionLabel
  public let commit: ObjectID
  /// What is known of the commit; nil where it was not reported.
  public internal(set) var commitRecord: CommitRecord?
  /// Oldest first.
  public internal(set) var registrations: [Event] = []
  /// Oldest first.
  public internal(set) var deregistrations: [Event] = []
  /// In the order of their first event.
  public internal(set) var stages: [StageHistory] = []
  /// The order in which GTO comes across versions: registered ones by time, then the others.
  let rank: Int
  let semantic: SemanticVersion?

  init(label: VersionLabel, commit: ObjectID, commitRecord: CommitRecord?, rank: Int) {
    self.label = label
    self.commit = commit
    self.commitRecord = commitRecord
    self.rank = rank
    semantic = label.name?.semantic
  }

  /// Whether it was ever registered.
  public var isRegistered: Bool { !registrations.isEmpty }

  /// Whether it is known by stages or annotations alone.
  public var isDiscovered: Bool { registrations.isEmpty && deregistrations.isEmpty }

  /// Whether it is in effect: its newest registration was not taken back, or it never had one.
  public var isActive: Bool {
    guard let registered = registrations.last else { return deregistrations.isEmpty }
    guard let deregistered = deregistrations.last else { return true }
    return deregistered.precedes(registered)
  }

  /// The stages it is in, the longest-standing first.
  public var activeStages: [StageHistory] {
    stages.filter(\.isActive).sorted { left, right in
      guard let a = left.assignments.last, let b = right.assignments.last else { return false }
      return a.precedes(b)
    }
  }

  public func isInStage(_ stage: StageName) -> Bool {
    stages.contains { $0.stage == stage && $0.isActive }
  }

  /// All of its events, in no order.
  var events: [Event] { registrations + deregistrations + stages.flatMap(\.events) }

  /// The newest assignment or unassignment.
  var newestStageEvent: Event? {
    stages.flatMap { [$0.assignments.last, $0.unassignments.last].compactMap { $0 } }
      .max { $0.precedes($1) }
  }

  /// The first event of all, tags and commit alike.
  var firstTime: Timestamp? {
    let events =
      [registrations.first, deregistrations.first].compactMap { $0 }
      + stages.flatMap { [$0.assignments.first, $0.unassignments.first].compactMap { $0 } }
    return (events.map(\.time) + [commitRecord?.committer.time].compactMap { $0 })
      .min { $0.seconds < $1.seconds }
  }

  mutating func add(_ event: Event) {
    switch (event.kind, event.name.stage) {
    case (.registration, _): registrations.append(event)
    case (.deregistration, _): deregistrations.append(event)
    case (_, let stage?):
      let index = stages.firstIndex { $0.stage == stage } ?? stages.endIndex
      if index == stages.endIndex {
        stages.append(StageHistory(stage: stage, version: label, commit: commit))
      }
      stages[index].add(event)
    default: break
    }
  }
}
