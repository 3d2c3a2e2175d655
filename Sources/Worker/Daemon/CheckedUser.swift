internal import StrictJSON
internal import SystemCalls

/// For whom `--check` judges key files: they are good for the user that the worker runs as, and for the superuser, who
/// may read everything, that says nothing.
struct CheckedUser: Equatable {
  let uid: UInt32
  let gid: UInt32
  let groups: [UInt32]
  /// Nil where the number has none.
  let name: String?

  /// The user of this process.
  static var own: CheckedUser {
    CheckedUser(
      uid: ThisProcess.uid, gid: ThisProcess.gid, groups: [], name: Accounts.userName(ThisProcess.uid))
  }

  /// Who is named; else, for the superuser, who owns the state directory; else the user of this process.
  static func find(
    named name: String?, stateDirectory: String
  ) throws(ConfigurationError) -> CheckedUser {
    if let name { return try named(name) }
    guard ThisProcess.uid == 0, let status = try? Files.status(of: stateDirectory), status.owner != 0 else {
      return own
    }
    guard let name = Accounts.userName(status.owner), let user = try? named(name) else {
      return CheckedUser(uid: status.owner, gid: status.group, groups: [], name: nil)
    }
    return user
  }

  private static func named(_ name: String) throws(ConfigurationError) -> CheckedUser {
    guard let uid = Accounts.uid(ofUser: name) else {
      throw ConfigurationError("--as: there is no user \"\(name.escapedForMessage)\" on this host")
    }
    let groups = Accounts.groups(ofUser: name) ?? []
    return CheckedUser(uid: uid, gid: groups.first ?? uid, groups: groups, name: name)
  }

  /// Has this process be that user from now on, so that all is judged as it will be for the worker.
  func takeOver() throws(ConfigurationError) {
    if uid == ThisProcess.uid { return }
    do throws(SystemCallError) {
      try ThisProcess.become(uid: uid, gid: gid, groups: groups)
    } catch {
      throw ConfigurationError("to check for \(self) takes the superuser: \(error)")
    }
  }
}

extension CheckedUser: CustomStringConvertible {
  var description: String { name.map { "user '\($0)'" } ?? "user \(uid)" }
}
