/// OpenSSH's patterns (ssh_config(5), PATTERNS): `*` stands for any number of characters, `?` for one.
struct SSHPatternList: Hashable, Sendable {
  /// A pattern and whether a `!` stood before it.
  struct Element: Hashable, Sendable {
    let pattern: [UInt8]
    let isNegated: Bool
  }

  /// Patterns in the order of the file.
  let elements: [Element]

  /// Reads patterns that are separated by commas.
  init(_ text: some Collection<UInt8>) {
    elements = text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map {
      let isNegated = $0.first == UInt8(ascii: "!")
      return Element(pattern: Array(isNegated ? $0.dropFirst() : $0), isNegated: isNegated)
    }
  }

  /// Whether a pattern matches and no negated one does.
  func matches(_ text: [UInt8]) -> Bool {
    var isMatched = false
    for element in elements where Self.matches(text, element.pattern) {
      if element.isNegated { return false }
      isMatched = true
    }
    return isMatched
  }

  /// Remembers only the last `*`, so the time is at most pattern times text.
  static func matches(_ text: [UInt8], _ pattern: [UInt8]) -> Bool {
    var (t, p) = (0, 0)
    var star: (pattern: Int, text: Int)?
    while t < text.count {
      if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
        star = (p, t)
        p += 1
      } else if p < pattern.count, pattern[p] == UInt8(ascii: "?") || pattern[p] == text[t] {
        (p, t) = (p + 1, t + 1)
      } else if let last = star {
        star = (last.pattern, last.text + 1)
        (p, t) = (last.pattern + 1, last.text + 1)
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == UInt8(ascii: "*") }
  }
}
