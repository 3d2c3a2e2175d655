internal import StrictJSON
internal import SystemCalls

/// Why the policy says what it says of one access, rule by rule. What depends on the repository's tags and files is
/// left to a dry run.
struct PolicyExplanation: Sendable {
  struct Line: Sendable {
    let rule: String
    /// Whether the grant allows the access.
    let applies: Bool
    /// The first member of the grant that does not match; nil where all do.
    let mismatch: String?
  }

  let tenants: [String]
  /// The grant that lets it in; nil: denied.
  let decidedBy: String?
  /// What keeps it out although a grant lets it in.
  var deniedBy: String?
  let grants: [Line]
  /// What has to hold besides.
  let conditions: [Rule]
}

extension Policy {
  /// - Parameter tenants: in whose names; those of a peer, or one that is asked about by name.
  func explain(_ access: Access, tenants: [String]) -> PolicyExplanation {
    let lines = grants.map { grant in
      let mismatch = grant.mismatch(with: access, of: tenants)
      return PolicyExplanation.Line(
        rule: Rule.grant(grant.index).description, applies: mismatch == nil, mismatch: mismatch)
    }
    return PolicyExplanation(
      tenants: tenants, decidedBy: lines.first(where: \.applies)?.rule, grants: lines,
      conditions: rules(on: access))
  }
}

extension Grant {
  /// The first member, in the order of the documentation, that keeps the grant from allowing the access.
  fileprivate func mismatch(with access: Access, of mine: [String]) -> String? {
    if !mine.contains(where: tenants.contains) { return "tenants" }
    if !repositories.contains(where: { $0.matches(access.repository) }) { return "repositories" }
    if let artifact = access.artifact, let artifacts, !artifacts.contains(where: { $0.matches(artifact) }) {
      return "artifacts"
    }
    if !actions.contains(access.action) { return "actions" }
    if let stage = access.stage, let stages, !stages.contains(where: { $0.matches(stage) }) {
      return "stages"
    }
    return nil
  }
}

extension PolicyExplanation {
  var json: JSONValue {
    [
      "allowed": .bool(decidedBy != nil && deniedBy == nil),
      "rule": .string(decidedBy.map { deniedBy ?? $0 } ?? Rule.none.description),
      "tenants": .array(tenants.map { .string($0) }),
      "grants": .array(
        grants.map { line in
          [
            "rule": .string(line.rule), "applies": .bool(line.applies),
            "mismatch": line.mismatch.map { .string($0) } ?? .null,
          ]
        }),
      "conditions": .array(conditions.map { .string($0.description) }),
    ]
  }
}
