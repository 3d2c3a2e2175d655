public import SystemCalls

/// Whom the worker counts as one: a uid, or a uid on the sockets of one tenant, where containers of different tenants
/// may well have the same.
public struct Principal: Hashable, Sendable {
  public let uid: UInt32
  /// Nil: on a socket where the kernel's word decides.
  public let fixedTenant: String?

  public init(uid: UInt32, fixedTenant: String? = nil) {
    self.uid = uid
    self.fixedTenant = fixedTenant
  }
}

/// Who sent a request: the kernel's word, and what the socket that it came over says.
public struct Peer: Sendable, Equatable {
  public let credentials: PeerCredentials
  /// The tenant as which everybody on that socket acts, whatever the credentials; nil: the credentials decide.
  public let fixedTenant: String?
  /// The user to whom the uid belongs: another one where it is a subordinate uid, of which that user has many.
  public let account: UInt32
  /// The user's name where it was looked up, nil in it for one without a name.
  private var knownName: String??

  public init(_ credentials: PeerCredentials, fixedTenant: String? = nil) {
    self.credentials = credentials
    self.fixedTenant = fixedTenant
    account = Self.account(of: credentials.uid)
  }

  /// See ``account``.
  static func account(of uid: UInt32) -> UInt32 { SubordinateUsers.current.owner(of: uid) ?? uid }

  /// Whose request keys and jobs it uses.
  public var principal: Principal { Principal(uid: uid, fixedTenant: fixedTenant) }
  /// Whose share of the worker it uses.
  public var shareholder: Principal { Principal(uid: account, fixedTenant: fixedTenant) }

  public var uid: UInt32 { credentials.uid }
  public var gid: UInt32 { credentials.gid }
  /// Supplementary groups, in the kernel's order.
  public var groups: [UInt32] { credentials.groups }
  /// For people and logs only.
  public var pid: Int32 { credentials.pid }

  /// For people and logs only; nil where the number has none. Looked up unless ``named(_:)`` said it, and that may take
  /// its time.
  public var userName: String? { knownName ?? Accounts.userName(uid) }

  /// The same peer, whose name nobody has to look up any more.
  public func named(_ name: String?) -> Peer {
    var copy = self
    copy.knownName = .some(name)
    return copy
  }
}
