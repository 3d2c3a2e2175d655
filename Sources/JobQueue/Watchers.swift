internal import StrictJSON

/// Who follows which job. Each watcher holds the newest snapshot only, so that a slow one costs nothing.
struct Watchers: Sendable {
  private struct Watcher: Sendable {
    let continuation: AsyncStream<JobSnapshot>.Continuation
    var last: JobSnapshot?
  }

  private var byJob: [JobID: [UInt64: Watcher]] = [:]
  private var byRepository: [BytewiseString: Set<JobID>] = [:]
  private var nextNumber: UInt64 = 0

  mutating func add(_ id: JobID, repository: String, _ continuation: AsyncStream<JobSnapshot>.Continuation)
    -> UInt64
  {
    nextNumber += 1
    byJob[id, default: [:]][nextNumber] = Watcher(continuation: continuation)
    byRepository[BytewiseString(repository), default: []].insert(id)
    return nextNumber
  }

  mutating func remove(_ number: UInt64, of id: JobID, repository: String) {
    byJob[id]?[number] = nil
    if byJob[id]?.isEmpty ?? true { forget(id, repository: repository) }
  }

  func isWatched(_ id: JobID) -> Bool { byJob[id] != nil }

  func watched(in repository: String) -> Set<JobID> { byRepository[BytewiseString(repository)] ?? [] }

  /// Tells the job's watchers what they have not seen yet, and lets them go when it has ended.
  mutating func tell(_ snapshot: JobSnapshot) {
    let id = snapshot.job.id
    for (number, watcher) in byJob[id] ?? [:] where watcher.last != snapshot {
      byJob[id]?[number]?.last = snapshot
      watcher.continuation.yield(snapshot)
    }
    if snapshot.job.state.isFinished { end(id, repository: snapshot.job.request.repository) }
  }

  /// Has watchers told again what they have seen.
  mutating func forgetTold(in repository: String) {
    for id in watched(in: repository) {
      for number in (byJob[id] ?? [:]).keys { byJob[id]?[number]?.last = nil }
    }
  }

  mutating func end(_ id: JobID, repository: String) {
    for watcher in (byJob[id] ?? [:]).values { watcher.continuation.finish() }
    forget(id, repository: repository)
  }

  mutating func endAll() {
    for watchers in byJob.values { for watcher in watchers.values { watcher.continuation.finish() } }
    self = Watchers()
  }

  private mutating func forget(_ id: JobID, repository: String) {
    byJob[id] = nil
    let repository = BytewiseString(repository)
    byRepository[repository]?.remove(id)
    if byRepository[repository]?.isEmpty ?? false { byRepository[repository] = nil }
  }
}
