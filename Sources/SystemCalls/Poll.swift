internal import Glibc

/// Waiting for several descriptors at once.
public enum Poll {
  /// A descriptor and what it is waited for; afterwards, what came.
  public struct Entry: Sendable {
    public let descriptor: Int32
    public let wantsRead: Bool
    public let wantsWrite: Bool
    /// There is something to read, or the end, or an error that reading reports.
    public fileprivate(set) var isReadable = false
    /// There is room to write, or an error that writing reports.
    public fileprivate(set) var isWritable = false

    /// - Parameter descriptor: negative numbers are passed over.
    public init(_ descriptor: Int32, read: Bool = false, write: Bool = false) {
      self.descriptor = descriptor
      wantsRead = read
      wantsWrite = write
    }
  }

  /// Waits until one of them is ready or the deadline has passed. C: `poll`.
  ///
  /// - Returns: false when the deadline passed first.
  public static func wait(_ entries: inout [Entry], until deadline: MonotonicTime?) throws(SystemCallError)
    -> Bool
  {
    var polled = entries.map { entry in
      let events = (entry.wantsRead ? POLLIN : 0) | (entry.wantsWrite ? POLLOUT : 0)
      return pollfd(fd: events == 0 ? -1 : entry.descriptor, events: Int16(events), revents: 0)
    }
    while true {
      let result = poll(&polled, nfds_t(polled.count), deadline?.pollTimeout ?? -1)
      if result > 0 { break }
      if result == 0, deadline?.hasPassed ?? false { return false }
      if result == -1, Errno.current != .interrupted { throw SystemCallError(.current, "poll") }
    }
    let ended = Int16(POLLERR | POLLHUP | POLLNVAL)
    for index in entries.indices {
      let events = polled[index].revents
      entries[index].isReadable = entries[index].wantsRead && events & (Int16(POLLIN) | ended) != 0
      entries[index].isWritable = entries[index].wantsWrite && events & (Int16(POLLOUT) | ended) != 0
    }
    return true
  }
}
