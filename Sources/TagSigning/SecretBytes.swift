internal import COpenSSL

/// Bytes of a private key or a passphrase, wiped when the last reference goes.
///
/// Copies are references to the same memory, so nothing is left behind in an array's old storage.
// Unchecked because of the pointer: the memory is written only before `init` returns.
public final class SecretBytes: @unchecked Sendable {
  private let memory: UnsafeMutableRawBufferPointer
  /// How many bytes there are.
  public let count: Int

  /// Copies the bytes. The caller's own copy is the caller's to wipe.
  public convenience init(copying bytes: some Collection<UInt8>) {
    self.init(capacity: bytes.count) { memory in
      memory.copyBytes(from: bytes)
      return bytes.count
    }
  }

  /// - Parameter fill: writes at most `capacity` bytes and returns how many it wrote.
  init<Failure: Error>(
    capacity: Int, fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
  ) throws(Failure) {
    memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(capacity, 1), alignment: 16)
    memory.initializeMemory(as: UInt8.self, repeating: 0)
    do {
      count = min(try fill(memory), capacity)
    } catch {
      Self.wipe(memory)
      throw error
    }
  }

  deinit { Self.wipe(memory) }

  /// Lends the bytes; the pointer must not outlive the call.
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(self) {} }
    return try body(UnsafeRawBufferPointer(rebasing: memory[..<count]))
  }

  private static func wipe(_ memory: UnsafeMutableRawBufferPointer) {
    OPENSSL_cleanse(memory.baseAddress, memory.count)
    memory.deallocate()
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
}
