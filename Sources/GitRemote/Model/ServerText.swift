internal import SystemCalls

/// Words of a server, of a hook or of a program that talks to it, on their way to people. All of them pass here.
enum ServerText {
  /// What stands in the place of a secret.
  static let mark = "***"

  /// Makes text safe to show: control characters go, secrets and the user part of web addresses are replaced,
  /// length is bounded.
  ///
  /// Controls go first, or a secret with one in its middle would come together again.
  ///
  /// - Parameter limit: in bytes of UTF-8.
  static func sanitized(_ bytes: some Collection<UInt8>, limit: Int = 4096) -> String {
    let text = String(decoding: bytes, as: UTF8.self)
    let lines = text.unicodeScalars.split(whereSeparator: { $0 == "\n" || $0 == "\r" }).map(cleanLine)
    let clean = Array(lines.filter { !$0.isEmpty }.joined(separator: "\n").utf8)
    return bounded(withoutSecrets(withoutUserInfo(clean), KnownSecrets.all), limit)
  }

  // MARK: Characters

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

  // MARK: Secrets

  private static func withoutSecrets(_ text: [UInt8], _ secrets: [SecretBytes]) -> [UInt8] {
    secrets.reduce(text) { text, secret in
      secret.withUnsafeBytes { replacing($0, in: text) }
    }
  }

  /// Also what is left at the end of a secret that a limit has cut off.
  private static func replacing(_ secret: UnsafeRawBufferPointer, in text: [UInt8]) -> [UInt8] {
    guard text.contains(secret[0]) else { return text }
    var result: [UInt8] = []
    var rest = text[...]
    while let first = rest.first {
      let length = first == secret[0] ? commonLength(rest, secret) : 0
      if length == secret.count || (length == rest.count && length >= KnownSecrets.minimumLength) {
        result += mark.utf8
        rest = rest.dropFirst(length)
      } else {
        result.append(first)
        rest = rest.dropFirst()
      }
    }
    return result
  }

  private static func commonLength(_ text: ArraySlice<UInt8>, _ secret: UnsafeRawBufferPointer) -> Int {
    zip(text, secret).prefix { $0 == $1 }.count
  }

  /// `https://user:password@host` → `https://***@host`; a user name alone is kept where it is no token: in ssh
  /// addresses.
  private static func withoutUserInfo(_ text: [UInt8]) -> [UInt8] {
    let pattern = Array("://".utf8)
    var result: [UInt8] = []
    var rest = text[...]
    while let start = rest.firstRange(of: pattern) {
      result += rest[..<start.upperBound]
      let isWeb = ["http", "https"].contains {
        result.dropLast(pattern.count).reversed().starts(with: $0.utf8.reversed())
      }
      rest = rest[start.upperBound...]
      let authority = rest.prefix { $0 > 0x20 && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "\"") }
      guard let at = authority.lastIndex(of: UInt8(ascii: "@")) else { continue }
      if isWeb || authority[..<at].contains(UInt8(ascii: ":")) {
        result += mark.utf8
        rest = rest[at...]
      }
    }
    return result + rest
  }

  private static func bounded(_ text: [UInt8], _ limit: Int) -> String {
    if text.count <= limit { return String(decoding: text, as: UTF8.self) }
    return String(decoding: text.prefix(limit), as: UTF8.self) + "…"
  }
}
