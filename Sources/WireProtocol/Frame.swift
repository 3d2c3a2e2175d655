/// What both ends keep to. Source: proto-spec/protocol.md, "Limits".
public enum ProtocolLimits {
  /// The protocol's version.
  public static let version: Int64 = 1
  /// The largest body of a request, in bytes.
  public static let requestBytes = 64 * 1024
  /// The largest body of a reply, in bytes; longer answers page.
  public static let replyBytes = 16 * 1024 * 1024
  /// How deep arrays and objects may nest.
  public static let depth = 16
  /// The largest request id.
  public static let maximumID: Int64 = 9_007_199_254_740_991
  /// The longest tag message that a client may ask for, in bytes.
  public static let messageBytes = 16 * 1024
  /// The longest text that comes with an approval or a rejection, in bytes.
  public static let decisionMessageBytes = 1024
  /// The longest request key, in bytes.
  public static let requestKeyBytes = 200
}

/// Why the bytes of a connection are not frames. The connection cannot go on: where the next frame begins
/// is unknown.
public enum FrameError: Error, Equatable, Sendable {
  /// A frame of no bytes.
  case empty
  /// A frame that announces more than the limit.
  case tooLarge(announced: Int, limit: Int)
}

/// Cuts a stream of bytes into frames: a 32-bit big-endian length, then that many bytes.
///
/// Ensures: no more is ever kept than one frame within the limit and what one read brought; the length is
/// checked before anything is set aside for the body.
public struct FrameDecoder: Sendable {
  private let limit: Int
  private var buffer: [UInt8] = []
  private var consumed = 0

  /// - Parameter limit: the largest body accepted, in bytes.
  public init(limit: Int) { self.limit = limit }

  /// Whether a frame has begun and not ended.
  public var isInsideFrame: Bool { consumed < buffer.count }

  public mutating func append(_ bytes: some Sequence<UInt8>) {
    if consumed > 0 {
      buffer.removeFirst(consumed)
      consumed = 0
    }
    buffer += bytes
  }

  /// The next whole frame's body; nil until more bytes arrive.
  ///
  /// - Throws: ``FrameError``; after it the stream is of no further use.
  public mutating func next() throws(FrameError) -> [UInt8]? {
    guard buffer.count - consumed >= 4 else { return nil }
    let length = buffer[consumed..<consumed + 4].reduce(0) { $0 << 8 | Int($1) }
    if length == 0 { throw .empty }
    if length > limit { throw .tooLarge(announced: length, limit: limit) }
    guard buffer.count - consumed - 4 >= length else { return nil }
    let body = Array(buffer[consumed + 4..<consumed + 4 + length])
    consumed += 4 + length
    return body
  }
}

/// A body with its length in front.
public func frame(_ body: [UInt8]) -> [UInt8] {
  let length = UInt32(body.count)
  return [UInt8(length >> 24), UInt8(length >> 16 & 0xFF), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF)]
    + body
}
