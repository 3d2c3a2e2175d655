/// What is wrong with a URL; never the URL itself, which may hold a password.
struct MalformedURL: Error {
  let message: String

  init(_ message: String) { self.message = message }
}

/// How a repository is reached. The lane alone uses the URL, and reads it by the same grammar
/// (`GitRemote/Model/RemoteURL.swift`, which the worker may not import): it is read here too, so that one which can
/// never work is refused with the file. `TestSupport/RepositoryURLs.swift` holds the two together.
enum RepositoryURL {
  enum Transport {
    case path, http, ssh
  }

  static func transport(of text: String) throws(MalformedURL) -> Transport {
    if text.isEmpty { throw MalformedURL("is empty") }
    if text.utf8.count > 4096 { throw MalformedURL("is longer than 4096 bytes") }
    if text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
      throw MalformedURL("holds a control character")
    }
    if text.hasPrefix("/") { return .path }
    guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else {
      return try short(text)
    }
    return try url(scheme: text[..<colon].lowercased(), rest: text[text.index(colon, offsetBy: 3)...])
  }

  private static func url(scheme: String, rest: Substring) throws(MalformedURL) -> Transport {
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    let path = rest[slash...]
    switch scheme {
    case "file":
      guard slash == rest.startIndex, !path.isEmpty else {
        throw MalformedURL("names no path or a host besides: write file:///path")
      }
      try checkEscapes(path)
      return .path
    case "ssh", "http", "https":
      try checkAuthority(rest[..<slash])
      guard path.utf8.count > 1 else { throw MalformedURL("names no repository on the host") }
      return try scheme == "ssh" ? ssh(path, hasEscapes: true) : http(path)
    default: throw MalformedURL(expected)
    }
  }

  private static let expected =
    "expected ssh://, https://, http://, user@host:path, an absolute path or file:///path"

  /// `[user@]host:path`, as scp writes it.
  private static func short(_ text: String) throws(MalformedURL) -> Transport {
    guard let colon = text.firstIndex(of: ":"), !text[..<colon].contains("/") else {
      throw MalformedURL(expected)
    }
    let path = text[text.index(after: colon)...]
    try checkAuthority(text[..<colon])
    if path.isEmpty { throw MalformedURL("names no repository on the host") }
    return try ssh(path, hasEscapes: false)
  }

  private static func ssh(_ path: Substring, hasEscapes: Bool) throws(MalformedURL) -> Transport {
    if hasEscapes { try checkEscapes(path) }
    // "/~user/x" is told to the server without its slash, as "-x" would be.
    if path.hasPrefix("-") { throw MalformedURL("has a path that begins with a dash") }
    return .ssh
  }

  private static func http(_ path: Substring) throws(MalformedURL) -> Transport {
    if path.contains(where: { "?# ".contains($0) }) {
      throw MalformedURL("has a path with a query, a fragment or a space")
    }
    return .http
  }

  /// `%41`: two hexadecimal digits, and together text without control characters.
  private static func checkEscapes(_ path: Substring) throws(MalformedURL) {
    var bytes: [UInt8] = []
    var rest = Array(path.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      let digits = rest.prefix(2)
      guard digits.count == 2, digits.allSatisfy(isHexadecimal),
        let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
      else { throw MalformedURL("has a percent sign without two hexadecimal digits") }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    guard String(validating: bytes, as: UTF8.self) != nil,
      !bytes.contains(where: { $0 < 0x20 || $0 == 0x7F })
    else { throw MalformedURL("has an escaped byte that is not text") }
  }
}

// MARK: Host and user

extension RepositoryURL {
  /// `[user@]host[:port]`.
  private static func checkAuthority(_ text: Substring) throws(MalformedURL) {
    var host = text
    if let at = text.lastIndex(of: "@") {
      try checkUser(text[..<at])
      host = text[text.index(after: at)...]
    }
    let from = host.hasPrefix("[") ? host.firstIndex(of: "]") ?? host.startIndex : host.startIndex
    if let colon = host[from...].lastIndex(of: ":") {
      guard let port = UInt16(host[host.index(after: colon)...]), port > 0 else {
        throw MalformedURL("has a port that is not a number from 1 to 65535")
      }
      host = host[..<colon]
    }
    guard isHost(host) else { throw MalformedURL("has a malformed host name") }
  }

  private static func checkUser(_ user: Substring) throws(MalformedURL) {
    if user.contains(":") {
      throw MalformedURL("holds a password; put it in a file and name that file (https.tokenFile)")
    }
    guard !user.isEmpty, !user.hasPrefix("-"),
      user.utf8.allSatisfy({ isAlphanumeric($0) || "-._+".utf8.contains($0) })
    else { throw MalformedURL("has a malformed user name") }
  }

  private static func isHost(_ host: Substring) -> Bool {
    if host.hasPrefix("["), host.hasSuffix("]") {
      return host.utf8.count > 3
        && host.utf8.dropFirst().dropLast().allSatisfy { isHexadecimal($0) || ":.".utf8.contains($0) }
    }
    return !host.isEmpty && !host.hasPrefix("-") && !host.hasPrefix(".") && host.utf8.count <= 253
      && host.utf8.allSatisfy { isAlphanumeric($0) || "-._".utf8.contains($0) }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
  }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
  }
}
