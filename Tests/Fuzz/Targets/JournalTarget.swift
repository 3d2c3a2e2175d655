@testable import JobQueue
import StrictJSON

extension FuzzTarget {
  /// A segment gives back the records that were written, all of them where it is whole, the first of them where
  /// its end is missing or a bit has changed. What a table holds survives compaction.
  ///
  /// The content is read as a segment, and its lines are written as the records of one.
  static let journal = FuzzTarget("journal") { input in
    let choices = Choices(input)
    try checkBounds(SegmentScan(choices.content) { _, _ in }, choices.content)
    // JSON has no control characters, and so a payload can't hold what looks like a record.
    let payloads = choices.lines.filter { line in !line.isEmpty && line.allSatisfy { $0 >= 0x20 } }
    let segment = segmentBytes(payloads, recordsPerCommit: 1 + Int(choices.bits & 3))
    try checkWhole(segment, payloads)
    try checkDamaged(segment, payloads, choices.bits)
    try checkRecords(payloads)
  }

  private static func segmentBytes(_ payloads: [[UInt8]], recordsPerCommit: Int) -> [UInt8] {
    var bytes = JournalFormat.header(segment: 7)
    for (index, payload) in payloads.enumerated() {
      JournalFormat.appendRecord(
        payload, segment: 7, sequence: UInt64(index + 1), placeInCommit: UInt32(index % recordsPerCommit),
        to: &bytes)
    }
    return bytes
  }

  private static func read(_ bytes: [UInt8]) -> (scan: SegmentScan, payloads: [[UInt8]]) {
    var payloads: [[UInt8]] = []
    let scan = SegmentScan(bytes) { _, payload in payloads.append(Array(payload)) }
    return (scan, payloads)
  }

  private static func checkBounds(_ scan: SegmentScan, _ bytes: [UInt8]) throws {
    try check((0...bytes.count).contains(scan.end), "it ends at \(scan.end) of \(bytes.count)")
    let isRestEmpty = bytes[scan.end...].allSatisfy { $0 == 0 }
    try check(scan.flaw != nil || isRestEmpty, "something is left over, and no flaw told")
  }

  private static func checkWhole(_ segment: [UInt8], _ payloads: [[UInt8]]) throws {
    let (scan, read) = read(segment)
    try check(scan.flaw == nil && scan.segment == 7 && read == payloads, "the records are not as written")
  }

  /// The seed chooses where it is cut or which bit changes.
  private static func checkDamaged(_ segment: [UInt8], _ payloads: [[UInt8]], _ bits: UInt8) throws {
    let place =
      JournalFormat.headerLength + Int(bits) * 7919 % max(1, segment.count - JournalFormat.headerLength)
    let cut = read(Array(segment.prefix(place)))
    try check(payloads.starts(with: cut.payloads), "cut, it gives other records")
    try check(cut.scan.flaw == nil || cut.scan.flaw == .tornTail, "cut, it shows \(cut.scan.flaw!)")
    guard place < segment.count else { return }
    var changed = segment
    changed[place] ^= 1 << (bits & 7)
    let damaged = read(changed)
    try check(payloads.starts(with: damaged.payloads), "changed, it gives other records")
    try check(damaged.scan.flaw != nil && damaged.scan.end <= place, "the change was not noticed")
    let reserved = read(segment + [UInt8](repeating: 0, count: Int(bits)))
    try check(reserved.scan.flaw == nil && reserved.payloads == payloads, "zeros behind the end count")
  }

  private static func checkRecords(_ payloads: [[UInt8]]) throws {
    var table = JobTable()
    for payload in payloads {
      guard let json = try? JSONValue(parsing: payload, maximumDepth: JobRecord.maximumDepth),
        let entry = try? JournalEntry(json: json)
      else { continue }
      try check(try JournalEntry(json: entry.json) == entry, "a record reads differently")
      guard (try? table.apply(entry.record)) != nil else { return }
    }
    var compacted = JobTable()
    for record in table.snapshot { try compacted.apply(record) }
    try check(compacted == table, "compaction changes the table")
  }
}
