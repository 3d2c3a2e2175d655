internal import Synchronization

/// Whose uids are whose: ranges of numbers that a user may take inside user namespaces, and so may have as many of as the
/// ranges hold. Source: subuid(5), newuidmap(1). Ranges that a directory server gives out (`subid:` in nsswitch.conf) are
/// not known here.
public struct SubordinateUsers: Sendable {
  private let ranges: [(first: UInt32, count: UInt32, owner: UInt32)]

  /// - Parameters:
  ///   - text: as `/etc/subuid` has it: `user:first:count` in each line, by name or number. Other lines say nothing.
  ///   - lookUp: the number of a user's name.
  public init(_ text: String, lookUp: (String) -> UInt32? = Accounts.uid(ofUser:)) {
    ranges = text.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: ":", omittingEmptySubsequences: false)
      guard fields.count == 3, let first = UInt32(fields[1]), let count = UInt32(fields[2]) else {
        return nil
      }
      let name = String(fields[0])
      return (lookUp(name) ?? UInt32(name)).map { (first, count, $0) }
    }
  }

  /// The user to whom a uid is given for user namespaces; nil where it is given to nobody, as those of people are.
  public func owner(of uid: UInt32) -> UInt32? {
    ranges.first { uid >= $0.first && uid - $0.first < $0.count }?.owner
  }

  /// What this system's file said at the last ``refresh()``.
  public static var current: SubordinateUsers { cache.withLock(\.users) }

  /// Whether ``current`` is what the file says, as it was at most a second ago.
  public static var isCurrent: Bool {
    cache.withLock { cache in
      if cache.lookAgainAt.hasPassed, text() == cache.text { cache.lookAgainAt = .after(seconds: 1) }
      return !cache.lookAgainAt.hasPassed
    }
  }

  /// Reads the file. A directory server that is asked for the users' names may take its time.
  public static func refresh() {
    let text = text()
    let users = Self(String(decoding: text, as: UTF8.self))
    cache.withLock { $0 = Cache(users: users, text: text, lookAgainAt: .after(seconds: 1)) }
  }

  private static func text() -> [UInt8] { (try? Files.read("/etc/subuid", limit: 1 << 20)) ?? [] }

  private struct Cache {
    var users = SubordinateUsers("")
    var text: [UInt8] = []
    var lookAgainAt = MonotonicTime.now
  }

  private static let cache = Mutex(Cache())
}
