internal import Glibc

/// Names of users and groups. Decisions are made on numbers; names are for configuration and for people.
public enum Accounts {
  /// The user's number; nil when there is no such user. C: `getpwnam_r`.
  public static func uid(ofUser name: String) -> UInt32? {
    withEntry {
      getpwnam_r(name, $0, $1, $2, $3)
    } read: {
      $0.pw_uid
    }
  }

  /// The group's number; nil when there is no such group. C: `getgrnam_r`.
  public static func gid(ofGroup name: String) -> UInt32? {
    withGroup {
      getgrnam_r(name, $0, $1, $2, $3)
    } read: {
      $0.gr_gid
    }
  }

  /// The user's name, at most ten seconds old; nil when the number has none. C: `getpwuid_r`.
  public static func userName(_ uid: UInt32) -> String? { userNames.name(of: uid) }

  /// The user's name, at most ten minutes old, without reading anything; see ``UserNames/known(_:now:)``.
  public static func knownUserName(_ uid: UInt32) -> (name: String?, isDue: Bool)? { userNames.known(uid) }

  /// Every request has its caller's name in the journal and in the audit log.
  private static let userNames = UserNames(seconds: 10, longestSeconds: 600) { uid in
    withEntry {
      getpwuid_r(uid, $0, $1, $2, $3)
    } read: {
      String(cString: $0.pw_name)
    }
  }

  /// The numbers of the groups that a user is in, the primary one first; nil when there is no such user.
  /// C: `getgrouplist`.
  public static func groups(ofUser name: String) -> [UInt32]? {
    guard let primary = withEntry({ getpwnam_r(name, $0, $1, $2, $3) }, read: { $0.pw_gid }) else {
      return nil
    }
    var groups = [gid_t](repeating: 0, count: 65_536)
    var count = Int32(groups.count)
    guard getgrouplist(name, primary, &groups, &count) >= 0, count > 0 else { return [primary] }
    return Array(groups.prefix(Int(count)))
  }

  private static let bufferSize = 65_536

  private static func withEntry<Result>(
    _ lookUp: (
      UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int,
      UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>
    ) -> Int32,
    read: (passwd) -> Result
  ) -> Result? {
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: bufferSize) { buffer in
      guard let base = buffer.baseAddress, lookUp(&entry, base, bufferSize, &found) == 0 else { return nil }
      return found.map { read($0.pointee) }
    }
  }

  private static func withGroup<Result>(
    _ lookUp: (
      UnsafeMutablePointer<group>, UnsafeMutablePointer<CChar>, Int,
      UnsafeMutablePointer<UnsafeMutablePointer<group>?>
    ) -> Int32,
    read: (group) -> Result
  ) -> Result? {
    var entry = group()
    var found: UnsafeMutablePointer<group>?
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: bufferSize) { buffer in
      guard let base = buffer.baseAddress, lookUp(&entry, base, bufferSize, &found) == 0 else { return nil }
      return found.map { read($0.pointee) }
    }
  }
}
