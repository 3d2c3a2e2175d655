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

  /// Has every write to an `eventfd` end a wait, and no read is needed. C: `EPOLLET`.
  func addBell(_ number: Int32, _ token: UInt64) throws(SystemCallError) {
    try systemCall("epoll_ctl") { stagekeeper_epoll_add_bell(descriptor.rawValue, number, token) }
  }

  /// Waits until something is ready, or until a deadline.
  func wait(until deadline: MonotonicTime, _ body: (Event) -> Void) {
    withUnsafeTemporaryAllocation(of: stagekeeper_event.self, capacity: 64) { found in
      // Only a signal can interrupt it.
      let count = stagekeeper_epoll_wait(
        descriptor.rawValue, found.baseAddress, Int32(found.count), deadline.pollTimeout)
      for event in found.prefix(Int(max(count, 0))) {
        var readiness: Readiness = []
        if event.events & (stagekeeper_epoll_in | stagekeeper_epoll_ended) != 0 {
          readiness.insert(.readable)
        }
        if event.events & (stagekeeper_epoll_out | stagekeeper_epoll_ended) != 0 {
          readiness.insert(.writable)
        }
        body(Event(token: event.token, readiness: readiness))
      }
    }
  }
}
