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

  /// Kills what the child started, and not the child.
  public func killDescendants() { Self.kill(Self.children(of: pid)) }

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
