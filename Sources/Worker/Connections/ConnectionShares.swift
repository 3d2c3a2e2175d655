internal import Synchronization
internal import WireProtocol

/// The open connections of one kind of socket, over all its listeners: how many each caller may have.
public final class ConnectionShares: Sendable {
  public struct Limits: Sendable {
    /// In all.
    public var connections: Int
    public var perUser: Int
    /// Where not empty: all other uids together have a quarter of the connections at most.
    public var privileged: Set<UInt32>

    public init(connections: Int, perUser: Int, privileged: Set<UInt32> = []) {
      self.connections = connections
      self.perUser = perUser
      self.privileged = privileged
    }
  }

  private let limits: Limits
  private let open = Mutex<[Principal: Int]>([:])

  public init(_ limits: Limits) { self.limits = limits }

  /// Takes a connection in; each that is let in must be given back with ``leave(_:)``.
  ///
  /// - Returns: why it is not let in.
  func enter(_ who: Principal) -> WireError? {
    open.withLock { open in
      if let error = reasonToRefuse(who, open) { return error }
      open[who, default: 0] += 1
      return nil
    }
  }

  func leave(_ who: Principal) {
    open.withLock { open in
      let left = open[who, default: 1] - 1
      open[who] = left > 0 ? left : nil
    }
  }

  /// Nobody ever has all connections, and the last eighth is for those who have few: so that whoever is new gets
  /// in, however many others hold what they may.
  private func reasonToRefuse(_ who: Principal, _ open: [Principal: Int]) -> WireError? {
    let mine = open[who, default: 0]
    let all = open.values.reduce(0, +)
    let own = min(limits.perUser, max(1, limits.connections - limits.connections / 8))
    let isPrivileged = limits.privileged.contains(who.uid)
    if mine >= (isPrivileged ? limits.perUser : own) {
      return .busy("connectionsPerUser", "you have \(mine) open connections, as many as one user may", 1)
    }
    let isScarce = all >= limits.connections - limits.connections / 8
    let few = max(1, limits.connections / 64)
    if all >= limits.connections || (isScarce && !isPrivileged && mine >= few) {
      return .busy("connections", "the worker has as many connections as it may", 1)
    }
    if !limits.privileged.isEmpty, !isPrivileged {
      let others = open.filter { !limits.privileged.contains($0.key.uid) }.values.reduce(0, +)
      if others >= limits.connections / 4 {
        return .busy("connections", "the worker has as many connections as it may", 1)
      }
    }
    return nil
  }
}
