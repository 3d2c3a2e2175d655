import Testing

@testable import GitRemote

/// Gives out packets, as much as fits, and notes the smallest room that it was offered.
private final class PacketSource: ServiceConnection {
  private var rest: ArraySlice<UInt8>
  private(set) var leastRoom = Int.max

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(GitRemoteError) -> Int {
    leastRoom = min(leastRoom, buffer.count)
    let part = rest.prefix(min(buffer.count, 5000))
    buffer.copyBytes(from: part)
    rest = rest.dropFirst(part.count)
    return part.count
  }

  func send(_ request: [UInt8]) throws(GitRemoteError) {}
  func unexpectedEnd() -> GitRemoteError { GitRemoteError(.remoteHungUp, "read", "the end") }
  let requestWasRefused = false
  let canBeLeft = false
  let hasEnded = false
  func isOver() -> Bool { rest.isEmpty }
  func finish() {}
  func close() {}
}

@Suite struct PacketReaderTests {
  /// libgit2's http client drops what it has read with the header of an answer and does not fit.
  @Test("there is always room for what an http client has read ahead", arguments: [1, 200, 4090, 65_515])
  func room(length: Int) throws {
    var writer = PacketWriter()
    let count = 1_000_000 / length
    for number in 0..<count {
      writer.line(String(repeating: "abcdefgh"[number % 8], count: length))
    }
    let source = PacketSource(writer.bytes)
    let reader = PacketReader(source, operation: "read", limit: .max)
    for number in 0..<count {
      guard case .data(let bytes)? = try reader.nextOrEnd() else { throw source.unexpectedEnd() }
      try #require(bytes.count == length + 1 && bytes[0] == UInt8(97 + number % 8))
    }
    if try reader.nextOrEnd() != nil { Issue.record("there is more") }
    #expect(source.leastRoom >= 16_384)
  }
}

extension String {
  fileprivate subscript(place: Int) -> Character { self[index(startIndex, offsetBy: place)] }
}
