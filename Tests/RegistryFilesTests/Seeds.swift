import Foundation

/// SplitMix64: the same numbers for the same seed, everywhere.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: Int) { state = UInt64(bitPattern: Int64(seed)) }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// Seeds for one test: `usual` many, or `STAGEKEEPER_TEST_SEEDS` times as many.
func seeds(_ usual: Int) -> Range<Int> {
  let factor = ProcessInfo.processInfo.environment["STAGEKEEPER_TEST_SEEDS"].flatMap(Int.init) ?? 1
  return 0..<(usual * max(1, factor))
}

/// A file with a few random edits that YAML's grammar is sensitive to.
func mutated(_ bytes: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
  let pieces = [
    " ", "  ", "\n", "\t", ":", ": ", "- ", "-", "? ", "#", " #", "'", "\"", "[", "]", "{", "}", ",", "&a ",
    "*a",
    "!", "!!str ", "|", ">", "|-\n", ">2\n", "%", "<<: *a\n", "---\n", "...\n", "\\", "\r\n", "\r", "~", "1",
    "é",
    "\u{FEFF}", "0x", "1e9", "@", "=", "+", "\n\n", "\n  ",
  ]
  var bytes = bytes
  for _ in 0..<Int.random(in: 1...4, using: &generator) {
    let place = Int.random(in: 0...bytes.count, using: &generator)
    let end = min(bytes.count, place + Int.random(in: 0...6, using: &generator))
    switch Int.random(in: 0..<6, using: &generator) {
    case 0: bytes.removeSubrange(place..<end)
    case 1:
      bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: 0...bytes.count, using: &generator))
    case 2 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &generator)
    case 3: bytes.replaceSubrange(place..<end, with: (pieces.randomElement(using: &generator) ?? "").utf8)
    default: bytes.insert(contentsOf: (pieces.randomElement(using: &generator) ?? "").utf8, at: place)
    }
  }
  return bytes
}
