internal import Synchronization

/// Remembers the names of users for a while: looking one up reads `/etc/passwd`, or asks a directory server
/// where `nsswitch.conf` says so. A user who is renamed has the old name for so long; one without a name too.
public final class UserNames: Sendable {
  private struct Entry {
    let name: String?
    let end: MonotonicTime
  }

  private let seconds: Double
  private let lookUp: @Sendable (UInt32) -> String?
  private let entries = Mutex<[UInt32: Entry]>([:])

  /// More are not remembered; then all are forgotten.
  static let maximum = 1024

  /// - Parameter seconds: for how long a name is remembered.
  public init(seconds: Double, lookUp: @escaping @Sendable (UInt32) -> String?) {
    self.seconds = seconds
    self.lookUp = lookUp
  }

  /// The name where it is remembered, which may be that there is none; nil where it must be looked up.
  public func known(_ uid: UInt32, now: MonotonicTime = .now) -> String?? {
    entries.withLock { $0[uid] }.flatMap { now < $0.end ? .some($0.name) : nil }
  }

  /// The user's name; nil when the number has none.
  public func name(of uid: UInt32, now: MonotonicTime = .now) -> String? {
    if let name = known(uid, now: now) { return name }
    // Not under the lock: a directory server may take its time.
    let entry = Entry(name: lookUp(uid), end: now.advanced(bySeconds: seconds))
    entries.withLock { entries in
      if entries.count >= Self.maximum { entries = [:] }
      entries[uid] = entry
    }
    return entry.name
  }
}
