/// What is wrong with a URL; never the URL itself, which may hold a password.
public struct MalformedURL: Error, Equatable, CustomStringConvertible {
  /// As the end of a sentence that begins with where the URL stands.
  public let message: String

  init(_ message: String) { self.message = message }

  public var description: String { message }
}

/// Where a repository is, read strictly: nothing in it can become an option or a command of another program.
public struct RemoteURL: Equatable, Sendable, CustomStringConvertible {
  public enum Location: Equatable, Sendable {
    /// `ssh://[user@]host[:port]/path` or `user@host:path`.
    case ssh(user: String?, host: String, port: UInt16?, path: String)
    /// `https://host[:port]/path` or `http://…`.
    case http(secure: Bool, user: String?, host: String, port: UInt16?, path: String)
    /// An absolute path on this machine, or `file:///path`.
    case path(String)

    public var isSSH: Bool { if case .ssh = self { true } else { false } }
    public var isHTTP: Bool { if case .http = self { true } else { false } }
  }

  public let location: Location
  /// As it was given. It holds no password: such urls are refused.
  public let description: String

  /// - Throws: ``MalformedURL``.
  public init(_ text: String) throws(MalformedURL) {
    description = text
    if text.isEmpty { throw MalformedURL("is empty") }
    if text.utf8.count > 4096 { throw MalformedURL("is longer than 4096 bytes") }
    if text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) {
      throw MalformedURL("holds a control character")
    }
    if text.hasPrefix("/") {
      location = .path(text)
    } else if let mark = Self.schemeEnd(text) {
      location = try Self.parse(scheme: text[..<mark.start].lowercased(), rest: text[mark.end...])
    } else {
      location = try Self.parseShort(text)
    }
  }

  private static let expected =
    "expected ssh://, https://, http://, user@host:path, an absolute path or file:///path"

  private static func schemeEnd(_ text: String) -> (start: String.Index, end: String.Index)? {
    guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else { return nil }
    return (colon, text.index(colon, offsetBy: 3))
  }

  private static func parse(scheme: String, rest: Substring) throws(MalformedURL) -> Location {
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    let path = String(rest[slash...])
    if scheme == "file" {
      guard slash == rest.startIndex, !path.isEmpty else {
        throw MalformedURL("names no path, or a host besides: write file:///path")
      }
      return .path(try decoded(path))
    }
    guard ["ssh", "http", "https"].contains(scheme) else {
      throw MalformedURL(expected)
    }
    let authority = try Authority(rest[..<slash])
    guard path.utf8.count > 1 else { throw MalformedURL("names no repository on the host") }
    if scheme == "ssh" {
      return .ssh(
        user: authority.user, host: authority.host, port: authority.port, path: try sshPath(decoded(path)))
    }
    if path.contains("?") || path.contains("#") || path.contains(" ") {
      throw MalformedURL("has a path with a query, a fragment or a space")
    }
    return .http(
      secure: scheme == "https", user: authority.user, host: authority.host, port: authority.port, path: path)
  }

  /// `[user@]host:path`, as scp writes it.
  private static func parseShort(_ text: String) throws(MalformedURL) -> Location {
    guard let colon = text.firstIndex(of: ":"), !text[..<colon].contains("/") else {
      throw MalformedURL(expected)
    }
    let path = String(text[text.index(after: colon)...])
    let authority = try Authority(text[..<colon])
    if path.isEmpty { throw MalformedURL("names no repository on the host") }
    return .ssh(user: authority.user, host: authority.host, port: nil, path: try sshPath(path))
  }

  /// `/~user/x` means the home of that user, as in Git.
  private static func sshPath(_ path: String) throws(MalformedURL) -> String {
    let result = path.hasPrefix("/~") ? String(path.dropFirst()) : path
    if result.hasPrefix("-") { throw MalformedURL("has a path that begins with a dash") }
    return result
  }

  private static func decoded(_ text: String) throws(MalformedURL) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      let digits = rest.prefix(2).map(hexValue)
      guard digits.count == 2, digits.allSatisfy({ $0 < 16 }) else {
        throw MalformedURL("has a percent sign without two hexadecimal digits")
      }
      bytes.append(digits[0] << 4 | digits[1])
      rest = rest.dropFirst(2)
    }
    guard let result = String(validating: bytes, as: UTF8.self),
      !bytes.contains(where: { $0 < 0x20 || $0 == 0x7f })
    else { throw MalformedURL("has an escaped byte that is not text") }
    return result
  }

  /// `[user@]host[:port]`.
  private struct Authority {
    var user: String?
    var host: String
    var port: UInt16?

    init(_ text: Substring) throws(MalformedURL) {
      var rest = text
      if let at = rest.lastIndex(of: "@") {
        user = try Self.checkedUser(String(rest[..<at]))
        rest = rest[rest.index(after: at)...]
      }
      let split = try Self.splitPort(rest)
      host = String(split.host)
      port = split.port
      guard Self.isHost(split.host) else { throw MalformedURL("has a malformed host name") }
    }

    private static func checkedUser(_ user: String) throws(MalformedURL) -> String {
      if user.contains(":") {
        throw MalformedURL("holds a password; put it in a file and name that file (https.tokenFile)")
      }
      let allowed = user.utf8.allSatisfy { byte in
        isAlphanumeric(byte) || [0x2d, 0x2e, 0x5f, 0x2b].contains(byte)
      }
      guard !user.isEmpty, allowed, !user.hasPrefix("-") else {
        throw MalformedURL("has a malformed user name")
      }
      return user
    }

    private static func splitPort(_ text: Substring) throws(MalformedURL) -> (
      host: Substring, port: UInt16?
    ) {
      let searchStart = text.hasPrefix("[") ? text.firstIndex(of: "]") ?? text.startIndex : text.startIndex
      guard let colon = text[searchStart...].lastIndex(of: ":") else { return (text, nil) }
      guard let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
        throw MalformedURL("has a port that is not a number from 1 to 65535")
      }
      return (text[..<colon], port)
    }

    private static func isHost(_ host: Substring) -> Bool {
      if host.hasPrefix("["), host.hasSuffix("]") {
        return host.utf8.count > 3
          && host.utf8.dropFirst().dropLast().allSatisfy { hexValue($0) < 16 || $0 == 0x3a || $0 == 0x2e }
      }
      return !host.isEmpty && !host.hasPrefix("-") && !host.hasPrefix(".") && host.utf8.count <= 253
        && host.utf8.allSatisfy { isAlphanumeric($0) || $0 == 0x2d || $0 == 0x2e || $0 == 0x5f }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
      (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
    }
  }
}

private func hexValue(_ digit: UInt8) -> UInt8 {
  switch digit {
  case 0x30...0x39: digit - 0x30
  case 0x61...0x66: digit - 0x61 + 10
  case 0x41...0x46: digit - 0x41 + 10
  default: 0xff
  }
}
