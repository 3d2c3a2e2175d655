internal import Glibc

extension ChildProcess {
  /// Kills the child and what it started, whatever process groups they are in, and reaps the child.
  ///
  /// Children that were given up by a parent that ended before are not found. Source of the tree:
  /// `/proc/PID/task/PID/children`.
  public func killTree() {
    Self.kill([pid])
    _ = try? wait()
  }

  /// Ends the child and what it started, and reaps the child: asks with `SIGTERM`, so that programs tidy up (Git
  /// removes its locks), and kills what has not ended in time.
  ///
  /// The child may have ended before; what is left of its process group is found then, if it leads one.
  ///
  /// - Parameter seconds: how long they may take.
  public func endTree(within seconds: Double) {
    let tree = [pid] + Self.descendants(of: pid)
    let members = Set(tree + Self.group(pid)).compactMap(Member.init)
    send(.terminate)
    for member in members { _ = Glibc.kill(member.pid, SIGTERM) }
    let deadline = MonotonicTime.after(seconds: seconds)
    while members.contains(where: \.isRunning), !deadline.hasPassed { usleep(1000) }
    send(.kill)
    Self.kill(members.filter(\.isRunning).map(\.pid))
    _ = try? wait()
  }

  /// A process, and not another one that got its number later.
  private struct Member {
    let pid: Int32
    private let started: Substring

    init?(_ pid: Int32) {
      self.pid = pid
      guard let status = ProcessStatus(pid) else { return nil }
      started = status.started
    }

    /// Whether it has not ended, reaped or not.
    var isRunning: Bool {
      guard let status = ProcessStatus(pid), status.started == started else { return false }
      return status.isRunning
    }
  }

  /// The members of a process group.
  private static func group(_ leader: Int32) -> [Int32] {
    let all = (try? Files.names(in: "/proc"))?.compactMap { Int32($0) } ?? []
    return all.filter { ProcessStatus($0)?.group == leader }
  }

  private static func descendants(of pid: Int32) -> [Int32] {
    let mine = children(of: pid)
    return mine + mine.flatMap(descendants)
  }

  /// The processes that the child started and that have not ended.
  public var children: [Int32] { Self.children(of: pid) }

  private static func kill(_ roots: [Int32]) {
    // Stopping each parent before its children are listed keeps it from starting more meanwhile.
    var pending = roots
    var found: [Int32] = []
    while let next = pending.popLast() {
      _ = Glibc.kill(next, SIGSTOP)
      found.append(next)
      pending += children(of: next)
    }
    for pid in found.reversed() { _ = Glibc.kill(pid, SIGKILL) }
  }

  /// Waits for the end, but not longer than until the deadline; nil when it passed. Looks every millisecond.
  public func wait(until deadline: MonotonicTime) throws(SystemCallError) -> ChildExit? {
    while true {
      if let exit = try poll() { return exit }
      if deadline.hasPassed { return nil }
      usleep(1000)
    }
  }

  private static func children(of pid: Int32) -> [Int32] {
    let path = "/proc/\(pid)/task/\(pid)/children"
    guard let text = try? Files.read(path, limit: 1 << 20) else { return [] }
    return String(decoding: text, as: UTF8.self).split(separator: " ").compactMap { Int32($0) }
  }
}

/// What the kernel says of a process. Source: proc_pid_stat(5).
private struct ProcessStatus {
  let isRunning: Bool
  let group: Int32
  /// When, in ticks since the system started.
  let started: Substring

  init?(_ pid: Int32) {
    // The second field is the name, which stands in parentheses and may hold anything.
    guard let text = try? Files.read("/proc/\(pid)/stat", limit: 65_536),
      let end = text.lastIndex(of: UInt8(ascii: ")"))
    else { return nil }
    let fields = String(decoding: text[(end + 1)...], as: UTF8.self).split(separator: " ")
    guard fields.count > 19, let group = Int32(fields[2]) else { return nil }
    isRunning = fields[0] != "Z" && fields[0] != "X"
    self.group = group
    started = fields[19]
  }
}
