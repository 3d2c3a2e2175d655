internal import SystemCalls

/// What somebody wants to do, as far as the policy is concerned.
public struct Access: Sendable, Equatable {
  public var action: GrantedAction
  public var repository: String
  /// Nil where the action concerns the repository as a whole.
  public var artifact: String?
  public var stage: String?

  public init(_ action: GrantedAction, repository: String, artifact: String? = nil, stage: String? = nil) {
    self.action = action
    self.repository = repository
    self.artifact = artifact
    self.stage = stage
  }
}

/// What the policy says, and which rule made it say so.
public enum Decision: Sendable, Equatable {
  /// - Parameters:
  ///   - tenant: in whose name.
  ///   - grant: the index of the grant in the configuration.
  case allowed(tenant: String, grant: Int)
  case denied

  /// For the audit log: which rule decided.
  public var rule: Rule {
    switch self {
    case .allowed(_, let grant): .grant(grant)
    case .denied: .none
    }
  }
}

/// Who may do what: nothing but what a grant allows.
public struct Policy: Sendable {
  private let tenants: [TenantConfiguration]
  let grants: [Grant]
  let conditions: [Condition]
  /// The uid that stands for everybody whom the kernel cannot name.
  private let overflowUID: UInt32

  public init(_ configuration: Configuration, overflowUID: UInt32 = Policy.systemOverflowUID) {
    tenants = configuration.tenants
    grants = configuration.grants
    conditions = configuration.conditions
    self.overflowUID = overflowUID
  }

  /// `/proc/sys/kernel/overflowuid`; 65534 where it can't be read.
  public static var systemOverflowUID: UInt32 {
    guard let bytes = try? Files.read("/proc/sys/kernel/overflowuid", limit: 64) else { return 65_534 }
    return UInt32(String(decoding: bytes, as: UTF8.self).filter(\.isNumber)) ?? 65_534
  }

  /// The tenants that a peer belongs to, in the order of the configuration.
  ///
  /// A socket that has a tenant leaves no choice. The superuser, the overflow uid and subordinate uids belong only where
  /// their number is named: a group says nothing of them.
  public func tenants(of peer: Peer) -> [String] {
    if let fixed = peer.fixedTenant {
      return tenants.map(\.name).filter { $0.utf8.elementsEqual(fixed.utf8) }
    }
    let namedOnly = peer.uid == 0 || peer.uid == overflowUID || peer.account != peer.uid
    return tenants.filter { tenant in
      tenant.uids.contains(peer.uid)
        || (!namedOnly && (tenant.gids.contains(peer.gid) || !tenant.gids.isDisjoint(with: peer.groups)))
    }.map(\.name)
  }

  public func decide(_ access: Access, for peer: Peer) -> Decision {
    let mine = tenants(of: peer)
    for grant in grants where grant.allows(access) {
      if let tenant = mine.first(where: grant.tenants.contains) {
        return .allowed(tenant: tenant, grant: grant.index)
      }
    }
    return .denied
  }

  /// The grants that apply to a peer, for `whoami`.
  public func grants(of peer: Peer) -> [Grant] {
    let mine = tenants(of: peer)
    return grants.filter { !$0.tenants.isDisjoint(with: mine) }
  }
}

extension Grant {
  /// Whether it allows this to its tenants. An artifact or stage that the access does not name is none that
  /// a pattern could forbid.
  func allows(_ access: Access) -> Bool {
    actions.contains(access.action)
      && repositories.contains { $0.matches(access.repository) }
      && access.artifact.map { name in artifacts?.contains { $0.matches(name) } ?? true } ?? true
      && access.stage.map { name in stages?.contains { $0.matches(name) } ?? true } ?? true
  }
}

extension Policy {
  /// The name of the rule that allows this to a tenant, for the audit log; nil where none does.
  func rule(_ access: Access, tenant: String) -> String? {
    grants.first { $0.tenants.contains(tenant) && $0.allows(access) }.map { "grants[\($0.index)]" }
  }

  /// Whether a tenant has that right: for a job whose requester was identified when it came in.
  public func allows(_ access: Access, tenant: String) -> Bool {
    grants.contains { $0.tenants.contains(tenant) && $0.allows(access) }
  }
}
