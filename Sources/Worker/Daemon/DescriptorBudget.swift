internal import SystemCalls

/// How the descriptors that the system allows are shared out, so that no flood of clients takes those that
/// the admin socket, the lanes and the files need.
struct DescriptorBudget: Equatable {
  /// For files, sockets, timers and what comes and goes.
  static let base = 64
  /// For each lane: its socket, and what its start takes.
  static let perLane = 8

  let admins: Int
  let lanes: Int
  let clients: Int

  /// - Returns: nil where there are too few for anything.
  init?(descriptors: Int, limits: Limits) {
    admins = min(64, max(8, descriptors / 16))
    let free = descriptors - Self.base - admins
    guard free >= Self.perLane + 8 else { return nil }
    lanes = min(limits.lanes, max(1, free / 2 / Self.perLane))
    clients = min(limits.connections, free - lanes * Self.perLane)
  }
}

extension Service {
  /// Has as many descriptors as the system allows, and says so where those are fewer than configured.
  static func shareDescriptors(_ limits: Limits) throws(StartError) -> DescriptorBudget {
    let descriptors = ThisProcess.raiseDescriptorLimit()
    guard let budget = DescriptorBudget(descriptors: descriptors, limits: limits) else {
      throw StartError(
        status: ExitStatus.systemError,
        message:
          "this process may open \(descriptors) files, which is too few: allow 1024 (LimitNOFILE=, ulimit -n)"
      )
    }
    if budget.clients < limits.connections || budget.lanes < limits.lanes {
      Log.write(
        .warning, "the system allows fewer open files than the configured limits need",
        [
          "files": "\(descriptors)", "connections": "\(budget.clients)", "lanes": "\(budget.lanes)",
        ])
    }
    return budget
  }
}
