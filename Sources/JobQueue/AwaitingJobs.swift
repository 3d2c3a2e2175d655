/// The jobs that wait for approval, and which of them ends next.
struct AwaitingJobs: Sendable {
  /// When each ends, in milliseconds since 1970.
  private var ends: [JobID: Int64] = [:]
  /// May hold some that wait no longer, or until another time.
  private var wakeUps = Heap<WakeUp>()

  var ids: some Collection<JobID> { ends.keys }

  mutating func insert(_ id: JobID, until end: Int64) {
    if ends.updateValue(end, forKey: id) == end { return }
    wakeUps.push(WakeUp(time: end, id: id))
  }

  mutating func remove(_ id: JobID) {
    ends[id] = nil
    guard wakeUps.count > 2 * ends.count + 64 else { return }
    wakeUps = Heap()
    for (id, end) in ends { wakeUps.push(WakeUp(time: end, id: id)) }
  }

  /// When the first of them ends, in milliseconds since 1970.
  var nextEnd: Int64? {
    mutating get {
      while let first = wakeUps.min, ends[first.id] != first.time { wakeUps.pop() }
      return wakeUps.min?.time
    }
  }

  /// The first whose time has come.
  mutating func firstOverdue(now: Int64) -> JobID? {
    guard let end = nextEnd, end <= now else { return nil }
    return wakeUps.min?.id
  }
}
