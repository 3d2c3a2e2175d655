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
  }

  /// Space is reserved in pieces of this size, in bytes.
  static let reservationStep: Int64 = 1 << 20
  /// Where less than this is reserved, more is, in bytes. What was decided must still find room on a full disk.
  static let margin: Int64 = 256 << 10

  let directory: DurableDirectory
  /// Nil before the first file is begun.
  private var file: DurableFile?
  private var next: DurableFile?
  private(set) var number: UInt64
  private var length: Int64
  private var reservedEnd: Int64 = 0
  private var nextReservedEnd: Int64 = 0
  private var canReserve = true

  /// - Parameters:
  ///   - file: the newest one, all of which is durable; nil where there is none.
  ///   - number: its number; 0 where there is none.
  init(_ directory: DurableDirectory, file: consuming DurableFile?, number: UInt64, length: Int64) {
    self.directory = directory
    self.file = consume file
    self.number = number
    self.length = length
  }

  var space: Space { Space(length: length, reservedEnd: canReserve ? reservedEnd : nil) }

  /// Makes the next file, still empty, with room for lines.
  func prepareNext() throws(SystemCallError) {
    next = nil
    let name = AuditFormat.name(file: number + 1)
    let new = try directory.create(name)
    do throws(SystemCallError) {
      nextReservedEnd = 0
      if canReserve {
        try new.reserve(upTo: Self.reservationStep)
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

  /// Writes lines and makes them durable. After a failure nothing may be written any more.
  ///
  /// - Parameter startsFile: the first of them begins the file that ``prepareNext()`` has made.
  func commit(_ bytes: [UInt8], startsFile: Bool) throws(SystemCallError) {
    if startsFile, let new = next.take() {
      file = consume new
      number += 1
      length = 0
      reservedEnd = nextReservedEnd
    }
    guard file != nil else { throw SystemCallError(.noSuchFile, "write the audit log") }
    try file?.write(bytes, at: length)
    try file?.synchronize()
    // Lines in a file that somebody has removed meanwhile are nowhere.
    guard file?.isLinked ?? false else {
      throw SystemCallError(.noSuchFile, "write \"\(directory.path(of: AuditFormat.name(file: number)))\"")
    }
    if startsFile { try directory.synchronize() }
    length += Int64(bytes.count)
    _ = try keepRoom(beyond: 0)
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
      try file?.reserve(upTo: used + Self.reservationStep)
      reservedEnd = used + Self.reservationStep
      return true
    } catch {
      switch error.errno {
      case .noSpace, .quotaExceeded: return reservedEnd - used >= Self.margin
      case .notSupported:
        canReserve = false
        return true
      default: throw error
      }
    }
  }
}
