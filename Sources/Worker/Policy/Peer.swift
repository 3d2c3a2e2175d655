public import SystemCalls

/// Who sent a request: the kernel's word, and what the socket that it came over says.
public struct Peer: Sendable, Equatable {
  public let credentials: PeerCredentials
  /// The tenant as which everybody on that socket acts, whatever the credentials; nil: the credentials decide.
  public let fixedTenant: String?

  public init(_ credentials: PeerCredentials, fixedTenant: String? = nil) {
    self.credentials = credentials
    self.fixedTenant = fixedTenant
  }

  public var uid: UInt32 { credentials.uid }
  public var gid: UInt32 { credentials.gid }
  /// Supplementary groups, in the kernel's order.
  public var groups: [UInt32] { credentials.groups }
  /// For people and logs only.
  public var pid: Int32 { credentials.pid }
}
