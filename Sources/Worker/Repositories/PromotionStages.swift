internal import Registry
internal import SystemCalls
internal import WireProtocol

extension Repository {
  /// Holds a plan to what binds every stage that it changes beside the one it names: where a version is registered again
  /// or taken back, or an artifact is deprecated, another version may come into force, or none.
  func checkOtherStages(
    _ plan: Plan, _ request: WireProtocol.WriteRequest, on draft: RegistryDraft, tenant: String
  ) throws(WireError) {
    guard policy.bindsStages, plan.tags.contains(where: \.isOfVersions) else { return }
    var after = draft
    after.apply(plan)
    let old = draft.artifact(plan.artifact)?.holders ?? [:]
    let new = after.artifact(plan.artifact)?.holders ?? [:]
    for stage in Set(old.keys).union(new.keys).sorted() where old[stage] != new[stage] && stage != plan.stage
    {
      var access = request.access
      access.stage = stage.text
      guard policy.allows(access, tenant: tenant) else { throw .notAllowed(access) }
      try policy.checkFreeze(access, at: WallClock.seconds)
      // Approvers agree to the change of one stage.
      guard let rule = policy.approvalRules(access).first else { continue }
      throw .conditionNotMet(
        .condition(rule.condition, .approvals),
        "it would change which version holds stage '\(stage)', and changes of that stage need approval; assign or unassign the stage itself first"
      )
    }
  }
}

extension Policy {
  /// Whether any rule is about stages at all.
  fileprivate var bindsStages: Bool { !conditions.isEmpty || grants.contains { $0.stages != nil } }
}

extension PlannedTag {
  /// Whether it is about versions and not about one stage.
  fileprivate var isOfVersions: Bool { name.stage == nil }
}

extension Artifact {
  /// The version that holds each stage; none of one that is deprecated.
  fileprivate var holders: [StageName: VersionLabel] {
    guard isActive else { return [:] }
    return Dictionary(
      uniqueKeysWithValues: stages().compactMap { stage, versions in
        versions.first.map { (stage, $0.version) }
      })
  }
}
