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
