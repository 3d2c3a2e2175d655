internal import CSystem
internal import Glibc

/// Many descriptors, one wait. Each event comes once, until it is asked for again. C: `epoll`, `EPOLLONESHOT`.
struct Epoll: ~Copyable, Sendable {
  private let descriptor: FileDescriptor

  struct Event {
    let token: UInt64
    let readiness: Readiness
  }

  init() throws(SystemCallError) {
    descriptor = FileDescriptor(
      takingOwnership: try systemCall("epoll_create1") { stagekeeper_epoll_create() })
  }

  func add(_ number: Int32, _ interest: Readiness, _ token: UInt64) throws(SystemCallError) {
    try systemCall("epoll_ctl") { control(stagekeeper_epoll_add, number, interest, token) }
  }

  /// Assumes that the descriptor was added and is open: there is no other way to fail.
  func change(_ number: Int32, _ interest: Readiness, _ token: UInt64) {
    let result = control(stagekeeper_epoll_modify, number, interest, token)
    precondition(result == 0, "epoll_ctl: \(Errno.current)")
  }

  /// Assumes that the descriptor was added and is open.
  func remove(_ number: Int32) {
    let result = control(stagekeeper_epoll_delete, number, [], 0)
    precondition(result == 0, "epoll_ctl: \(Errno.current)")
  }

  private func control(_ operation: Int32, _ number: Int32, _ interest: Readiness, _ token: UInt64) -> Int32 {
    let events =
      (interest.contains(.readable) ? stagekeeper_epoll_in : 0)
      | (interest.contains(.writable) ? stagekeeper_epoll_out : 0)
    return stagekeeper_epoll_control(descriptor.rawValue, operation, number, events, token)
  }

  /// Waits until something is ready.
  func wait() -> [Event] {
    var found = [stagekeeper_event](repeating: stagekeeper_event(), count: 64)
    let count = stagekeeper_epoll_wait(descriptor.rawValue, &found, Int32(found.count))
    // Only a signal can interrupt it.
    return found.prefix(Int(max(count, 0))).map { event in
      var readiness: Readiness = []
      if event.events & (stagekeeper_epoll_in | stagekeeper_epoll_ended) != 0 { readiness.insert(.readable) }
      if event.events & (stagekeeper_epoll_out | stagekeeper_epoll_ended) != 0 { readiness.insert(.writable) }
      return Event(token: event.token, readiness: readiness)
    }
  }
}
