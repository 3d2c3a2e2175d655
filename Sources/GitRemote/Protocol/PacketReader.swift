/// One unit of Git's wire format (gitprotocol-common, "pkt-line").
enum Packet {
  /// `0000`, the end of a part.
  case flush
  /// A line or a piece of binary data, without its length; valid until the next is read.
  case data(UnsafeRawBufferPointer)
}

/// Cuts what a connection delivers into packets.
final class PacketReader {
  private let connection: any ServiceConnection
  private let operation: String
  private let storage = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 << 10, alignment: 16)
  /// What is read needs that much room, in bytes: libgit2's http client has read up to 16 KiB of an answer with its header,
  /// and loses what of that does not fit. With the longest packet before it, there is always more.
  static let leastRoom = 32 << 10
  private var start = 0
  private var end = 0
  /// Bytes that may still be read.
  var allowance: Int

  /// - Parameter limit: bytes that may be read until ``allowance`` is set anew.
  init(_ connection: any ServiceConnection, operation: String, limit: Int) {
    self.connection = connection
    self.operation = operation
    allowance = limit
  }

  deinit { storage.deallocate() }

  /// Reads the next packet; the end of the stream is an error here.
  func next() throws(GitRemoteError) -> Packet {
    guard let packet = try nextOrEnd() else { throw connection.unexpectedEnd() }
    return packet
  }

  /// Reads the next packet; nil when the stream ends before it.
  func nextOrEnd() throws(GitRemoteError) -> Packet? {
    guard try fill(4, endAllowed: true) else { return nil }
    let length = try parseLength()
    start += 4
    if length == 0 { return .flush }
    guard length >= 4 else { throw violation("a packet of length \(length)") }
    _ = try fill(length - 4, endAllowed: false)
    let data = UnsafeRawBufferPointer(rebasing: storage[start..<start + length - 4])
    start += length - 4
    allowance -= length
    if allowance < 0 {
      throw GitRemoteError(.tooLarge, operation, "the server sent more than the configured limit allows")
    }
    return .data(data)
  }

  func violation(_ what: String) -> GitRemoteError {
    GitRemoteError(.protocolViolation, operation, "the server does not speak Git's protocol: it sent \(what)")
  }

  private func parseLength() throws(GitRemoteError) -> Int {
    var length = 0
    for index in start..<start + 4 {
      let digit = hexValue(storage[index])
      guard digit < 16 else {
        let shown = ServerText.sanitized(storage[start..<min(end, start + 80)])
        throw violation("\"\(shown)\"")
      }
      length = length << 4 | Int(digit)
    }
    return length
  }

  /// Sees to it that so many bytes lie from `start` on.
  ///
  /// - Returns: false at the end of the stream, where that is allowed.
  private func fill(_ count: Int, endAllowed: Bool) throws(GitRemoteError) -> Bool {
    if end - start >= count { return true }
    while end - start < count {
      if storage.count - end < Self.leastRoom { compact() }
      let received = try connection.read(into: UnsafeMutableRawBufferPointer(rebasing: storage[end...]))
      if received == 0 {
        if endAllowed, start == end { return false }
        throw connection.unexpectedEnd()
      }
      end += received
    }
    return true
  }

  private func compact() {
    let rest = UnsafeRawBufferPointer(rebasing: storage[start..<end])
    storage.copyMemory(from: rest)
    end -= start
    start = 0
  }
}

/// Builds a request out of packets.
struct PacketWriter {
  private(set) var bytes: [UInt8] = []

  /// Adds a line; a newline is added to it.
  ///
  /// Assumes: at most 65,515 bytes.
  mutating func line(_ text: String) {
    let content = Array(text.utf8)
    bytes += Self.length(content.count + 5)
    bytes += content
    bytes.append(0x0a)
  }

  mutating func flush() { bytes += [0x30, 0x30, 0x30, 0x30] }

  mutating func raw(_ content: [UInt8]) { bytes += content }

  private static func length(_ value: Int) -> [UInt8] {
    let digits: StaticString = "0123456789abcdef"
    return [12, 8, 4, 0].map { digits.utf8Start[value >> $0 & 0xf] }
  }
}
