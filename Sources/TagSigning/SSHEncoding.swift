/// Reads the data types of RFC 4251, section 5, from borrowed memory.
///
/// Assumes that the memory outlives the reader and all that it returned.
struct SSHReader {
  /// The bytes end in the middle of a value, or a value breaks its rules.
  struct Malformed: Error {}

  private var rest: UnsafeRawBufferPointer

  init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }

  var isAtEnd: Bool { rest.isEmpty }
  var remaining: UnsafeRawBufferPointer { rest }

  mutating func bytes(_ count: Int) throws(Malformed) -> UnsafeRawBufferPointer {
    guard count <= rest.count else { throw Malformed() }
    defer { rest = UnsafeRawBufferPointer(rebasing: rest[count...]) }
    return UnsafeRawBufferPointer(rebasing: rest[..<count])
  }

  mutating func uint32() throws(Malformed) -> UInt32 {
    try bytes(4).reduce(0) { $0 << 8 | UInt32($1) }
  }

  mutating func string() throws(Malformed) -> UnsafeRawBufferPointer {
    try bytes(Int(try uint32()))
  }

  /// A string that is ASCII, such as the name of an algorithm.
  mutating func name() throws(Malformed) -> String {
    let bytes = try string()
    guard bytes.allSatisfy({ (0x20..<0x7F).contains($0) }) else { throw Malformed() }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// An `mpint` that isn't negative, as big-endian bytes without leading zeros.
  mutating func unsignedInteger() throws(Malformed) -> UnsafeRawBufferPointer {
    let bytes = try string()
    if let first = bytes.first, first & 0x80 != 0 { throw Malformed() }
    return UnsafeRawBufferPointer(rebasing: bytes.drop { $0 == 0 })
  }

  mutating func end() throws(Malformed) {
    if !isAtEnd { throw Malformed() }
  }
}

extension [UInt8] {
  /// Lends the bytes to a reader; what it returns must not outlive the call.
  func withReader<Result, Failure: Error>(
    _ body: (inout SSHReader) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try withUnsafeBufferPointer { (bytes) throws(Failure) in
      var reader = SSHReader(UnsafeRawBufferPointer(bytes))
      return try body(&reader)
    }
  }
}

/// Writes the data types of RFC 4251, section 5.
struct SSHWriter {
  private(set) var bytes: [UInt8] = []

  mutating func raw(_ value: some Collection<UInt8>) { bytes.append(contentsOf: value) }

  mutating func uint32(_ value: UInt32) {
    for shift in [24, 16, 8, 0] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
  }

  mutating func string(_ value: some Collection<UInt8>) {
    uint32(UInt32(value.count))
    raw(value)
  }

  mutating func string(_ value: String) { string(Array(value.utf8)) }

  /// An `mpint` from big-endian bytes of a number that isn't negative.
  mutating func unsignedInteger(_ value: some Collection<UInt8>) {
    let digits = value.drop { $0 == 0 }
    let needsSignByte = digits.first.map { $0 & 0x80 != 0 } ?? false
    uint32(UInt32(digits.count + (needsSignByte ? 1 : 0)))
    if needsSignByte { bytes.append(0) }
    raw(digits)
  }
}
