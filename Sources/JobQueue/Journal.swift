internal import StrictJSON
internal import SystemCalls

/// The journal of one state directory: one segment file at a time, in which every change of the table is
/// a record. Holds the directory's lock as long as it lives.
///
/// Used on the journal's queue alone; that is what the unchecked conformance rests on.
final class Journal: @unchecked Sendable {
  /// The end of what is written, and of what can be written even on a full disk.
  struct Space: Equatable, Sendable {
    /// In bytes.
    var length: Int64
    /// In bytes; the file system may be unable to reserve, then nil.
    var reservedEnd: Int64?
    /// Whether ``Journal/clearAhead()`` should be called.
    var isClearingDue: Bool
  }

  let directory: DurableDirectory
  private var lock: FileDescriptor?
  private(set) var segment: JournalSegment
  private var canReserve = true
  /// What was committed since the snapshot of the compaction under way; nil when none is.
  private var tail: (after: UInt64, payloads: [[UInt8]])?
  /// The number of the last record that the segment's snapshot contains; 0 where this run took none.
  private var contained: UInt64 = 0

  init(directory: DurableDirectory, lock: consuming FileDescriptor, segment: JournalSegment) {
    self.directory = directory
    self.lock = consume lock
    self.segment = segment
  }

  var space: Space {
    Space(
      length: segment.length, reservedEnd: canReserve ? segment.reservedEnd : nil,
      isClearingDue: segment.isClearingDue)
  }

  /// Writes records and makes them durable. After a failure nothing may be committed any more.
  ///
  /// Those that the segment's snapshot contains, because they were on their way when it was taken, are not written again.
  ///
  /// - Parameter first: the first record's number, counted by the caller.
  func commit(_ payloads: [[UInt8]], first: UInt64) throws(SystemCallError) {
    try segment.append(Self.records(payloads, first: first, after: contained))
    try segment.synchronize()
    if let after = tail?.after { tail?.payloads += Self.records(payloads, first: first, after: after) }
  }

  private static func records(_ payloads: [[UInt8]], first: UInt64, after: UInt64) -> ArraySlice<[UInt8]> {
    payloads.dropFirst(first > after ? 0 : Int(after - first + 1))
  }

  /// Reserves disk space.
  ///
  /// - Returns: false when the disk is full.
  func reserve(upTo offset: Int64) throws(SystemCallError) -> Bool {
    guard canReserve else { return true }
    do throws(SystemCallError) {
      try segment.reserve(upTo: offset)
      return true
    } catch {
      if error.errno.isDiskFull { return false }
      guard error.errno == .notSupported else { throw error }
      canReserve = false
      return true
    }
  }

  /// Prepares reserved space for the next records. A disk that is too full for that fails nothing.
  func clearAhead() throws(SystemCallError) {
    guard segment.isClearingDue else { return }
    do throws(SystemCallError) {
      try segment.clearAhead()
    } catch {
      guard error.errno.isDiskFull else { throw error }
      segment.clearNoMore()
    }
  }

  // MARK: Compaction

  /// The name under which a segment is written until it is whole.
  static func draftName(segment: UInt64) -> String { JournalFormat.name(segment: segment) + ".new" }

  /// A compaction begins: remembers what is committed from now on.
  ///
  /// - Parameter after: the number of the last record that the snapshot contains.
  func beginCompaction(after: UInt64) { tail = (after, []) }

  /// Puts the draft, and what was committed since, in place of the segment; durable on return.
  ///
  /// - Parameter reserve: how much space to reserve behind the records, in bytes.
  /// - Returns: false when the disk is too full for it; nothing has changed then.
  func finishCompaction(_ draft: JournalSegment?, reserve: Int64) throws(SystemCallError) -> Bool {
    let (after, payloads) = tail ?? (0, [])
    tail = nil
    guard let draft, try complete(draft, payloads, reserve: reserve) else {
      try? directory.remove(Self.draftName(segment: segment.number + 1))
      return false
    }
    let old = segment
    try Self.publish(draft, in: directory)
    segment = draft
    contained = after
    try directory.remove(JournalFormat.name(segment: old.number))
    return true
  }

  /// Gives a whole segment its lasting name; durable on return.
  static func publish(_ draft: JournalSegment, in directory: DurableDirectory) throws(SystemCallError) {
    let name = JournalFormat.name(segment: draft.number)
    try directory.rename(draftName(segment: draft.number), to: name)
    draft.wasRenamed(to: directory.path(of: name))
    try directory.synchronize()
  }

  private func complete(
    _ draft: JournalSegment, _ payloads: [[UInt8]], reserve: Int64
  ) throws(SystemCallError) -> Bool {
    do throws(SystemCallError) {
      try draft.append(payloads)
      if canReserve { try draft.reserve(upTo: draft.length + reserve) }
      try draft.synchronize()
      return true
    } catch {
      if error.errno.isDiskFull { return false }
      throw error
    }
  }

  /// Writes the records of a table as a new segment under a temporary name. Runs on any queue.
  ///
  /// - Returns: nil when the disk is too full for it.
  static func writeDraft(
    _ table: JobTable, segment: UInt64, in directory: DurableDirectory
  ) throws(SystemCallError) -> JournalSegment? {
    do throws(SystemCallError) {
      let draft = try JournalSegment(
        new: try directory.create(draftName(segment: segment)), number: segment)
      try draft.append(table.snapshot.lazy.map { $0.json.serialized() })
      try draft.synchronize()
      return draft
    } catch {
      if error.errno.isDiskFull { return nil }
      throw error
    }
  }

  /// Gives back the space that nobody will use, and lets the directory go.
  ///
  /// - Parameter isWhole: whether all writes have succeeded; else the file stays as it is.
  func close(isWhole: Bool) {
    if isWhole { try? segment.trim() }
    lock = nil
  }
}
