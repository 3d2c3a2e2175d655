internal import JobQueue
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

/// What a condition wants approved, and by whom.
public struct ApprovalRule: Sendable, Equatable {
  /// The index of the condition in the configuration.
  public var condition: Int
  /// How many people have to agree, 1 to 20.
  public var required: Int
  /// The tenants whose members may, in the order of the file.
  public var approvers: [String]
  /// For how long a job waits for them.
  public var expireSeconds: Int
}

/// How a job stands with each rule that wants it approved.
struct ApprovalStanding: Sendable {
  struct Line: Sendable {
    let rule: ApprovalRule
    /// The approvals that count for it, with the tenant in whose name each does.
    let counting: [(approval: Approval, tenant: String)]

    var isSatisfied: Bool { counting.count >= rule.required }
  }

  let lines: [Line]

  var isSatisfied: Bool { lines.allSatisfy(\.isSatisfied) }

  /// In whose name an approval counts; nil where it counts for nothing.
  func tenant(of approval: Approval) -> String? {
    lines.lazy.compactMap { line in line.counting.first { $0.approval == approval }?.tenant }.first
  }
}

extension Policy {
  /// What all conditions want approved that are about that change of a stage.
  func approvalRules(_ access: Access) -> [ApprovalRule] {
    conditions(on: access).compactMap(\.approvals)
  }

  /// The tenants in whose names an approver may approve that now: the grants are those of this moment, and so
  /// is who belongs to a tenant.
  func approvingTenants(of approver: Approver, _ access: Access) -> [String] {
    var approval = access
    approval.action = .approve
    let credentials = PeerCredentials(
      uid: approver.uid, gid: approver.gid, groups: approver.groups, pid: 0)
    let now = tenants(of: Peer(credentials, fixedTenant: approver.fixedTenant))
    return approver.tenants.filter { now.contains($0) && allows(approval, tenant: $0) }
  }

  /// How a job stands; nil where nobody has to approve it.
  func standing(of job: Job) -> ApprovalStanding? {
    // Most configurations have no conditions, and reading the request takes time.
    guard !conditions.isEmpty, let access = job.access else { return nil }
    let rules = approvalRules(access)
    if rules.isEmpty { return nil }
    var accounts: Set = [Peer.account(of: job.request.requester.uid)]
    let approvals = (job.approval?.approvals ?? []).filter {
      accounts.insert(Peer.account(of: $0.by.uid)).inserted
    }
    let entitled = approvals.map { ($0, approvingTenants(of: $0.by, access)) }
    return ApprovalStanding(
      lines: rules.map { rule in
        let counting = entitled.compactMap { approval, tenants in
          tenants.first(where: rule.approvers.contains).map { (approval: approval, tenant: $0) }
        }
        return ApprovalStanding.Line(rule: rule, counting: counting)
      })
  }

  /// Whether a job may go on with the approvals that it has. One whose request can't be read may: that is
  /// found out when it is planned.
  func isApproved(_ job: Job) -> Bool { standing(of: job)?.isSatisfied ?? true }

  /// Whether a condition names somebody among its approvers, of whatever.
  func mayApproveSomething(_ approver: Approver) -> Bool {
    conditions.contains { $0.approvals?.approvers.contains(where: approver.tenants.contains) ?? false }
  }

  /// Whether somebody's word counts for a job that others have asked for: one that waits or has waited for
  /// approval, or will.
  func mayApprove(_ job: Job, _ approver: Approver) -> Bool {
    guard job.approval != nil || !job.state.isFinished,
      Peer.account(of: approver.uid) != Peer.account(of: job.request.requester.uid),
      mayApproveSomething(approver), let access = job.access
    else { return false }
    let tenants = approvingTenants(of: approver, access)
    return approvalRules(access).contains { $0.approvers.contains(where: tenants.contains) }
  }
}

extension Approver {
  init(_ peer: Peer, _ policy: Policy) {
    self.init(
      uid: peer.uid, gid: peer.gid, groups: peer.groups, user: peer.userName,
      fixedTenant: peer.fixedTenant, tenants: policy.tenants(of: peer))
  }
}

extension Job {
  /// What it needs a grant for; nil where its request can't be read.
  var access: Access? { (try? WriteRequest(body: request.body))?.access }
}
