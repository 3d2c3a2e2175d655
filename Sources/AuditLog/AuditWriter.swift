internal import SystemCalls

/// The files of the log, of which the last one is written.
///
/// Used on the log's file queue alone; that is what the unchecked conformance rests on.
final class AuditWriter: @unchecked Sendable {
  /// The end of what is written, and of what can be written even on a full disk.
  struct Space: Equatable, Sendable {
    /// In bytes.
    var length: Int64
    /// In bytes; nil where the file system can't reserve.
    var reservedEnd: Int64?
    /// Whether no more could be reserved when it was tried last.
    var isDiskFull: Bool
  }

  /// Space is reserved in pieces of this size, in bytes.
  static let reservationStep: Int64 = 1 << 20
  /// Where less than this is reserved, more is, in bytes. What was decided must still find room on a full disk.
  static let margin: Int64 = 256 << 10

  let directory: DurableDirectory
  /// Written into each line.
  private let worker: String
  /// The last line that was written.
  private(set) var head: AuditHead
  /// Nil before the first file is begun.
  private var file: DurableFile?
  private var next: DurableFile?
  private(set) var number: UInt64
  private var length: Int64
  private var reservedEnd: Int64 = 0
  private var nextReservedEnd: Int64 = 0
  private var canReserve = true
  private var isDiskFull = false
  private var failure: SystemCallError?

  /// - Parameters:
  ///   - file: the newest one, all of which is durable; nil where there is none.
  ///   - number: its number; 0 where there is none.
  ///   - head: the last line in it.
  init(
    _ directory: DurableDirectory, worker: String, file: consuming DurableFile?, number: UInt64,
    length: Int64,
    head: AuditHead
  ) {
    self.directory = directory
    self.worker = worker
    self.head = head
    self.file = consume file
    self.number = number
    self.length = length
  }

  var space: Space {
    Space(length: length, reservedEnd: canReserve ? reservedEnd : nil, isDiskFull: isDiskFull)
  }

  /// Makes the next file, still empty, with room for lines.
  func prepareNext() throws(SystemCallError) {
    next = nil
    let name = AuditFormat.name(file: number + 1)
    let new = try directory.create(name)
    do throws(SystemCallError) {
      nextReservedEnd = 0
      if canReserve {
        try new.reserve(upTo: Self.reservationStep, lengthening: false)
        nextReservedEnd = Self.reservationStep
      }
    } catch {
      if error.errno == .notSupported {
        canReserve = false
      } else {
        try? directory.remove(name)
        throw error
      }
    }
    next = consume new
  }

  /// Writes lines. After a failure nothing may be written any more.
  ///
  /// - Parameters:
  ///   - lines: where they start a file, the one that ``prepareNext()`` has made.
  ///   - firstUnsynced: the number of the first line that is not on disk.
  ///   - syncs: whether they, and what was written before them, are durable on return. Assumes so where they start a
  ///     file.
  func commit(_ lines: PendingLines, firstUnsynced: UInt64, syncs: Bool) throws(SystemCallError) {
    if let failure { throw failure }
    do throws(SystemCallError) {
      try commitNow(lines, firstUnsynced: firstUnsynced, syncs: syncs)
    } catch {
      // What is on the queue already must not be written either.
      failure = error
      throw error
    }
  }

  private func commitNow(
    _ lines: PendingLines, firstUnsynced: UInt64, syncs: Bool
  ) throws(SystemCallError) {
    if lines.startsFile, let new = next.take() {
      try file?.synchronize()
      file = consume new
      number += 1
      length = 0
      reservedEnd = nextReservedEnd
    }
    guard file != nil else { throw SystemCallError(.noSuchFile, "write the audit log") }
    let bytes = chain(lines, firstUnsynced)
    if !bytes.isEmpty { try file?.write(bytes, at: length) }
    if syncs { try file?.synchronize() }
    // Lines in a file that somebody has removed meanwhile are nowhere.
    guard file?.isLinked ?? false else {
      throw SystemCallError(.noSuchFile, "write \"\(directory.path(of: AuditFormat.name(file: number)))\"")
    }
    if lines.startsFile { try directory.synchronize() }
    length += Int64(bytes.count)
    _ = try keepRoom(beyond: 0)
  }

  private func chain(_ lines: PendingLines, _ firstUnsynced: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    for (time, members) in lines.lines {
      let line = AuditFormat.line(members, after: head, commit: firstUnsynced, time: time, worker: worker)
      bytes += line.bytes
      head = AuditHead(sequence: head.sequence + 1, hash: line.hash)
    }
    return bytes
  }

  /// Removes the files before one. Lines that are kept say which is the oldest, so that this may be repeated.
  func removeFiles(before oldest: UInt64) throws(SystemCallError) {
    for name in try directory.names() {
      if let number = AuditFormat.file(name: name), number < oldest { try directory.remove(name) }
    }
  }

  /// Reserves more space where little is left.
  ///
  /// - Parameter bytes: what is about to be written into the space that there is.
  /// - Returns: whether there is enough for more; false on a full disk.
  func keepRoom(beyond bytes: Int64) throws(SystemCallError) -> Bool {
    let used = length + bytes
    guard canReserve, file != nil, reservedEnd - used < 2 * Self.margin else { return true }
    do throws(SystemCallError) {
      try file?.reserve(upTo: used + Self.reservationStep, lengthening: false)
      reservedEnd = used + Self.reservationStep
      isDiskFull = false
      return true
    } catch {
      if error.errno.isDiskFull {
        isDiskFull = true
        return reservedEnd - used >= Self.margin
      }
      guard error.errno == .notSupported else { throw error }
      canReserve = false
      return true
    }
  }
}
