/// Jobs in the order of their numbers, answering "how many stand before this one" in logarithmic time.
///
/// A Fenwick tree over the jobs in the order of arrival; those that left keep their place until half of
/// the places are empty, so that one that comes back (after a failed attempt) stands where it stood.
struct RankedLine: Sendable {
  private var ids: [JobID] = []
  private var isPresent: [Bool] = []
  /// `tree[i]` counts the present places in the range of `i` that Fenwick's scheme gives it; from 1.
  private var tree: [Int] = [0]
  private(set) var count = 0

  mutating func insert(_ id: JobID) {
    if let place = place(of: id) {
      if !isPresent[place] { set(place, true) }
      return
    }
    if let last = ids.last, id < last {
      insertBetween(id)
    } else {
      append(id)
    }
  }

  mutating func remove(_ id: JobID) {
    guard let place = place(of: id), isPresent[place] else { return }
    set(place, false)
    if ids.count > 32, count * 2 < ids.count { rebuild(presentIDs) }
  }

  /// How many jobs stand before this one; nil when it is not in line.
  func rank(of id: JobID) -> Int? {
    guard let place = place(of: id), isPresent[place] else { return nil }
    var sum = 0
    var index = place
    while index > 0 {
      sum += tree[index]
      index -= index & -index
    }
    return sum
  }

  private var presentIDs: [JobID] { zip(ids, isPresent).filter(\.1).map(\.0) }

  private func place(of id: JobID) -> Int? {
    var low = 0
    var high = ids.count
    while low < high {
      let middle = (low + high) / 2
      if ids[middle] < id { low = middle + 1 } else { high = middle }
    }
    return low < ids.count && ids[low] == id ? low : nil
  }

  private mutating func append(_ id: JobID) {
    ids.append(id)
    isPresent.append(true)
    count += 1
    let index = ids.count
    let lowest = index - (index & -index)
    var sum = 1
    var part = index - 1
    while part > lowest {
      sum += tree[part]
      part -= part & -part
    }
    tree.append(sum)
  }

  /// Only a job retried after its place was given up comes here: rare, and linear.
  private mutating func insertBetween(_ id: JobID) {
    var all = presentIDs
    all.insert(id, at: all.firstIndex { $0 > id } ?? all.endIndex)
    rebuild(all)
  }

  private mutating func rebuild(_ all: [JobID]) {
    self = RankedLine()
    for id in all { append(id) }
  }

  private mutating func set(_ place: Int, _ present: Bool) {
    isPresent[place] = present
    let change = present ? 1 : -1
    count += change
    var index = place + 1
    while index < tree.count {
      tree[index] += change
      index += index & -index
    }
  }
}
