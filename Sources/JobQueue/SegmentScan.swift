/// What a segment's bytes hold.
struct SegmentScan {
  /// What stops the reading of a segment before its last byte.
  enum Flaw: Equatable {
    /// The header is not one of a journal, or damaged.
    case noHeader
    /// Written by a newer version.
    case newerVersion(UInt32)
    /// An unfinished write: what follows was never acknowledged.
    case tornTail
    /// Records are damaged that were durable once: a later commit follows.
    case damage(nextReadable: Int)
  }

  /// One readable record.
  struct Record {
    let offset: Int
    let sequence: UInt64
    let payload: Range<Int>
  }

  private(set) var segment: UInt64 = 0
  private(set) var records = 0
  /// Where the readable records end, in bytes from the start.
  private(set) var end = 0
  private(set) var flaw: Flaw?

  /// Reads a segment from its start.
  ///
  /// - Parameter body: gets each record in turn.
  init(_ bytes: [UInt8], _ body: (Record, UnsafeRawBufferPointer) throws -> Void) rethrows {
    try bytes.withUnsafeBytes { bytes in
      guard readHeader(bytes) else { return }
      while end < bytes.count {
        switch Self.record(bytes, at: end, segment: segment) {
        case .readable(let record, _) where record.sequence == UInt64(records + 1):
          try body(record, UnsafeRawBufferPointer(rebasing: bytes[record.payload]))
          records += 1
          end = record.payload.upperBound
        case .newer(let version):
          flaw = .newerVersion(version)
          return
        default:
          if !Self.isZero(bytes[end...]) { flaw = judgeRest(bytes) }
          return
        }
      }
    }
  }

  private mutating func readHeader(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let length = JournalFormat.headerLength
    guard bytes.count >= length, bytes.starts(with: JournalFormat.magic) else {
      flaw = .noHeader
      return false
    }
    guard bytes.bigEndian(20, UInt32.self) == CRC32C.update(0, UnsafeRawBufferPointer(rebasing: bytes[..<20]))
    else {
      flaw = .noHeader
      return false
    }
    segment = bytes.bigEndian(8, UInt64.self)
    let version = bytes.bigEndian(16, UInt32.self)
    if !JournalFormat.readableVersions.contains(version) {
      flaw = version > JournalFormat.readableVersions.upperBound ? .newerVersion(version) : .noHeader
      return false
    }
    end = length
    return true
  }

  /// Whether what cannot be read was durable once. It was when a record of a later commit is there.
  private func judgeRest(_ bytes: UnsafeRawBufferPointer) -> Flaw {
    let due = UInt64(records + 1)
    let last = due + UInt64((bytes.count - end) / JournalFormat.recordHeaderLength)
    var offset = end + 1
    while offset + JournalFormat.recordHeaderLength <= bytes.count {
      let sequence = bytes.bigEndian(offset + 8, UInt64.self)
      if sequence > due, sequence <= last,
        case .readable(let record, let place) = Self.record(bytes, at: offset, segment: segment),
        record.sequence - UInt64(place) > due
      {
        return .damage(nextReadable: offset)
      }
      offset += 1
    }
    return .tornTail
  }

  /// Whether nothing was written there: no record is all zeros, for its sequence number is not.
  private static func isZero(_ bytes: Slice<UnsafeRawBufferPointer>) -> Bool { bytes.allSatisfy { $0 == 0 } }

  private enum Reading {
    case readable(Record, placeInCommit: UInt32)
    case newer(UInt32)
    case unreadable
  }

  private static func record(_ bytes: UnsafeRawBufferPointer, at offset: Int, segment: UInt64) -> Reading {
    let start = offset + JournalFormat.recordHeaderLength
    guard start <= bytes.count else { return .unreadable }
    let length = bytes.bigEndian(offset, UInt32.self)
    guard length <= JournalFormat.maximumPayload, start + Int(length) <= bytes.count else {
      return .unreadable
    }
    let end = start + Int(length)
    var crc = JournalFormat.seed(segment: segment, length: length)
    crc = CRC32C.update(crc, UnsafeRawBufferPointer(rebasing: bytes[(offset + 8)..<end]))
    guard crc == bytes.bigEndian(offset + 4, UInt32.self) else { return .unreadable }
    let version = UInt32(bytes.bigEndian(offset + 20, UInt16.self))
    if version > JournalFormat.readableVersions.upperBound { return .newer(version) }
    guard JournalFormat.readableVersions.contains(version), bytes.bigEndian(offset + 22, UInt16.self) == 0
    else { return .unreadable }
    let sequence = bytes.bigEndian(offset + 8, UInt64.self)
    let place = bytes.bigEndian(offset + 16, UInt32.self)
    guard UInt64(place) < sequence else { return .unreadable }
    return .readable(Record(offset: offset, sequence: sequence, payload: start..<end), placeInCommit: place)
  }
}
