/// The bytes of a journal segment. All numbers are big-endian.
///
/// A segment is a header and records. Header, 24 bytes: the magic, the segment's number (8), the format
/// version (4), the CRC32C of the 20 bytes before (4). Record, 24 bytes and the payload: the payload's
/// length (4), the CRC32C of the segment's number and of all of the record but this field (4), the
/// record's sequence number in the segment, from 1 (8), its place in its commit, from 0 (4), the format
/// version (2), zero (2), the payload. Behind the last record there may be zeros: space that is reserved.
///
/// The place in the commit says which records were durable when this one was written: those before its
/// commit. So a record that cannot be read is known to have been lost later, when a readable one of a
/// later commit follows; and is the torn tail of an unfinished write when none does.
enum JournalFormat {
  static let magic: [UInt8] = Array("STGKJRNL".utf8)
  /// What is written. Version 2 brought the records of approvals; version 3 the lines of the audit log that records
  /// carry, and zeros behind the last record. The bytes of header and records are the same.
  static let version: UInt16 = 3
  /// What is read.
  static let readableVersions: ClosedRange<UInt32> = 1...3
  static let headerLength = 24
  static let recordHeaderLength = 24
  /// The longest payload that is written or believed, in bytes.
  static let maximumPayload = 16 * 1024 * 1024
  /// Segments up to this size are read, in bytes.
  static let maximumSegment = 1 << 40

  static func header(segment: UInt64) -> [UInt8] {
    var bytes = magic
    bytes.append(bigEndian: segment)
    bytes.append(bigEndian: UInt32(version))
    bytes.append(bigEndian: CRC32C.update(0, bytes))
    return bytes
  }

  static func appendRecord(
    _ payload: [UInt8], segment: UInt64, sequence: UInt64, placeInCommit: UInt32, to output: inout [UInt8]
  ) {
    var rest: [UInt8] = []
    rest.reserveCapacity(recordHeaderLength)
    rest.append(bigEndian: sequence)
    rest.append(bigEndian: placeInCommit)
    rest.append(bigEndian: version)
    rest.append(bigEndian: UInt16(0))
    let length = UInt32(payload.count)
    var crc = seed(segment: segment, length: length)
    crc = CRC32C.update(crc, rest)
    crc = CRC32C.update(crc, payload)
    output.append(bigEndian: length)
    output.append(bigEndian: crc)
    output += rest
    output += payload
  }

  /// The segment's number is not in the record, but in its checksum: what an older segment has left on
  /// the disk does not pass for a record of this one.
  static func seed(segment: UInt64, length: UInt32) -> UInt32 {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: segment)
    bytes.append(bigEndian: length)
    return CRC32C.update(0, bytes)
  }

  /// The name of a segment's file.
  static func name(segment: UInt64) -> String {
    let number = String(segment)
    return "journal-" + String(repeating: "0", count: max(0, 10 - number.count)) + number
  }

  /// The number of the segment whose file has that name; nil for other files.
  static func segment(name: String) -> UInt64? {
    guard name.hasPrefix("journal-"), let number = UInt64(name.dropFirst(8)) else { return nil }
    return Self.name(segment: number) == name ? number : nil
  }
}

extension [UInt8] {
  fileprivate mutating func append(bigEndian number: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: number.bigEndian) { append(contentsOf: $0) }
  }
}

extension UnsafeRawBufferPointer {
  func bigEndian<Number: FixedWidthInteger>(_ offset: Int, _ type: Number.Type) -> Number {
    Number(bigEndian: loadUnaligned(fromByteOffset: offset, as: type))
  }
}
