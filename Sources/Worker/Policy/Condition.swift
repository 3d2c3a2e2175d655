/// What a promotion into certain stages must fulfil, whoever asks and whichever grant lets them in.
///
/// All conditions whose patterns match bind. Each member that is there binds by itself; `force` overrides
/// none. Source: docs/configuration.md, "conditions[]".
public struct Condition: Sendable, Equatable {
  /// Its place in the file, from 0, by which decisions name it.
  public var index: Int
  /// Patterns of repository ids.
  public var repositories: [Pattern]
  /// Nil: every artifact.
  public var artifacts: [Pattern]?
  public var stages: [Pattern]
  /// The version must be, or have been, in a stage that one of these patterns matches.
  public var from: [Pattern]?
  /// The version's commit must be the tip of a branch that one of these patterns matches, or an ancestor of it.
  public var branches: [Pattern]?
  /// One of these patterns must match the type that the repository's files give the artifact at the commit.
  public var types: [Pattern]?
  /// The promotion's tags are signed, and so is the tag that registered the version.
  public var signed: Bool
  /// When nothing in these stages changes.
  public var freeze: [FreezeWindow]?
  /// Who else has to agree.
  public var approvals: ApprovalRule?

  /// Whether it is about this artifact and stage; or about some artifact in this stage, where none is named.
  public func matches(repository: String, artifact: String?, stage: String) -> Bool {
    repositories.contains { $0.matches(repository) }
      && (artifact.flatMap { name in artifacts?.contains { $0.matches(name) } } ?? true)
      && stages.contains { $0.matches(stage) }
  }
}

extension Condition {
  /// What a condition can demand; the raw value is its key in the configuration.
  public enum Member: String, Sendable, CaseIterable {
    case from, branches, types, signed, freeze, approvals
  }

  /// What this one demands.
  public var members: [Member] {
    Member.allCases.filter { member in
      switch member {
      case .from: from != nil
      case .branches: branches != nil
      case .types: types != nil
      case .signed: signed
      case .freeze: freeze != nil
      case .approvals: approvals != nil
      }
    }
  }

  /// By what decisions, errors and the audit log name one demand: `conditions[2].from`.
  public func rule(_ member: Member) -> Rule { .condition(index, member) }
}

/// The rule that made a decision.
public enum Rule: Sendable, Equatable, CustomStringConvertible {
  /// No grant allows it.
  case none
  /// The index of the grant in the configuration.
  case grant(Int)
  /// The index of the condition in the configuration, and which of its demands.
  case condition(Int, Condition.Member)

  /// Whether it is fulfilled by waiting for others.
  var isApproval: Bool { if case .condition(_, .approvals) = self { true } else { false } }

  /// Stable: `none`, `grants[1]`, `conditions[2].from`.
  public var description: String {
    switch self {
    case .none: "none"
    case .grant(let index): "grants[\(index)]"
    case .condition(let index, let member): "conditions[\(index)].\(member.rawValue)"
    }
  }
}
