import Testing
import WireProtocol

@Suite struct FrameTests {
  private func bodies(_ decoder: inout FrameDecoder) throws(FrameError) -> [String] {
    var bodies: [String] = []
    while let body = try decoder.next() { bodies.append(String(decoding: body, as: UTF8.self)) }
    return bodies
  }

  @Test func lengthIsBigEndian() {
    #expect(frame(Array("abc".utf8)) == [0, 0, 0, 3, 0x61, 0x62, 0x63])
    #expect(frame([UInt8](repeating: 0, count: 0x01_02_03)).prefix(4) == [0, 1, 2, 3])
  }

  @Test func byteByByte() throws {
    var decoder = FrameDecoder(limit: 10)
    var seen: [String] = []
    for byte in frame(Array("one".utf8)) + frame(Array("two".utf8)) {
      decoder.append([byte])
      seen += try bodies(&decoder)
    }
    #expect(seen == ["one", "two"])
    #expect(!decoder.isInsideFrame)
  }

  @Test func severalAndAHalfInOneRead() throws {
    var decoder = FrameDecoder(limit: 10)
    decoder.append(frame(Array("one".utf8)) + frame(Array("two".utf8)) + [0, 0])
    #expect(try bodies(&decoder) == ["one", "two"])
    #expect(decoder.isInsideFrame)
    decoder.append([0, 1, 0x78])
    #expect(try bodies(&decoder) == ["x"])
  }

  @Test func limits() throws {
    var largest = FrameDecoder(limit: 3)
    largest.append([0, 0, 0, 3, 1, 2, 3])
    #expect(try largest.next() == [1, 2, 3])
    // Refused by the announcement: the body has not come.
    var larger = FrameDecoder(limit: 3)
    larger.append([0, 0, 0, 4])
    #expect(throws: FrameError.tooLarge(announced: 4, limit: 3)) { try larger.next() }
    var huge = FrameDecoder(limit: 3)
    huge.append([0xFF, 0xFF, 0xFF, 0xFF])
    #expect(throws: FrameError.tooLarge(announced: 0xFFFF_FFFF, limit: 3)) { try huge.next() }
    var empty = FrameDecoder(limit: 3)
    empty.append([0, 0, 0, 0])
    #expect(throws: FrameError.empty) { try empty.next() }
  }
}
