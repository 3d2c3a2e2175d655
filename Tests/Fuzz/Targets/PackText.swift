/// A pack whose frame is right: header, lengths, deflated data, checksum, packets. Source: gitformat-pack; RFC 1950;
/// RFC 1951, section 3.2.4.
///
/// Each object is a byte for its type, one for its length, and its content. A delta's content begins with how many
/// objects before it its base stands (type 6), or with the base's id (type 7).
struct PackText {
  private var pack: [UInt8] = []
  private var starts: [Int] = []

  init(_ content: [UInt8]) {
    var rest = content[...]
    while let type = rest.popFirst(), let length = rest.popFirst() {
      append(type & 7, Array(rest.prefix(Int(length))))
      rest = rest.dropFirst(Int(length))
    }
    let count = UInt32(starts.count)
    pack = Array("PACK".utf8) + Self.number(2) + Self.number(count) + pack
    pack += SHA1.digest(pack)
  }

  /// What a server sends: no common commit, and the pack in packets of the first channel.
  var answer: [UInt8] {
    var answer = Array("0008NAK\n".utf8)
    for start in stride(from: 0, to: pack.count, by: 500) {
      let piece = pack[start..<min(start + 500, pack.count)]
      let length = String(piece.count + 5, radix: 16)
      answer += Array((String(repeating: "0", count: 4 - length.count) + length).utf8) + [1] + piece
    }
    return answer + Array("0000".utf8)
  }

  private mutating func append(_ type: UInt8, _ content: [UInt8]) {
    let start = pack.count
    let baseLength = type == 7 ? 20 : type == 6 ? 1 : 0
    let data = Array(content.dropFirst(baseLength))
    pack.append(type << 4 | UInt8(data.count & 15) | (data.count > 15 ? 0x80 : 0))
    if data.count > 15 { pack.append(UInt8(data.count >> 4)) }
    if type == 6 { pack += Self.distance(start - base(content.first ?? 1)) }
    if type == 7 { pack += content.prefix(20) }
    pack += Self.deflated(data)
    starts.append(start)
  }

  /// Where the object stands that is so many before this one.
  private func base(_ number: UInt8) -> Int {
    let index = starts.count - Int(number)
    return starts.indices.contains(index) ? starts[index] : 0
  }

  private static func distance(_ value: Int) -> [UInt8] {
    var (rest, bytes) = (value, [UInt8(value & 0x7F)])
    while rest > 0x7F {
      rest = rest >> 7 - 1
      bytes.insert(UInt8(rest & 0x7F) | 0x80, at: 0)
    }
    return bytes
  }

  /// One block that is not compressed.
  private static func deflated(_ data: [UInt8]) -> [UInt8] {
    let length = [UInt8(data.count & 0xFF), UInt8(data.count >> 8)]
    let sums = data.reduce((UInt32(1), UInt32(0))) { sums, byte in
      let sum = (sums.0 + UInt32(byte)) % 65521
      return (sum, (sums.1 + sum) % 65521)
    }
    return [0x78, 0x01, 0x01] + length + length.map { ~$0 } + data + number(sums.1 << 16 | sums.0)
  }

  private static func number(_ value: UInt32) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
  }
}

/// Source: FIPS 180-4, section 6.1.
private enum SHA1 {
  static func digest(_ message: [UInt8]) -> [UInt8] {
    let zeros = (119 - message.count % 64) % 64
    let length = withUnsafeBytes(of: UInt64(message.count * 8).bigEndian) { Array($0) }
    let padded = message + [0x80] + [UInt8](repeating: 0, count: zeros) + length
    var hash: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
    for start in stride(from: 0, to: padded.count, by: 64) { add(padded[start..<start + 64], to: &hash) }
    return hash.flatMap { word in withUnsafeBytes(of: word.bigEndian) { Array($0) } }
  }

  private static func add(_ block: ArraySlice<UInt8>, to hash: inout [UInt32]) {
    var words = stride(from: block.startIndex, to: block.endIndex, by: 4).map { place in
      block[place..<place + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    }
    for index in 16..<80 {
      words.append(rotated(words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], 1))
    }
    var (a, b, c, d, e) = (hash[0], hash[1], hash[2], hash[3], hash[4])
    for (index, word) in words.enumerated() {
      let (mixed, constant) = round(index, b, c, d)
      let next = rotated(a, 5) &+ mixed &+ e &+ constant &+ word
      (a, b, c, d, e) = (next, a, rotated(b, 30), c, d)
    }
    for (index, word) in [a, b, c, d, e].enumerated() { hash[index] &+= word }
  }

  private static func round(_ index: Int, _ b: UInt32, _ c: UInt32, _ d: UInt32) -> (UInt32, UInt32) {
    switch index {
    case ..<20: (b & c | ~b & d, 0x5A82_7999)
    case ..<40: (b ^ c ^ d, 0x6ED9_EBA1)
    case ..<60: (b & c | b & d | c & d, 0x8F1B_BCDC)
    default: (b ^ c ^ d, 0xCA62_C1D6)
    }
  }

  private static func rotated(_ word: UInt32, _ count: UInt32) -> UInt32 {
    word << count | word >> (32 - count)
  }
}
