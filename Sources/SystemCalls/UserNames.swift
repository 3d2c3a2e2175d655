internal import Synchronization

/// Remembers the names of users for a while: looking one up reads `/etc/passwd`, or asks a directory server
/// where `nsswitch.conf` says so. A user who is renamed has the old name for so long; one without a name too.
public final class UserNames: Sendable {
  private struct Entry {
    let name: String?
    let time: MonotonicTime
    /// Whether somebody was told that it is due.
    var isDueTold = false
  }

  /// For how long a name is good, in seconds.
  private let seconds: Double
  /// For how long it is told at all, in seconds.
  private let longestSeconds: Double
  private let lookUp: @Sendable (UInt32) -> String?
  private let entries = Mutex<[UInt32: Entry]>([:])

  /// More are not remembered; then all are forgotten.
  static let maximum = 1024

  /// - Parameters:
  ///   - seconds: after which a name is looked up again.
  ///   - longestSeconds: until when it is told meanwhile.
  public init(
    seconds: Double, longestSeconds: Double, lookUp: @escaping @Sendable (UInt32) -> String?
  ) {
    self.seconds = seconds
    self.longestSeconds = longestSeconds
    self.lookUp = lookUp
  }

  /// The name where it is remembered, which may be that there is none, and whether the caller is to have
  /// ``name(of:now:)`` look it up again, which one caller is at a time; nil where nobody can go on before.
  public func known(_ uid: UInt32, now: MonotonicTime = .now) -> (name: String?, isDue: Bool)? {
    entries.withLock { entries in
      guard let entry = entries[uid], now < entry.time.advanced(bySeconds: longestSeconds) else { return nil }
      let isDue = !isGood(entry, now) && !entry.isDueTold
      if isDue { entries[uid]?.isDueTold = true }
      return (entry.name, isDue)
    }
  }

  private func isGood(_ entry: Entry, _ now: MonotonicTime) -> Bool {
    now < entry.time.advanced(bySeconds: seconds)
  }

  /// The user's name; nil when the number has none.
  public func name(of uid: UInt32, now: MonotonicTime = .now) -> String? {
    if let entry = entries.withLock({ $0[uid] }), isGood(entry, now) { return entry.name }
    // Not under the lock: a directory server may take its time.
    let entry = Entry(name: lookUp(uid), time: now)
    entries.withLock { entries in
      if entries.count >= Self.maximum { entries = [:] }
      entries[uid] = entry
    }
    return entry.name
  }
}
