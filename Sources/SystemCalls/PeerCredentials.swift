internal import CSystem
internal import Glibc

/// Who connected to a Unix socket, by the kernel's word at the time of `connect`.
///
/// A process that changes its ids later, or hands its descriptor on, still shows as the one that connected.
public struct PeerCredentials: Equatable, Sendable {
  public let uid: UInt32
  public let gid: UInt32
  /// Supplementary groups, in the kernel's order.
  public let groups: [UInt32]
  /// For people and logs only: the number may have been given to another process since.
  public let pid: Int32

  public init(uid: UInt32, gid: UInt32, groups: [UInt32], pid: Int32) {
    self.uid = uid
    self.gid = gid
    self.groups = groups
    self.pid = pid
  }

  /// Asks the kernel. C: `getsockopt` with `SO_PEERCRED` and `SO_PEERGROUPS` (unix(7)).
  public init(of socket: borrowing FileDescriptor) throws(SystemCallError) {
    let number = socket.rawValue
    var credentials = stagekeeper_ucred()
    try systemCall("getsockopt SO_PEERCRED") { stagekeeper_peer_credentials(number, &credentials) }
    uid = credentials.uid
    gid = credentials.gid
    pid = credentials.pid
    groups = try Self.groups(of: number)
  }

  private static func groups(of socket: Int32) throws(SystemCallError) -> [UInt32] {
    var capacity = 64
    while true {
      var groups = [gid_t](repeating: 0, count: capacity)
      var length = socklen_t(capacity * MemoryLayout<gid_t>.size)
      if stagekeeper_peer_groups(socket, &groups, &length) == 0 {
        return Array(groups.prefix(Int(length) / MemoryLayout<gid_t>.size))
      }
      let error = Errno.current
      guard error.rawValue == ERANGE, capacity < 65_536 else {
        throw SystemCallError(error, "getsockopt SO_PEERGROUPS")
      }
      capacity = max(capacity * 2, Int(length) / MemoryLayout<gid_t>.size)
    }
  }
}
