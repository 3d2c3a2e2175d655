internal import Glibc
public import SystemCalls

/// Looks into `/proc`.
public enum ProcessTable {
  /// Whether a process of that number runs; one that has ended and was not reaped does not.
  public static func isAlive(_ pid: Int32) -> Bool {
    guard let text = try? Files.read("/proc/\(pid)/stat", limit: 65_536) else { return false }
    // The name stands in parentheses and may hold anything; the state follows the last one.
    let rest = String(decoding: text, as: UTF8.self).split(separator: ")").last ?? ""
    return !rest.hasPrefix(" Z") && !rest.hasPrefix(" X")
  }

  /// Whether a lane of that number runs.
  public static func isLane(_ pid: Int32) -> Bool {
    isAlive(pid) && commandLine(pid).hasSuffix("stagekeeper-lane")
  }

  /// All that a process started and that has not been given up since, its grandchildren too.
  public static func descendants(of pid: Int32) -> [Int32] {
    let mine = children(of: pid)
    return mine + mine.flatMap(descendants)
  }

  /// The name of the program that runs under that number.
  public static func commandLine(_ pid: Int32) -> String { arguments(pid).first ?? "" }

  /// The words of its command line, the program's name first.
  public static func arguments(_ pid: Int32) -> [String] {
    let text = (try? Files.read("/proc/\(pid)/cmdline", limit: 65_536)) ?? []
    return text.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Ends one process with SIGKILL. Only for descendants of what the test started.
  public static func kill(_ pid: Int32) { _ = Glibc.kill(pid, SIGKILL) }

  /// Has one process stand still with SIGSTOP. Only for descendants of what the test started.
  public static func stop(_ pid: Int32) { _ = Glibc.kill(pid, SIGSTOP) }

  fileprivate static func children(of pid: Int32) -> [Int32] {
    let tasks = (try? Files.names(in: "/proc/\(pid)/task")) ?? []
    return tasks.flatMap { task -> [Int32] in
      let text = (try? Files.read("/proc/\(pid)/task/\(task)/children", limit: 1 << 20)) ?? []
      return String(decoding: text, as: UTF8.self).split(separator: " ").compactMap { Int32($0) }
    }
  }
}

extension ChildProcess {
  /// The processes that the child started and that have not ended.
  public var children: [Int32] { ProcessTable.children(of: pid) }

  /// Signals this process alone, not its group.
  public func sendToItself(_ signal: Signal) {
    _ = Glibc.kill(pid, signal == .kill ? SIGKILL : SIGTERM)
  }
}
