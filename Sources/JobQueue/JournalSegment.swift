internal import SystemCalls

/// A segment file that is being written.
///
/// Used on one queue at a time, which is what the unchecked conformance rests on: on the journal's, but for the draft of a
/// compaction, which `JobStore.compactionQueue` writes and lets go of before `Journal.finishCompaction` takes it over.
final class JournalSegment: @unchecked Sendable {
  let number: UInt64
  private var file: DurableFile
  /// In bytes.
  private(set) var length: Int64
  private(set) var records: UInt64
  /// The sequence number of the first record that is not known to be durable.
  private var firstOfCommit: UInt64
  /// Up to where disk space is reserved, in bytes from the start.
  private(set) var reservedEnd: Int64 = 0
  /// Up to where zeros were written, in bytes from the start.
  private var clearedEnd: Int64 = 0

  /// Goes on writing a segment whose records are all durable.
  init(_ file: consuming DurableFile, number: UInt64, length: Int64, records: UInt64) {
    self.file = file
    self.number = number
    self.length = length
    self.records = records
    firstOfCommit = records + 1
  }

  /// Begins a new segment.
  init(new file: consuming DurableFile, number: UInt64) throws(SystemCallError) {
    self.file = file
    self.number = number
    let header = JournalFormat.header(segment: number)
    length = Int64(header.count)
    records = 0
    firstOfCommit = 1
    try self.file.write(header, at: 0)
  }

  /// Writes records behind the last one, in as few calls as it takes. They are durable after
  /// ``synchronize()``.
  func append(_ payloads: some Sequence<[UInt8]>) throws(SystemCallError) {
    var bytes: [UInt8] = []
    for payload in payloads {
      records += 1
      JournalFormat.appendRecord(
        payload, segment: number, sequence: records, placeInCommit: UInt32(clamping: records - firstOfCommit),
        to: &bytes)
      if bytes.count >= 1 << 20 { try write(&bytes) }
    }
    try write(&bytes)
  }

  private func write(_ bytes: inout [UInt8]) throws(SystemCallError) {
    try file.write(bytes, at: length)
    length += Int64(bytes.count)
    bytes.removeAll(keepingCapacity: true)
  }

  /// On average.
  var bytesPerRecord: Double { Double(length) / Double(max(records, 1)) }

  /// The file has another name now.
  func wasRenamed(to path: String) { file.path = path }

  func synchronize() throws(SystemCallError) {
    try file.synchronize()
    firstOfCommit = records + 1
  }

  /// Reserves disk space up to an offset, which reads as zeros.
  func reserve(upTo offset: Int64) throws(SystemCallError) {
    if offset <= reservedEnd { return }
    try file.reserve(upTo: offset, lengthening: true)
    reservedEnd = offset
    if !file.isOverwrittenInPlace { clearNoMore() }
  }

  /// How much of what is reserved is cleared ahead, in bytes. As much as a few hundred records take.
  private static let clearedAhead: Int64 = 256 << 10

  private var clearableEnd: Int64 { min(reservedEnd, length + Self.clearedAhead) }

  /// Whether records soon reach space that is reserved and was never written.
  var isClearingDue: Bool { clearableEnd - max(clearedEnd, length) > Self.clearedAhead / 2 }

  /// Writes zeros behind the records, so that the records that replace them are synced faster.
  func clearAhead() throws(SystemCallError) {
    let end = clearableEnd
    try file.clear(from: max(clearedEnd, length), upTo: end)
    clearedEnd = max(clearedEnd, end)
  }

  /// Leaves the rest as it is reserved.
  func clearNoMore() { clearedEnd = .max }

  /// Gives back what is reserved and was not written.
  func trim() throws(SystemCallError) {
    if reservedEnd > length { try file.truncate(to: length) }
  }
}
