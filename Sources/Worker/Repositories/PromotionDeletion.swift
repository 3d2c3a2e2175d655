internal import JobQueue
internal import LaneProtocol
internal import Registry
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

extension Repository {
  /// Holds a deletion to what binds every stage whose history it changes: it may put an older version back in force.
  func checkDeletions(
    _ plan: Plan, _ request: WireProtocol.WriteRequest, tenant: String
  ) throws(WireError) {
    for stage in plan.stagesOfDeletions.sorted() {
      var access = request.access
      access.stage = stage.text
      guard policy.allows(access, tenant: tenant) else { throw .notAllowed(access) }
      try policy.checkFreeze(access, at: WallClock.seconds)
      // Approvers agree to the change of one stage.
      guard request.stage == nil, let rule = policy.approvalRules(access).first else { continue }
      throw .conditionNotMet(
        .condition(rule.condition, .approvals),
        "changes of stage '\(stage)' need approval; delete the tags of one version and that stage at a time")
    }
  }
}

extension WireError {
  static func deletionNotAllowed(_ repository: String) -> WireError {
    WireError(
      .deletionNotAllowed, category: .refused,
      "tags of repository \"\(repository.escapedForMessage)\" are not deleted (allowDelete is not set in the worker's configuration); without delete a tag takes it back and the history stays"
    )
  }
}

extension WireError.Code {
  static let deletionNotAllowed = Self(rawValue: "deletion_not_allowed")
}

extension PreparedTag {
  init(deleting event: Event) { self.init(name: event.ref, objectID: event.objectID, object: nil) }
}

extension DeletedTag {
  init(_ event: Event) {
    self.init(ref: event.ref, objectID: event.objectID.description, event: event.kind.rawValue)
  }

  /// For a job of which only the intents are known: the tag's name says what it was.
  init(_ intent: Intent) {
    let ref = String(intent.ref.dropFirst("refs/tags/".count))
    self.init(ref: ref, objectID: intent.objectID, event: (try? TagName(parsing: ref))?.kind.rawValue ?? "")
  }
}
