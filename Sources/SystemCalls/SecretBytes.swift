internal import CSystem
internal import Glibc

/// Bytes of a key, a passphrase or a token: in pages of their own, wiped when the last reference goes.
///
/// The pages are kept out of core dumps and of children, and out of swap as far as the process may lock memory
/// (`RLIMIT_MEMLOCK`). Copies are references to the same memory, so nothing is left behind in an array's old
/// storage. C: `mmap`, `madvise`, `mlock`, `explicit_bzero`.
// Unchecked because of the pointer: the memory is written only before `init` returns.
public final class SecretBytes: @unchecked Sendable {
  private let memory: UnsafeMutableRawBufferPointer
  /// How many bytes there are.
  public let count: Int
  /// Whether the kernel promised never to write the pages to swap.
  let isLocked: Bool

  /// Copies the bytes. The caller's own copy is the caller's to wipe.
  public convenience init(copying bytes: some Collection<UInt8>) {
    self.init(capacity: bytes.count) { memory in
      memory.copyBytes(from: bytes)
      return bytes.count
    }
  }

  /// - Parameters:
  ///   - capacity: the most bytes that there can be.
  ///   - fill: writes at most `capacity` bytes and returns how many it wrote.
  public init<Failure: Error>(
    capacity: Int, fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
  ) throws(Failure) {
    // A zero follows the bytes, for C.
    let size = Self.wholePages(capacity + 1)
    guard let pages = stagekeeper_map_secret(size) else { fatalError("no memory for a secret") }
    memory = UnsafeMutableRawBufferPointer(start: pages, count: size)
    isLocked = stagekeeper_lock_memory(pages, size) == 0
    do {
      count = min(try fill(UnsafeMutableRawBufferPointer(rebasing: memory[..<capacity])), capacity)
    } catch {
      stagekeeper_unmap_secret(pages, size)
      throw error
    }
  }

  deinit { stagekeeper_unmap_secret(memory.baseAddress, memory.count) }

  private static func wholePages(_ bytes: Int) -> Int {
    let page = sysconf(Int32(_SC_PAGESIZE))
    return (bytes + page - 1) / page * page
  }

  /// Lends the bytes; the pointer must not outlive the call.
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(self) {} }
    return try body(UnsafeRawBufferPointer(rebasing: memory[..<count]))
  }

  /// Lends the bytes with a zero behind them; the pointer must not outlive the call.
  public func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
    defer { withExtendedLifetime(self) {} }
    return body(UnsafePointer(memory.baseAddress!.assumingMemoryBound(to: CChar.self)))
  }
}

extension SecretBytes {
  /// A passphrase as people write it into a file: without the line ending at its end.
  public func withoutTrailingNewline() -> SecretBytes {
    withUnsafeBytes { bytes in
      var end = bytes.count
      if end > 0, bytes[end - 1] == UInt8(ascii: "\n") { end -= 1 }
      if end > 0, end < bytes.count, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
      return SecretBytes(copying: bytes[..<end])
    }
  }

  /// The first line, without its ending.
  public func firstLine() -> SecretBytes {
    withUnsafeBytes { bytes in
      let line = bytes.prefix { $0 != UInt8(ascii: "\n") }
      return SecretBytes(copying: line.last == UInt8(ascii: "\r") ? line.dropLast() : line)
    }
  }
}

extension SecretBytes {
  /// Whether both hold the same.
  public func hasSameBytes(as other: SecretBytes) -> Bool {
    withUnsafeBytes { mine in other.withUnsafeBytes { mine.elementsEqual($0) } }
  }
}

extension SecretBytes {
  /// All of them, one behind the other.
  public convenience init(joining parts: [SecretBytes]) {
    self.init(capacity: parts.reduce(0) { $0 + $1.count }) { memory in
      var offset = 0
      for part in parts {
        part.withUnsafeBytes {
          UnsafeMutableRawBufferPointer(rebasing: memory[offset...]).copyMemory(from: $0)
        }
        offset += part.count
      }
      return offset
    }
  }
}
