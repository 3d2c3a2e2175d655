/// A glob that matches a whole name, byte by byte: `*` is any run of bytes, `?` any one byte. There are no
/// classes and no escapes: names hold none of these characters.
public struct Pattern: Sendable, Hashable {
  public let text: String
  private let bytes: [UInt8]

  public init(_ text: String) {
    self.text = text
    bytes = Array(text.utf8)
  }

  /// Takes time proportional to the product of the lengths at worst, whatever the pattern.
  public func matches(_ name: String) -> Bool {
    let name = Array(name.utf8)
    var patternIndex = 0
    var nameIndex = 0
    var star: (pattern: Int, name: Int)?
    while nameIndex < name.count {
      if patternIndex < bytes.count, bytes[patternIndex] == UInt8(ascii: "*") {
        star = (patternIndex, nameIndex)
        patternIndex += 1
      } else if patternIndex < bytes.count,
        bytes[patternIndex] == UInt8(ascii: "?") || bytes[patternIndex] == name[nameIndex]
      {
        patternIndex += 1
        nameIndex += 1
      } else if let last = star {
        star = (last.pattern, last.name + 1)
        patternIndex = last.pattern + 1
        nameIndex = last.name + 1
      } else {
        return false
      }
    }
    return bytes[patternIndex...].allSatisfy { $0 == UInt8(ascii: "*") }
  }
}

extension Pattern {
  /// Whether it matches more than one name.
  var isWild: Bool { bytes.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") } }

  /// Whether some name is matched by both. Takes time proportional to the product of the lengths.
  func overlaps(_ other: Pattern) -> Bool {
    let (mine, theirs) = (bytes, other.bytes)
    let (any, one) = (UInt8(ascii: "*"), UInt8(ascii: "?"))
    // Whether what is left of both from here on matches some name in common; from the ends on.
    var rest = [[Bool]](
      repeating: [Bool](repeating: false, count: theirs.count + 1), count: mine.count + 1)
    for left in (0...mine.count).reversed() {
      for right in (0...theirs.count).reversed() {
        let a = left < mine.count ? mine[left] : nil
        let b = right < theirs.count ? theirs[right] : nil
        if a == nil, b == nil {
          rest[left][right] = true
        } else if a == any || b == any {
          // The `*` stands for nothing, or for what the other one says next.
          rest[left][right] = (a != nil && rest[left + 1][right]) || (b != nil && rest[left][right + 1])
        } else if let a, let b, a == b || a == one || b == one {
          rest[left][right] = rest[left + 1][right + 1]
        }
      }
    }
    return rest[0][0]
  }
}
