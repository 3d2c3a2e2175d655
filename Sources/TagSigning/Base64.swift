internal import SystemCalls

/// Base64 as RFC 4648 defines it, read the way OpenSSH reads it: white space anywhere, padding required.
enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let padding = UInt8(ascii: "=")

  static func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    var group: UInt32 = 0
    var held = 0
    for byte in bytes {
      group = group << 8 | UInt32(byte)
      held += 1
      if held == 3 {
        appendGroup(group, characters: 4, to: &text)
        (group, held) = (0, 0)
      }
    }
    if held > 0 { appendGroup(group << UInt32(8 * (3 - held)), characters: held + 1, to: &text) }
    return text
  }

  /// Lines of `lineLength` characters, each ended by a newline.
  static func encode(_ bytes: some Collection<UInt8>, lineLength: Int) -> [UInt8] {
    let text = encode(bytes)
    var lines: [UInt8] = []
    lines.reserveCapacity(text.count + text.count / lineLength + 1)
    var start = 0
    while start < text.count {
      let end = min(start + lineLength, text.count)
      lines.append(contentsOf: text[start..<end])
      lines.append(UInt8(ascii: "\n"))
      start = end
    }
    return lines
  }

  /// Without padding, as fingerprints are written.
  static func encodeUnpadded(_ bytes: some Collection<UInt8>) -> String {
    String(decoding: encode(bytes).prefix { $0 != padding }, as: UTF8.self)
  }

  static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3)
    let complete = decode(text) { bytes.append($0) }
    return complete ? bytes : nil
  }

  /// Decodes into memory that is wiped after use.
  static func decodeSecret(_ text: some Collection<UInt8>) -> SecretBytes? {
    var complete = false
    let bytes = SecretBytes(capacity: text.count / 4 * 3 + 3) { memory in
      var count = 0
      complete = decode(text) { byte in
        memory[count] = byte
        count += 1
      }
      return count
    }
    return complete ? bytes : nil
  }

  // MARK: Parts

  private static func appendGroup(_ group: UInt32, characters: Int, to text: inout [UInt8]) {
    for index in 0..<4 {
      let value = Int(group >> UInt32(18 - 6 * index) & 63)
      text.append(index < characters ? alphabet[value] : padding)
    }
  }

  /// Whether the whole text was Base64; what was decoded before an error has been emitted.
  private static func decode(_ text: some Collection<UInt8>, emit: (UInt8) -> Void) -> Bool {
    var group: UInt32 = 0
    var held = 0
    var paddings = 0
    for character in text where !isWhitespace(character) {
      if character == padding {
        paddings += 1
        continue
      }
      guard paddings == 0, let value = value(of: character) else { return false }
      group = group << 6 | UInt32(value)
      held += 1
      if held == 4 {
        for shift in [16, 8, 0] as [UInt32] { emit(UInt8(truncatingIfNeeded: group >> shift)) }
        (group, held) = (0, 0)
      }
    }
    return finish(group: group, held: held, paddings: paddings, emit: emit)
  }

  /// The last group: two or three characters with the padding they need, and no bits left over.
  private static func finish(group: UInt32, held: Int, paddings: Int, emit: (UInt8) -> Void) -> Bool {
    switch (held, paddings) {
    case (0, 0): return true
    case (2, 2) where group & 0xF == 0:
      emit(UInt8(truncatingIfNeeded: group >> 4))
      return true
    case (3, 1) where group & 0x3 == 0:
      emit(UInt8(truncatingIfNeeded: group >> 10))
      emit(UInt8(truncatingIfNeeded: group >> 2))
      return true
    default: return false
    }
  }

  private static func isWhitespace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

  private static func value(of character: UInt8) -> UInt8? {
    switch character {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): character - UInt8(ascii: "A")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): character - UInt8(ascii: "a") + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0") + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
