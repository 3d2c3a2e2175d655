internal import CSystem
internal import Glibc

/// What this process, and all that it starts, may still do with files and the network: everything else is
/// refused by the kernel. Source: landlock(7).
///
/// What a kernel does not know is left out: rules for files come with version 1 of the interface, ports with
/// version 4, signals and abstract sockets with version 6.
public struct Landlock: Sendable {
  /// What is allowed at a path and below it.
  public struct Access: OptionSet, Sendable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Read files, list folders.
    public static let read: Access = [.readFile, .readFolder]
    public static let execute = Access(rawValue: 1 << 0)
    /// Write, make, remove, rename and truncate files and folders; control of devices.
    public static let write: Access = [
      .writeFile, .removeFolder, .removeFile, .makeFolder, .makeFile, .makeSocket, .makePipe, .makeLink,
      .refer,
      .truncate, .controlDevice,
    ]
    /// Make and remove sockets and nothing else.
    public static let sockets: Access = [.removeFile, .makeSocket, .refer]

    /// Those that make sense for a path that is no folder.
    fileprivate static let ofFile: Access = [.execute, .writeFile, .readFile, .truncate, .controlDevice]

    // The kernel's LANDLOCK_ACCESS_FS_*, of which the headers may lack the last ones.
    private static let writeFile = Access(rawValue: 1 << 1)
    private static let readFile = Access(rawValue: 1 << 2)
    private static let readFolder = Access(rawValue: 1 << 3)
    private static let removeFolder = Access(rawValue: 1 << 4)
    private static let removeFile = Access(rawValue: 1 << 5)
    private static let makeCharacterDevice = Access(rawValue: 1 << 6)
    private static let makeFolder = Access(rawValue: 1 << 7)
    private static let makeFile = Access(rawValue: 1 << 8)
    private static let makeSocket = Access(rawValue: 1 << 9)
    private static let makePipe = Access(rawValue: 1 << 10)
    private static let makeBlockDevice = Access(rawValue: 1 << 11)
    private static let makeLink = Access(rawValue: 1 << 12)
    /// Move and link between folders.
    private static let refer = Access(rawValue: 1 << 13)
    private static let truncate = Access(rawValue: 1 << 14)
    private static let controlDevice = Access(rawValue: 1 << 15)

    /// The accesses that a version of the interface can refuse.
    static func handled(_ version: Int) -> Access {
      var all: Access = [
        .execute, .writeFile, .readFile, .readFolder, .removeFolder, .removeFile, .makeCharacterDevice,
        .makeFolder,
        .makeFile, .makeSocket, .makePipe, .makeBlockDevice, .makeLink,
      ]
      if version >= 2 { all.insert(.refer) }
      if version >= 3 { all.insert(.truncate) }
      if version >= 5 { all.insert(.controlDevice) }
      return all
    }
  }

  public struct Rule: Sendable, Equatable {
    public let path: String
    public let access: Access
  }

  public private(set) var rules: [Rule] = []
  /// The ports that TCP may connect to; nil: all, and listening is allowed too.
  public var ports: Set<UInt16>?

  public init() {}

  /// Allows something at paths and below them; those that are not there are passed over when it is enforced.
  public mutating func allow(_ access: Access, at paths: [String]) {
    rules += paths.map { Rule(path: $0, access: access) }
  }

  // MARK: The kernel

  /// The version of the interface; 0 where the kernel has none, or does not use it. C: `landlock_create_ruleset`.
  public static var kernelVersion: Int { max(0, Int(stagekeeper_landlock_version())) }

  // The kernel's LANDLOCK_ACCESS_NET_*.
  private static let bind: UInt64 = 1 << 0
  private static let connect: UInt64 = 1 << 1
  // The kernel's LANDLOCK_SCOPE_*.
  private static let abstractSockets: UInt64 = 1 << 0
  private static let signals: UInt64 = 1 << 1

  /// Refuses everything that no rule allows from now on, for good, to this thread and to what it starts.
  ///
  /// Assumes: this process has one thread, and no new privileges. C: `landlock_create_ruleset`,
  /// `landlock_add_rule`, `landlock_restrict_self`.
  public func enforce() throws(SystemCallError) {
    let version = Self.kernelVersion
    let handled = Access.handled(version)
    var attributes = stagekeeper_landlock_ruleset()
    attributes.handled_access_fs = handled.rawValue
    attributes.handled_access_net = version >= 4 && ports != nil ? Self.bind | Self.connect : 0
    attributes.scoped = version >= 6 ? Self.abstractSockets | Self.signals : 0
    let ruleset = FileDescriptor(
      takingOwnership: try systemCall("landlock_create_ruleset") {
        stagekeeper_landlock_create(&attributes)
      })
    for rule in rules { try add(rule, handled, to: ruleset) }
    if attributes.handled_access_net != 0 {
      for port in ports ?? [] {
        let number = ruleset.rawValue
        try systemCall("landlock_add_rule for port \(port)") {
          stagekeeper_landlock_add_port(number, Self.connect, UInt64(port))
        }
      }
    }
    let number = ruleset.rawValue
    try systemCall("landlock_restrict_self") { stagekeeper_landlock_restrict(number) }
  }

  private func add(_ rule: Rule, _ handled: Access, to ruleset: borrowing FileDescriptor)
    throws(SystemCallError)
  {
    let path: FileDescriptor
    do throws(SystemCallError) {
      path = try Files.openPlace(of: rule.path, followingLinks: true)
    } catch {
      if [.noSuchFile, .permissionDenied, Errno(rawValue: ENOTDIR)].contains(error.errno) { return }
      throw error
    }
    var access = rule.access.intersection(handled)
    if try Files.status(of: path).kind != .directory { access.formIntersection(.ofFile) }
    let (number, opened, bits) = (ruleset.rawValue, path.rawValue, access.rawValue)
    if bits == 0 { return }
    try systemCall("landlock_add_rule for \"\(rule.path)\"") {
      stagekeeper_landlock_add_path(number, bits, opened)
    }
  }
}
