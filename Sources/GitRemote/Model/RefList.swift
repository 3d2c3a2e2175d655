internal import Glibc

/// A ref as a server advertises it.
public struct AdvertisedRef: Equatable, Sendable {
  /// The full name, such as `refs/tags/churn@v1.0.0`.
  public let name: String
  /// What it points to: of an annotated tag the tag object.
  public let id: ObjectID
  /// What an annotated tag finally points to; nil for other refs, and in a receive-pack advertisement.
  public let peeled: ObjectID?

  public init(name: String, id: ObjectID, peeled: ObjectID? = nil) {
    self.name = name
    self.id = id
    self.peeled = peeled
  }

  /// What it finally points to.
  public var target: ObjectID { peeled ?? id }
}

/// The branches and tags of a remote at one moment, ordered by the bytes of their names.
///
/// Refs elsewhere than under `refs/heads/` and `refs/tags/` are left out, and so are names that Git's own
/// rules forbid. Holds 100,000 refs in about 10 MB: names lie in one array.
public struct RefList: Sendable, Equatable {
  struct Entry: Sendable, Equatable {
    var offset: Int32
    var length: Int32
    var id: ObjectID
    /// Zero for none.
    var peeled: ObjectID
  }

  private(set) var names: [UInt8] = []
  private(set) var entries: [Entry] = []
  /// The branch that the remote's HEAD names, in full (`refs/heads/main`); nil when the server tells none.
  public internal(set) var headBranch: String?
  /// What the remote's HEAD points to; nil in an empty repository.
  public internal(set) var head: ObjectID?

  public init() {}

  /// Makes a list of these refs; of two with one name the last counts.
  public init(_ refs: [AdvertisedRef], headBranch: String? = nil) {
    for ref in refs { set(ref.name, to: ref.id, peeled: ref.peeled) }
    self.headBranch = headBranch
    head = headBranch.flatMap { self[$0]?.id }
  }

  public var count: Int { entries.count }

  /// The ref of that full name.
  public subscript(name: String) -> AdvertisedRef? {
    let place = position(of: Array(name.utf8))
    return place.found ? self[place.index] : nil
  }

  /// The ref at a position, in the order of names.
  public subscript(index: Int) -> AdvertisedRef {
    let entry = entries[index]
    return AdvertisedRef(
      name: String(decoding: bytes(of: entry), as: UTF8.self), id: entry.id,
      peeled: entry.peeled.isZero ? nil : entry.peeled)
  }

  /// The positions of the refs whose name begins so.
  public func indices(under prefix: String) -> Range<Int> {
    let start = Array(prefix.utf8)
    let lower = position(of: start).index
    guard let last = start.last, last < 0xff else { return lower..<entries.count }
    return lower..<position(of: start.dropLast() + [last + 1]).index
  }

  /// The refs whose name begins so, in the order of names.
  public func refs(under prefix: String) -> [AdvertisedRef] { indices(under: prefix).map { self[$0] } }

  /// Adds or changes one ref, so that the list stays what the remote has after an accepted push.
  public mutating func set(_ name: String, to id: ObjectID, peeled: ObjectID? = nil) {
    let key = Array(name.utf8)
    let place = position(of: key)
    if place.found {
      entries[place.index].id = id
      entries[place.index].peeled = peeled ?? .zero
    } else {
      let entry = Entry(
        offset: Int32(names.count), length: Int32(key.count), id: id, peeled: peeled ?? .zero)
      names += key
      entries.insert(entry, at: place.index)
    }
  }

  /// Forgets one ref.
  public mutating func remove(_ name: String) {
    let place = position(of: Array(name.utf8))
    if place.found { entries.remove(at: place.index) }
  }

  /// The names that only one of two lists has.
  public func namesInOne(of other: RefList) -> Set<String> {
    var names: Set<String> = []
    var (mine, theirs) = (0, 0)
    // Both are in the order of names; nearly all are in both.
    while mine < count || theirs < other.count {
      let left = mine < count ? bytes(of: entries[mine]) : nil
      let right = theirs < other.count ? other.bytes(of: other.entries[theirs]) : nil
      if let left, let right, left == right {
        (mine, theirs) = (mine + 1, theirs + 1)
      } else if let left, right.map(left.lexicographicallyPrecedes) ?? true {
        names.insert(self[mine].name)
        mine += 1
      } else {
        names.insert(other[theirs].name)
        theirs += 1
      }
    }
    return names
  }

  func without(_ names: Set<String>) -> RefList {
    var rest = self
    for name in names { rest.remove(name) }
    return rest
  }

  private func bytes(of entry: Entry) -> ArraySlice<UInt8> {
    names[Int(entry.offset)..<Int(entry.offset) + Int(entry.length)]
  }

  private func position(of key: [UInt8]) -> (index: Int, found: Bool) {
    var lower = 0
    var upper = entries.count
    while lower < upper {
      let middle = (lower + upper) / 2
      let order = compareBytes(names, entries[middle], key)
      if order == 0 { return (middle, true) }
      if order < 0 { lower = middle + 1 } else { upper = middle }
    }
    return (lower, false)
  }
}

/// Less than, equal to or greater than zero, as the entry's name sorts before, with or after the key.
private func compareBytes(_ names: [UInt8], _ entry: RefList.Entry, _ key: [UInt8]) -> Int32 {
  names.withUnsafeBytes { all in
    key.withUnsafeBytes { key in
      compareNames(
        UnsafeRawBufferPointer(rebasing: all[Int(entry.offset)..<Int(entry.offset) + Int(entry.length)]), key)
    }
  }
}

extension UnsafeRawBufferPointer {
  func hasPrefix(_ text: StaticString) -> Bool {
    guard count >= text.utf8CodeUnitCount, let baseAddress else { return false }
    return memcmp(baseAddress, text.utf8Start, text.utf8CodeUnitCount) == 0
  }

  func hasSuffix(_ text: StaticString) -> Bool {
    count >= text.utf8CodeUnitCount
      && UnsafeRawBufferPointer(rebasing: self[(count - text.utf8CodeUnitCount)...]).hasPrefix(text)
  }
}

/// The order of Git's ref lists: bytes, the shorter first.
func compareNames(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int32 {
  guard let leftBase = left.baseAddress, let rightBase = right.baseAddress else {
    return Int32(clamping: left.count - right.count)
  }
  let order = memcmp(leftBase, rightBase, min(left.count, right.count))
  return order != 0 ? order : Int32(clamping: left.count - right.count)
}

extension RefList {
  /// Adds the next ref of an advertisement. Servers send names in order; ``finish()`` sees to the rest.
  mutating func append(name: UnsafeRawBufferPointer, id: ObjectID) {
    entries.append(Entry(offset: Int32(names.count), length: Int32(name.count), id: id, peeled: .zero))
    names.append(contentsOf: name)
  }

  /// Sets what the last appended ref finally points to, if that is its name.
  ///
  /// - Returns: false when it is another's.
  mutating func peelLast(name: UnsafeRawBufferPointer, id: ObjectID) -> Bool {
    guard let last = entries.last else { return false }
    let same = names.withUnsafeBytes { all in
      compareNames(UnsafeRawBufferPointer(rebasing: all[Int(last.offset)..<all.count]), name) == 0
    }
    if same { entries[entries.count - 1].peeled = id }
    return same
  }

  /// Puts the names in order.
  ///
  /// - Returns: false when a name stands twice.
  mutating func finish() -> Bool {
    if isStrictlyAscending { return true }
    names.withUnsafeBytes { all in
      entries.sort { left, right in compareNames(all.name(of: left), all.name(of: right)) < 0 }
    }
    return isStrictlyAscending
  }

  private var isStrictlyAscending: Bool {
    names.withUnsafeBytes { all in
      entries.indices.dropFirst().allSatisfy { index in
        compareNames(all.name(of: entries[index - 1]), all.name(of: entries[index])) < 0
      }
    }
  }

  /// Whether both lists have the same refs under the prefix, at the same ids.
  ///
  /// Peeled ids are not compared: a receive-pack advertisement has none, and they follow from the ids.
  func hasSameRefs(under prefix: String, as other: RefList) -> Bool {
    let mine = indices(under: prefix)
    let theirs = other.indices(under: prefix)
    guard mine.count == theirs.count else { return false }
    let shift = theirs.lowerBound - mine.lowerBound
    return names.withUnsafeBytes { left in
      other.names.withUnsafeBytes { right in
        mine.allSatisfy { index in
          let (entry, otherEntry) = (entries[index], other.entries[index + shift])
          return entry.id == otherEntry.id
            && compareNames(left.name(of: entry), right.name(of: otherEntry)) == 0
        }
      }
    }
  }
}

extension UnsafeRawBufferPointer {
  fileprivate func name(of entry: RefList.Entry) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: self[Int(entry.offset)..<Int(entry.offset) + Int(entry.length)])
  }
}
