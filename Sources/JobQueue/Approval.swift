/// What approvers agree to: the change as it was planned, and what it was planned upon. When it would be
/// another one, it must not be carried out.
public struct ApprovalPlan: Equatable, Sendable {
  /// The version that is moved; nil where the commit has none and gets none.
  public var version: String?
  /// The commit's id.
  public var commit: String
  public var stage: String
  /// The version that holds the stage, and that the plan replaces; nil where none does.
  public var holder: String?

  public init(version: String?, commit: String, stage: String, holder: String?) {
    self.version = version
    self.commit = commit
    self.stage = stage
    self.holder = holder
  }
}

/// Who approved, by the kernel's word at that time: enough to find out later whether it still counts.
public struct Approver: Equatable, Sendable {
  public var uid: UInt32
  public var gid: UInt32
  public var groups: [UInt32]
  /// The user's name at that time; for people.
  public var user: String?
  /// The tenant as which everybody acts on the socket that was used; nil where the ids decide.
  public var fixedTenant: String?
  /// The tenants that the approver belonged to.
  public var tenants: [String]

  public init(
    uid: UInt32, gid: UInt32, groups: [UInt32], user: String?, fixedTenant: String? = nil, tenants: [String]
  ) {
    self.uid = uid
    self.gid = gid
    self.groups = groups
    self.user = user
    self.fixedTenant = fixedTenant
    self.tenants = tenants
  }
}

/// One approval. Of one uid there is at most one for a job.
public struct Approval: Equatable, Sendable {
  public let by: Approver
  public let message: String?
  /// In milliseconds since 1970.
  public let time: Int64
}

/// What a job waits or has waited for.
public struct ApprovalRequest: Equatable, Sendable {
  public let plan: ApprovalPlan
  /// In milliseconds since 1970.
  public let askedAt: Int64
  /// From then on nobody can approve, in milliseconds since 1970.
  public let expiresAt: Int64
  /// In the order in which they came.
  public internal(set) var approvals: [Approval] = []

  public init(plan: ApprovalPlan, askedAt: Int64, expiresAt: Int64) {
    self.plan = plan
    self.askedAt = askedAt
    self.expiresAt = expiresAt
  }

  mutating func add(_ approval: Approval) {
    approvals.removeAll { $0.by.uid == approval.by.uid }
    approvals.append(approval)
  }
}

extension JobError {
  /// The code of jobs that the queue itself rejects because nobody approved them in time.
  public static let approvalExpired = "approval_expired"
}
