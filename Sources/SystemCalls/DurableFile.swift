internal import CSystem
internal import Glibc

/// A file that is written at its end and synced. Made by ``DurableDirectory``.
public struct DurableFile: ~Copyable, Sendable {
  /// For messages; who renames the file sets it.
  public var path: String
  private let descriptor: FileDescriptor
  private let faults: (any FileFaults)?

  init(_ descriptor: consuming FileDescriptor, path: String, faults: (any FileFaults)?) {
    self.descriptor = descriptor
    self.path = path
    self.faults = faults
  }

  /// Writes all bytes at a place, in as many calls as it takes. C: `pwrite`.
  ///
  /// - Parameter offset: in bytes from the start.
  public func write(_ bytes: [UInt8], at offset: Int64) throws(SystemCallError) {
    let number = descriptor.rawValue
    var written = 0
    while written < bytes.count {
      let start = written
      let count = try systemCall(
        "write \"\(path)\"",
        FileCall(.write, path, offset: offset + Int64(start), count: bytes.count - start), faults: faults
      ) { limit in
        bytes[start...].prefix(limit).withUnsafeBytes {
          pwrite(number, $0.baseAddress, $0.count, Int(offset) + start)
        }
      }
      // A write of nothing would be asked for again without end.
      if count == 0 { throw SystemCallError(.inputOutput, "write \"\(path)\"") }
      written += count
    }
  }

  /// Makes the content and the length durable. The first failure is final: the kernel takes the pages
  /// for clean afterwards, and a second call may report a success that is none. C: `fdatasync`.
  public func synchronize() throws(SystemCallError) {
    let number = descriptor.rawValue
    try systemCall("fdatasync \"\(path)\"", FileCall(.sync, path), faults: faults) { _ in
      Int(fdatasync(number))
    }
  }

  /// Takes disk space from the start up to an offset, so that writing there cannot run out of it.
  /// C: `fallocate`.
  ///
  /// - Parameter lengthening: whether the file is that long on return, with zeros behind what was written: writing
  ///   there is synced faster, for the length does not change any more. Else the length stays
  ///   (`FALLOC_FL_KEEP_SIZE`).
  /// - Throws: ``Errno/noSpace``; ``Errno/notSupported`` on file systems that cannot reserve.
  public func reserve(upTo offset: Int64, lengthening: Bool) throws(SystemCallError) {
    let number = descriptor.rawValue
    try systemCall(
      "reserve space for \"\(path)\"", FileCall(.reserve, path, count: Int(offset)), faults: faults
    ) { _ in
      Int(stagekeeper_reserve(number, offset, lengthening ? 0 : 1))
    }
  }

  /// Writes zeros into reserved space. What replaces them later changes the content alone, no length and no extent,
  /// and is synced faster. C: `pwrite`.
  ///
  /// - Parameters: in bytes from the start.
  public func clear(from start: Int64, upTo end: Int64) throws(SystemCallError) {
    let number = descriptor.rawValue
    var place = start
    while place < end {
      let offset = place
      let count = Int(min(end - offset, Int64(Self.zeros.count)))
      let written = try systemCall(
        "write \"\(path)\"", FileCall(.clear, path, offset: offset, count: count), faults: faults
      ) { limit in
        Self.zeros.withUnsafeBytes { pwrite(number, $0.baseAddress, min(count, limit), Int(offset)) }
      }
      if written == 0 { throw SystemCallError(.inputOutput, "write \"\(path)\"") }
      place += Int64(written)
    }
  }

  private static let zeros = [UInt8](repeating: 0, count: 64 << 10)

  /// Cuts the file; durable after ``synchronize()``. Space reserved behind it is given back. C: `ftruncate`.
  public func truncate(to length: Int64) throws(SystemCallError) {
    let number = descriptor.rawValue
    try systemCall("truncate \"\(path)\"", FileCall(.truncate, path, offset: length), faults: faults) { _ in
      Int(ftruncate(number, Int(length)))
    }
  }

  /// Whether what was written once is overwritten where it stands, and not copied elsewhere: so on ext2, ext3, ext4,
  /// XFS and tmpfs; of other file systems it is not known. C: `fstatfs`.
  public var isOverwrittenInPlace: Bool { stagekeeper_overwrites_in_place(descriptor.rawValue) == 1 }

  /// Whether the file has a name still; one that was removed goes on being written, and is lost. C: `fstat`.
  public var isLinked: Bool { Files.isLinked(descriptor) }
}
