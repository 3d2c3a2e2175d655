/// Bytes that wait for the peer to read them.
struct OutputBuffer {
  private var chunks: [[UInt8]] = []
  /// How much of the first chunk has been written.
  private var offset = 0
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }

  mutating func append(_ bytes: [UInt8]) {
    chunks.append(bytes)
    count += bytes.count
  }

  /// The bytes to write next. Assumes the buffer is not empty.
  func withNextBytes<Output, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Output
  ) throws(Failure) -> Output {
    let rest = chunks[0][offset...]
    let result: Result<Output, Failure> = rest.withUnsafeBytes { bytes in
      do throws(Failure) { return .success(try body(bytes)) } catch { return .failure(error) }
    }
    return try result.get()
  }

  /// Forgets bytes that were written.
  mutating func consume(_ written: Int) {
    count -= written
    offset += written
    if offset == chunks[0].count {
      chunks.removeFirst()
      offset = 0
    }
  }
}
