/// An input taken apart: its first byte says how, the rest is the content.
struct Choices {
  /// Each bit is a choice of the target's.
  let bits: UInt8
  let content: [UInt8]

  init(_ input: [UInt8]) {
    bits = input.first ?? 0
    content = Array(input.dropFirst())
  }

  /// The content's lines without their line feeds.
  var lines: [[UInt8]] { content.split(separator: 0x0A, omittingEmptySubsequences: false).map { Array($0) } }
}

/// The same bytes in pieces of 1 to 16 bytes, as a connection may deliver them.
struct Pieces: Sequence, IteratorProtocol {
  private var rest: ArraySlice<UInt8>
  /// Of a linear congruential generator (Numerical Recipes, "An Even Quicker Generator").
  private var state: UInt32

  init(_ bytes: [UInt8], seed: UInt8) {
    rest = bytes[...]
    state = UInt32(seed)
  }

  mutating func next() -> [UInt8]? {
    if rest.isEmpty { return nil }
    state = state &* 1_664_525 &+ 1_013_904_223
    defer { rest = rest.dropFirst(1 + Int(state >> 28)) }
    return Array(rest.prefix(1 + Int(state >> 28)))
  }
}

extension Choices {
  /// The lines as Git's packets with the right lengths; an empty line is a flush.
  var packets: [UInt8] {
    lines.flatMap { line -> [UInt8] in
      if line.isEmpty { return Array("0000".utf8) }
      let length = String(line.count + 5, radix: 16)
      return Array((String(repeating: "0", count: max(0, 4 - length.count)) + length).utf8) + line + [0x0A]
    }
  }
}
