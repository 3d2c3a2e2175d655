/// The numbers of all jobs in ascending order. Those removed stay as gaps until half are gaps.
struct JobOrder: Sendable {
  private var ids: [JobID] = []
  private var gaps: Set<JobID> = []

  mutating func insert(_ id: JobID) {
    if let last = ids.last, id < last {
      ids.insert(id, at: firstIndex(notBefore: id))
    } else {
      ids.append(id)
    }
  }

  mutating func remove(_ id: JobID) {
    gaps.insert(id)
    guard gaps.count * 2 > ids.count else { return }
    ids.removeAll { gaps.contains($0) }
    gaps = []
  }

  func ids(after: JobID?) -> some Sequence<JobID> {
    let start = after.map { firstIndex(notBefore: JobID($0.number + 1)) } ?? 0
    return ids[start...].lazy.filter { [gaps] in !gaps.contains($0) }
  }

  /// The ids before one, the newest first; nil: all.
  func idsNewestFirst(before: JobID?) -> some Sequence<JobID> {
    let end = before.map { firstIndex(notBefore: $0) } ?? ids.endIndex
    return ids[..<end].lazy.reversed().filter { [gaps] in !gaps.contains($0) }
  }

  private func firstIndex(notBefore id: JobID) -> Int {
    var low = 0
    var high = ids.count
    while low < high {
      let middle = (low + high) / 2
      if ids[middle] < id { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
