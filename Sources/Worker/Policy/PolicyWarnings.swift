internal import Registry
internal import RemoteURLs
internal import SystemCalls

/// Rules of a configuration that are in order and can never do what they were written for.
struct PolicyWarnings {
  let configuration: Configuration
  /// In seconds since 1970.
  let now: Int64

  var lines: [String] {
    configuration.repositories.flatMap(warnings) + configuration.tenants.flatMap(warnings)
      + configuration.grants.flatMap(warnings) + configuration.conditions.flatMap(warnings)
  }

  // MARK: Who and what

  private func warnings(_ repository: RepositoryConfiguration) -> [String] {
    let place = "repositories.\(repository.id)"
    var warnings: [String] = []
    if !configuration.grants.contains(where: { $0.repositories.matches(repository.id) }) {
      warnings.append("\(place): no grant opens it to anybody")
    }
    let location = repository.location
    if repository.ssh != nil, location?.isSSH == false {
      warnings.append("\(place).ssh: nothing of it is used, for the URL is none of ssh")
    }
    if repository.https != nil, location?.isHTTP == false {
      warnings.append("\(place).https: nothing of it is used, for the URL is none of https")
    }
    return warnings
  }

  private func warnings(_ tenant: TenantConfiguration) -> [String] {
    let isUsed = configuration.grants.contains { $0.tenants.contains(tenant.name) }
    return isUsed ? [] : ["tenants.\(tenant.name.quoted): no grant allows it anything"]
  }

  private func warnings(_ grant: Grant) -> [String] {
    let place = "grants[\(grant.index)]"
    let repositories = configuration.repositories.filter { grant.repositories.matches($0.id) }
    if repositories.isEmpty { return ["\(place).repositories: no repository has such a name"] }
    var warnings: [String] = []
    let ofStages: Set<GrantedAction> = [.assign, .unassign, .approve, .delete]
    if grant.stages != nil, grant.actions.isDisjoint(with: ofStages) {
      warnings.append("\(place).stages: none of its actions is about a stage")
    }
    warnings += Self.impossible(grant.artifacts, .artifact).map { "\(place).artifacts: \($0)" }
    warnings += Self.impossible(grant.stages, .stage).map { "\(place).stages: \($0)" }
    let isAll = grant.actions.count == GrantedAction.allCases.count
    if !isAll, grant.actions.contains(.delete), !repositories.contains(where: \.allowDelete) {
      warnings.append("\(place).actions: 'delete' allows nothing, no repository of it has allowDelete")
    }
    if !isAll, grant.actions.contains(.approve), !configuration.conditions.contains(where: grant.mayApprove) {
      warnings.append(
        "\(place).actions: 'approve' allows nothing, no condition wants the approval of its tenants")
    }
    return warnings
  }

  private enum Kind: String {
    case artifact, stage
  }

  /// What is wrong with patterns that no name can match.
  private static func impossible(_ patterns: [Pattern]?, _ kind: Kind) -> [String] {
    guard let patterns else { return [] }
    if patterns.isEmpty { return ["is empty, so that it is about no \(kind.rawValue)"] }
    return patterns.filter { !$0.canMatch(extra: kind == .artifact ? ":." : "") }.map {
      "no \(kind.rawValue) can be called \($0.text.quoted)"
    }
  }

  // MARK: Conditions

  private func warnings(_ condition: Condition) -> [String] {
    let place = "conditions[\(condition.index)]"
    let repositories = configuration.repositories.filter { condition.repositories.matches($0.id) }
    if repositories.isEmpty { return ["\(place).repositories: no repository has such a name"] }
    let names =
      Self.impossible(condition.artifacts, .artifact).map { "\(place).artifacts: \($0)" }
      + Self.impossible(condition.stages, .stage).map { "\(place).stages: \($0)" }
      + Self.impossible(condition.from, .stage).map { "\(place).from: \($0)" }
    if !names.isEmpty { return names }
    let changes = configuration.grants.filter { !$0.actions.isDisjoint(with: [.assign, .unassign]) }
    guard changes.contains(where: { condition.overlaps($0, stages: condition.stages) }) else {
      return ["\(place): no grant lets anybody change those stages, so that it binds nobody"]
    }
    return condition.members.flatMap { member in
      warnings(condition, member, repositories).map { "\(condition.rule(member)): \($0)" }
    }
  }

  private func warnings(
    _ condition: Condition, _ member: Condition.Member, _ repositories: [RepositoryConfiguration]
  ) -> [String] {
    switch member {
    case .from: warningOfFrom(condition)
    case .signed: warningsOfSigned(repositories)
    case .freeze:
      (condition.freeze ?? []).allSatisfy { $0.isPast(at: now) } ? ["all of its time is over"] : []
    case .approvals: condition.approvals.map { warningsOfApprovals(condition, $0) } ?? []
    case .branches, .types: []
    }
  }

  private func warningOfFrom(_ condition: Condition) -> [String] {
    let from = condition.from ?? []
    if from == condition.stages, !from.contains(where: \.isWild) {
      return ["a version would have to have been in the stage before it first goes there"]
    }
    let assigns = configuration.grants.filter { $0.actions.contains(.assign) }
    if assigns.contains(where: { condition.overlaps($0, stages: from) }) { return [] }
    return ["no grant lets anybody put a version into such a stage"]
  }

  private func warningsOfSigned(_ repositories: [RepositoryConfiguration]) -> [String] {
    repositories.flatMap { repository -> [String] in
      if repository.signing == nil {
        return ["repository \(repository.id.quoted) has no signing, so that nothing is let through"]
      }
      if repository.verification == nil {
        return [
          "repository \(repository.id.quoted) has no verification, so that only what the same push registers is let through"
        ]
      }
      return []
    }
  }

  private func warningsOfApprovals(_ condition: Condition, _ rule: ApprovalRule) -> [String] {
    let entitled = rule.approvers.filter { name in
      configuration.grants.contains { $0.tenants.contains(name) && $0.mayApprove(condition) }
    }
    if entitled.isEmpty { return ["none of the approvers has a grant with 'approve' there"] }
    let tenants = configuration.tenants.filter { entitled.contains($0.name) }
    let isOpen = tenants.contains { tenant in
      !tenant.gids.isEmpty || configuration.clientSockets.contains { $0.tenant == tenant.name }
    }
    let people = Set(tenants.flatMap(\.uids)).count
    if isOpen || people >= rule.required { return [] }
    return ["\(rule.required) have to agree, and only \(people) of its approvers may"]
  }
}

extension Grant {
  /// Whether it lets somebody approve for a condition.
  fileprivate func mayApprove(_ condition: Condition) -> Bool {
    guard actions.contains(.approve), let rule = condition.approvals else { return false }
    return !tenants.isDisjoint(with: rule.approvers) && condition.overlaps(self, stages: condition.stages)
  }
}

extension Condition {
  /// Whether a grant is about anything that the condition is about, in these stages.
  func overlaps(_ grant: Grant, stages: [Pattern]) -> Bool {
    repositories.overlaps(grant.repositories) && (artifacts ?? [Pattern("*")]).overlaps(grant.artifacts)
      && stages.overlaps(grant.stages)
  }
}

extension Pattern {
  /// Whether it may match a name by its bytes.
  ///
  /// - Parameter extra: what a name may have besides.
  fileprivate func canMatch(extra: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { PlainName.isInside($0) || ("*?" + extra).utf8.contains($0) }
  }
}

extension [Pattern] {
  fileprivate func matches(_ name: String) -> Bool { contains { $0.matches(name) } }

  /// Whether some name is matched by both; nil matches all.
  fileprivate func overlaps(_ others: [Pattern]?) -> Bool {
    guard let others else { return true }
    return contains { mine in others.contains { mine.overlaps($0) } }
  }
}
