/// What happened between one version and one stage. Source: GTO, base.py, `VStage`.
public struct StageHistory: Sendable {
  public let stage: StageName
  public let version: VersionLabel
  public let commit: ObjectID
  /// Oldest first.
  public internal(set) var assignments: [Event] = []
  /// Oldest first.
  public internal(set) var unassignments: [Event] = []

  /// Whether the version counts as in the stage: its newest event is an assignment. Several versions can
  /// be in one stage; which of them holds it is a matter of ``Artifact/stages(_:)``.
  public var isActive: Bool {
    guard let assigned = assignments.last else { return false }
    guard let unassigned = unassignments.last else { return true }
    return unassigned.precedes(assigned)
  }

  /// All of them, in no order.
  var events: [Event] { assignments + unassignments }

  mutating func add(_ event: Event) {
    if event.kind == .assignment { assignments.append(event) } else { unassignments.append(event) }
  }
}
