internal import Glibc

extension ChildProcess {
  /// Kills the child and what it started, whatever process groups they are in, and reaps the child.
  ///
  /// Children that were given up by a parent that ended before are not found. Source of the tree:
  /// `/proc/PID/task/TID/children`.
  public func killTree() {
    Self.kill([pid])
    _ = try? wait()
  }

  /// Ends the child and what it started, and reaps the child.
  ///
  /// Programs whose conversation is over end by themselves, and that is how they leave nothing behind: Git knows the
  /// lock that it makes only a moment after the file is there, and a signal in that moment leaves it for ever. So they
  /// have time for it first; then they are asked with `SIGTERM`, upon which most tidy up; what has not ended after the
  /// same time again is killed.
  ///
  /// The child may have ended before; what is left of its process group is found then, if it leads one.
  ///
  /// - Parameters:
  ///   - seconds: how long they may take, each time.
  ///   - childFirst: that the child itself is asked at once, where it is its end that ends the others' conversations.
  /// - Returns: how the child ended; nil where it had been reaped before.
  @discardableResult
  public func endTree(within seconds: Double, childFirst: Bool = false) -> ChildExit? {
    var family = Family(pid)
    if childFirst { _ = Glibc.kill(pid, SIGTERM) }
    if !family.hasEnded(within: seconds) {
      family.signal(SIGTERM)
      if !family.hasEnded(within: seconds) {
        send(.kill)
        Self.kill(family.running.map(\.pid))
      }
    }
    return try? wait()
  }

  /// A process, what it started, and its process group, if it leads one.
  private struct Family {
    private let root: Int32
    private var members: Set<Member> = []

    init(_ root: Int32) {
      self.root = root
      look()
    }

    var running: [Member] { members.filter(\.isRunning) }

    func signal(_ number: Int32) {
      for member in running { _ = Glibc.kill(member.pid, number) }
    }

    mutating func hasEnded(within seconds: Double) -> Bool {
      let deadline = MonotonicTime.after(seconds: seconds)
      while true {
        while members.contains(where: \.isRunning), !deadline.hasPassed { usleep(1000) }
        look()
        if running.isEmpty { return true }
        if deadline.hasPassed { return false }
      }
    }

    /// Finds those that were started since: the end of who started them hides them, but for their group.
    private mutating func look() {
      let roots = [root] + running.map(\.pid)
      let found = roots + roots.flatMap(ChildProcess.descendants) + ChildProcess.group(root)
      members.formUnion(found.compactMap(Member.init))
    }
  }

  /// A process, and not another one that got its number later.
  private struct Member: Hashable {
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

  /// Whichever thread of the process started them.
  private static func children(of pid: Int32) -> [Int32] {
    let threads = (try? Files.names(in: "/proc/\(pid)/task")) ?? []
    return threads.flatMap { thread -> [Int32] in
      let text = (try? Files.read("/proc/\(pid)/task/\(thread)/children", limit: 1 << 20)) ?? []
      return String(decoding: text, as: UTF8.self).split(separator: " ").compactMap { Int32($0) }
    }
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
