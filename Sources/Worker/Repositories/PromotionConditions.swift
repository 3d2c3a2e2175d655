internal import LaneProtocol
internal import Registry
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

extension Policy {
  /// The conditions that bind a change of a stage, in the order of the file; none where no stage is named.
  func conditions(on access: Access) -> [Condition] {
    guard let stage = access.stage else { return [] }
    return conditions.filter {
      $0.matches(repository: access.repository, artifact: access.artifact, stage: stage)
    }
  }

  /// The demands that bind it, in the order of the file.
  func rules(on access: Access) -> [Rule] {
    conditions(on: access).flatMap { condition in
      condition.members.filter { member in
        switch access.action {
        case .assign: true
        case .unassign, .delete: member == .freeze || member == .approvals
        default: false
        }
      }.map(condition.rule)
    }
  }

  /// Whether an event puts a version into a stage of a repository that takes signed promotions only.
  func demandsSignature(_ repository: String) -> (Event) -> Bool {
    { event in
      guard event.kind == .assignment, let stage = event.name.stage else { return false }
      return conditions(
        on: Access(.assign, repository: repository, artifact: event.artifact.text, stage: stage.text)
      ).contains(where: \.signed)
    }
  }

  /// Whether a stage is frozen now: what is known before the repository is looked at.
  ///
  /// - Parameter time: in seconds since 1970.
  func checkFreeze(_ access: Access, at time: Int64) throws(WireError) {
    for condition in conditions(on: access) {
      guard let (window, end) = condition.freeze?.inForce(at: time) else { continue }
      let until = end.map { " until \(timestamp(milliseconds: $0 * 1000))" } ?? ""
      let reason = window.reason.map { ": \($0.escapedForMessage)" } ?? ""
      throw .conditionNotMet(
        condition.rule(.freeze), "stage '\(access.stage ?? "")' is frozen\(until)\(reason)",
        retryAfter: end.map { $0 - time })
    }
  }
}

extension Repository {
  /// Holds a plan to the conditions on its stage. An unassignment is bound by `freeze` alone; `force` overrides
  /// nothing. Assumes the caller has the turn.
  ///
  /// - Returns: the branches on whose tips the answer depends.
  func checkConditions(
    _ plan: Plan, _ request: WireProtocol.WriteRequest, on draft: RegistryDraft
  ) async throws(WireError) -> Set<String> {
    let access = request.access
    try policy.checkFreeze(access, at: WallClock.seconds)
    var branches: Set<String> = []
    guard request.action != .unassign else { return branches }
    for condition in policy.conditions(on: access) {
      try checkFrom(condition, plan, draft)
      if let branch = try await checkBranches(condition, plan) { branches.insert(branch) }
      try await checkType(condition, plan)
      try await checkSignature(condition, plan)
    }
    return branches
  }

  /// Whether a plan that fulfils its conditions does so only by what jobs before it are about to push: the remote
  /// may refuse those and take this one.
  func restsOnDraft(_ plan: Plan, _ request: WireProtocol.WriteRequest) -> Bool {
    guard request.action != .unassign else { return false }
    let artifact = state.artifact(plan.artifact)
    return policy.conditions(on: request.access).contains { condition in
      !(condition.from.map { plan.hasBeen(in: $0, artifact) } ?? true)
        || condition.signed && !plan.registers && plan.registration(artifact) == nil
    }
  }

  private func checkFrom(
    _ condition: Condition, _ plan: Plan, _ draft: RegistryDraft
  ) throws(WireError) {
    guard let from = condition.from else { return }
    if plan.hasBeen(in: from, draft.artifact(plan.artifact)) { return }
    throw .conditionNotMet(
      condition.rule(.from),
      "\(plan.versionText) must first have been in stage \(from.listed) before it goes to '\(plan.stageText)'"
    )
  }

  /// - Returns: a branch that has the commit; nil where the condition asks for none.
  private func checkBranches(
    _ condition: Condition, _ plan: Plan
  ) async throws(WireError) -> String? {
    guard let patterns = condition.branches else { return nil }
    let names = try decode(try await ask(.branches)) { value throws(JSONShapeError) in
      var reader = try ObjectReader(value, path: "branches")
      return try reader.optionalStrings("branches") ?? []
    }
    let matching = names.filter { name in patterns.contains { $0.matches(name) } }
    if !matching.isEmpty {
      let answer = try await ask(.branchContaining(plan.commit, among: matching))
      if let branch = answer["branch"]?.stringValue { return branch }
    }
    throw .conditionNotMet(
      condition.rule(.branches),
      "the commit of \(plan.versionText) must be on branch \(patterns.listed) before it goes to '\(plan.stageText)'"
    )
  }

  private func checkType(_ condition: Condition, _ plan: Plan) async throws(WireError) {
    guard let types = condition.types else { return }
    try await annotate([plan.commit])
    let type = state.annotation(of: plan.artifact, at: plan.commit)?.type
    if let type, types.contains(where: { $0.matches(type) }) { return }
    let found = type.map { "is annotated with type '\($0.escapedForMessage)'" } ?? "has no annotated type"
    let problems = type == nil ? fileProblems[plan.commit] ?? [] : []
    let hint = problems.isEmpty ? "" : "; its files can't be read: \(problems.joined(separator: "; "))"
    throw .conditionNotMet(
      condition.rule(.types),
      "'\(plan.artifact)' \(found) at the commit of \(plan.versionText); stage '\(plan.stageText)' takes type \(types.listed)\(hint)"
    )
  }

  /// The promotion's tags are signed where the repository signs; a version that was registered before must
  /// carry a good signature. One that is registered in the same push is signed by the worker.
  private func checkSignature(_ condition: Condition, _ plan: Plan) async throws(WireError) {
    guard condition.signed else { return }
    let rule = condition.rule(.signed)
    guard configuration.signing != nil else {
      throw .conditionNotMet(
        rule,
        "stage '\(plan.stageText)' takes signed promotions only, and this repository's tags are not signed"
      )
    }
    if plan.isOfNoVersion {
      throw .conditionNotMet(
        rule,
        "stage '\(plan.stageText)' takes signed versions only, and the commit has no version; register one first"
      )
    }
    guard let registration = plan.registration(state.artifact(plan.artifact)) else { return }
    let verdict = try await askForVerdicts([TagToVerify(registration)]).first
    if verdict?.code == .good { return }
    throw .conditionNotMet(
      rule,
      "stage '\(plan.stageText)' takes signed versions only, and the tag '\(registration.ref)' has no good signature: \(verdict?.message ?? "it is not there")"
    )
  }
}

extension Plan {
  /// Whether it is about a commit that has no version and gets none.
  fileprivate var isOfNoVersion: Bool { if case .commit = version { true } else { false } }

  /// Whether it registers its version itself.
  fileprivate var registers: Bool { tags.contains { $0.kind == .registration } }

  /// The version that it is about; nil where there is none yet.
  private func version(_ artifact: Artifact?) -> ArtifactVersion? {
    artifact?.versions.first { $0.label == version && $0.commit == commit }
  }

  /// Whether its version was ever assigned to a stage that one of these patterns matches.
  fileprivate func hasBeen(in stages: [Pattern], _ artifact: Artifact?) -> Bool {
    (version(artifact)?.stages ?? []).contains { history in
      !history.assignments.isEmpty && stages.contains { $0.matches(history.stage.text) }
    }
  }

  /// The tag that registered its version last.
  fileprivate func registration(_ artifact: Artifact?) -> Event? { version(artifact)?.registrations.last }

  fileprivate var versionText: String { version.map { "version '\($0)'" } ?? "the version" }
  fileprivate var stageText: String { stage?.text ?? "" }
}

extension [Pattern] {
  /// For messages: `'dev' or 'staging'`.
  fileprivate var listed: String { map { "'\($0.text.escapedForMessage)'" }.joined(separator: " or ") }
}

extension WireError {
  /// A condition of the configuration that a request does not fulfil.
  ///
  /// - Parameter retryAfter: seconds until it may be fulfilled, where that is known.
  static func conditionNotMet(
    _ rule: Rule, _ message: String, retryAfter: Int64? = nil
  ) -> WireError {
    WireError(
      .conditionNotMet, category: .refused, message,
      details: JSONObject([("rule", .string(rule.description))]), retryAfter: retryAfter)
  }
}
