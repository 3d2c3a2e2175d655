/// Words of a server or of a program that talks to it, on their way to people.
enum ServerText {
  /// Makes text safe to show: control characters go, lines are joined by " | " or kept, secrets are
  /// replaced, length is bounded.
  ///
  /// - Parameter secrets: strings that must never appear; those under four bytes are not looked for.
  /// - Parameter limit: in bytes of UTF-8.
  static func sanitized(_ bytes: some Collection<UInt8>, secrets: [String] = [], limit: Int = 4096) -> String
  {
    var text = String(decoding: bytes, as: UTF8.self)
    for secret in secrets where secret.utf8.count >= 4 {
      text = replacing(secret, in: text, with: "[secret]")
    }
    let lines = text.unicodeScalars.split(whereSeparator: { $0 == "\n" || $0 == "\r" }).map(cleanLine)
    return bounded(lines.filter { !$0.isEmpty }.joined(separator: "\n"), limit)
  }

  private static func cleanLine(_ line: Substring.UnicodeScalarView) -> String {
    var clean = String.UnicodeScalarView()
    for scalar in line where !isForbidden(scalar) { clean.append(scalar == "\t" ? " " : scalar) }
    while clean.last == " " { clean.removeLast() }
    return String(clean.drop { $0 == " " })
  }

  /// Controls, and characters that reorder or hide what is shown.
  private static func isForbidden(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09: false
    case 0..<0x20, 0x7f..<0xa0: true
    case 0x200b...0x200f, 0x2028...0x202e, 0x2060...0x206f, 0xfeff: true
    default: false
    }
  }

  private static func replacing(_ secret: String, in text: String, with replacement: String) -> String {
    var result: [UInt8] = []
    var rest = Array(text.utf8)[...]
    let pattern = Array(secret.utf8)
    while rest.count >= pattern.count {
      if rest.starts(with: pattern) {
        result += replacement.utf8
        rest = rest.dropFirst(pattern.count)
      } else {
        result.append(rest.removeFirst())
      }
    }
    return String(decoding: result + rest, as: UTF8.self)
  }

  private static func bounded(_ text: String, _ limit: Int) -> String {
    guard text.utf8.count > limit else { return text }
    return String(decoding: text.utf8.prefix(limit), as: UTF8.self) + "…"
  }
}
