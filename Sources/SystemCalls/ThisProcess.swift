internal import CSystem
internal import Glibc

/// Settings of the calling process.
public enum ThisProcess {
  public static var pid: Int32 { getpid() }
  public static var uid: UInt32 { geteuid() }
  public static var gid: UInt32 { getegid() }

  /// Opens `/dev/null` under those of the numbers 0 to 2 that are closed, so that no socket and no file gets one of them
  /// and then what is meant for standard output or standard error. What is written there fails with `EBADF` as before:
  /// it is opened for reading alone. To be called before anything else is opened. C: `open`.
  public static func fillStandardDescriptors() {
    var number: Int32
    repeat { number = open("/dev/null", O_RDONLY) } while (0...2).contains(number)
    if number > 2 { close(number) }
  }

  /// Writing to a closed socket returns an error instead of ending the process. C: `signal`.
  public static func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }

  /// Keeps libdispatch from writing to the system's log: with every thread that it starts for urgent work it complains
  /// there that only the superuser may raise a thread's priority. To be called before the first thread. C: `setenv`.
  public static func quietDispatch() { _ = setenv("LIBDISPATCH_LOG", "NO", 0) }

  /// Ends this process with `SIGKILL` when its parent ends. C: `prctl(PR_SET_PDEATHSIG)`.
  ///
  /// - Parameter parent: the parent's number as it told; if it has ended already, false is returned.
  public static func dieWithParent(_ parent: Int32) -> Bool {
    _ = stagekeeper_die_with_parent(SIGKILL)
    return getppid() == parent
  }

  /// No core dump, no ptrace by others, no privileges through set-user-ID programs: for processes that
  /// hold secrets. C: `prctl`, `setrlimit`.
  public static func protectMemory() {
    _ = stagekeeper_forbid_core_dump()
    _ = stagekeeper_set_limit(stagekeeper_limit_core, 0)
    _ = stagekeeper_no_new_privileges()
  }

  /// What a process and each of its children may use. A bound that is lower already stays.
  public struct Bounds: Sendable {
    /// Bytes of memory that are not a file's (`RLIMIT_DATA`).
    public var memory: UInt64
    /// Bytes of one file that is written (`RLIMIT_FSIZE`).
    public var fileSize: UInt64
    /// Open descriptors (`RLIMIT_NOFILE`).
    public var descriptors: UInt64

    public init(memory: UInt64, fileSize: UInt64, descriptors: UInt64) {
      self.memory = memory
      self.fileSize = fileSize
      self.descriptors = descriptors
    }
  }

  /// Bounds this process and what it starts from now on, for good. A write beyond the bound of a file fails
  /// instead of ending this process. C: `setrlimit`, `signal`.
  public static func bound(_ bounds: Bounds) throws(SystemCallError) {
    signal(SIGXFSZ, SIG_IGN)
    var limits = [
      (stagekeeper_limit_file_size, bounds.fileSize), (stagekeeper_limit_descriptors, bounds.descriptors),
    ]
    #if !SANITIZER
      // A sanitizer takes terabytes for itself.
      limits.append((stagekeeper_limit_data, bounds.memory))
    #endif
    for (resource, value) in limits {
      try systemCall("setrlimit") { stagekeeper_lower_limit(resource, value) }
    }
  }

  /// Allows itself as many open descriptors as the system does.
  ///
  /// - Returns: how many. C: `setrlimit(RLIMIT_NOFILE)`.
  public static func raiseDescriptorLimit() -> Int {
    Int(clamping: stagekeeper_raise_limit(stagekeeper_limit_descriptors))
  }

  /// The path of the running program. C: `readlink("/proc/self/exe")`.
  public static func executablePath() throws(SystemCallError) -> String {
    var buffer = [CChar](repeating: 0, count: 4096)
    let length = try systemCall(sized: "readlink \"/proc/self/exe\"") {
      readlink("/proc/self/exe", &buffer, buffer.count)
    }
    return String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// A variable of this process's environment; nil when unset. C: `getenv`.
  public static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  /// Becomes another user for good, with all threads. C: `setgroups`, `setgid`, `setuid`.
  ///
  /// - Parameter groups: the supplementary groups.
  public static func become(uid: UInt32, gid: UInt32, groups: [UInt32]) throws(SystemCallError) {
    try systemCall("setgroups") { setgroups(groups.count, groups) }
    try systemCall("setgid") { setgid(gid) }
    try systemCall("setuid") { setuid(uid) }
  }

  /// Whether a descriptor is a terminal. C: `isatty`.
  public static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

  /// Whether what is written to a descriptor goes to systemd's journal: whoever starts this process with another output
  /// hands the variable down all the same. C: `fstat`. Source: `JOURNAL_STREAM` in systemd.exec(5).
  public static func isJournal(_ descriptor: Int32) -> Bool {
    var status = stat()
    guard let stream = environment("JOURNAL_STREAM"), fstat(descriptor, &status) == 0 else { return false }
    return stream == "\(status.st_dev):\(status.st_ino)"
  }

  /// The full range of user ids is mapped, so that the kernel's word about a peer means something: in a
  /// user namespace with a narrow map every stranger shows as the overflow uid. Source: `/proc/self/uid_map`.
  public static func hasFullUserIDRange() -> Bool {
    guard let map = try? Files.read("/proc/self/uid_map", limit: 4096) else { return true }
    let fields = String(decoding: map, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    return fields.elementsEqual(["0", "0", "4294967295"])
  }

  /// Ends this process now. C: `exit`.
  public static func exit(_ status: Int32) -> Never { Glibc.exit(status) }

  /// Writes text to a descriptor of this process, 1 or 2; what can't be written is lost. C: `write`.
  ///
  /// - Returns: why it couldn't be.
  @discardableResult
  public static func print(_ text: String, to number: Int32) -> SystemCallError? {
    let descriptor = FileDescriptor(takingOwnership: number)
    var failure: SystemCallError?
    do throws(SystemCallError) { try descriptor.writeAll(text.utf8) } catch { failure = error }
    _ = descriptor.release()
    return failure
  }

  /// Random bytes from the kernel. C: `getrandom`.
  public static func randomBytes(_ count: Int) throws(SystemCallError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
      filled += try systemCall(sized: "getrandom") {
        bytes[filled...].withUnsafeMutableBytes { stagekeeper_random($0.baseAddress, $0.count) }
      }
    }
    return bytes
  }
}
