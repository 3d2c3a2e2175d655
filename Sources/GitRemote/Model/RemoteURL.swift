/// Where a repository is, read strictly: nothing in it can become an option or a command of another program.
public struct RemoteURL: Equatable, Sendable, CustomStringConvertible {
  public enum Location: Equatable, Sendable {
    /// `ssh://[user@]host[:port]/path` or `user@host:path`.
    case ssh(user: String?, host: String, port: UInt16?, path: String)
    /// `https://host[:port]/path` or `http://…`.
    case http(secure: Bool, user: String?, host: String, port: UInt16?, path: String)
    /// An absolute path on this machine, or `file:///path`.
    case path(String)
  }

  public let location: Location
  /// As it was given. It holds no password: such urls are refused.
  public let description: String

  /// - Throws: ``GitRemoteError/Code/invalid`` that says what is wrong with it.
  public init(_ text: String) throws(GitRemoteError) {
    description = text
    if text.isEmpty { throw Self.invalid("it is empty") }
    if text.utf8.count > 4096 { throw Self.invalid("it is longer than 4096 bytes") }
    if text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) {
      throw Self.invalid("it holds a control character")
    }
    if text.hasPrefix("/") {
      location = .path(text)
    } else if let mark = Self.schemeEnd(text) {
      location = try Self.parse(scheme: text[..<mark.start].lowercased(), rest: text[mark.end...])
    } else {
      location = try Self.parseShort(text)
    }
  }

  private static func invalid(_ why: String) -> GitRemoteError {
    GitRemoteError(.invalid, "read the repository url", why)
  }

  private static func schemeEnd(_ text: String) -> (start: String.Index, end: String.Index)? {
    guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else { return nil }
    return (colon, text.index(colon, offsetBy: 3))
  }

  private static func parse(scheme: String, rest: Substring) throws(GitRemoteError) -> Location {
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    let path = String(rest[slash...])
    if scheme == "file" {
      guard slash == rest.startIndex else { throw invalid("a file url names a path and no host") }
      return .path(try decoded(path))
    }
    guard ["ssh", "http", "https"].contains(scheme) else {
      throw invalid("its scheme is not one of ssh, https, http and file")
    }
    let authority = try Authority(rest[..<slash])
    guard path.utf8.count > 1 else { throw invalid("it names no repository on the host") }
    if scheme == "ssh" {
      return .ssh(
        user: authority.user, host: authority.host, port: authority.port, path: try sshPath(decoded(path)))
    }
    if path.contains("?") || path.contains("#") || path.contains(" ") {
      throw invalid("its path holds a query, a fragment or a space")
    }
    return .http(
      secure: scheme == "https", user: authority.user, host: authority.host, port: authority.port, path: path)
  }

  /// `[user@]host:path`, as scp writes it.
  private static func parseShort(_ text: String) throws(GitRemoteError) -> Location {
    guard let colon = text.firstIndex(of: ":"), !text[..<colon].contains("/") else {
      throw invalid("it is neither a url nor user@host:path nor an absolute path")
    }
    let path = String(text[text.index(after: colon)...])
    let authority = try Authority(text[..<colon])
    if path.isEmpty { throw invalid("it names no repository on the host") }
    return .ssh(user: authority.user, host: authority.host, port: nil, path: try sshPath(path))
  }

  /// `/~user/x` means the home of that user, as in Git.
  private static func sshPath(_ path: String) throws(GitRemoteError) -> String {
    let result = path.hasPrefix("/~") ? String(path.dropFirst()) : path
    if result.hasPrefix("-") { throw invalid("its path begins with a dash") }
    return result
  }

  private static func decoded(_ text: String) throws(GitRemoteError) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      let digits = rest.prefix(2).map(hexValue)
      guard digits.count == 2, digits.allSatisfy({ $0 < 16 }) else {
        throw invalid("it holds a percent sign without two hexadecimal digits")
      }
      bytes.append(digits[0] << 4 | digits[1])
      rest = rest.dropFirst(2)
    }
    guard let result = String(validating: bytes, as: UTF8.self),
      !bytes.contains(where: { $0 < 0x20 || $0 == 0x7f })
    else { throw invalid("it holds an escaped byte that is not text") }
    return result
  }

  /// `[user@]host[:port]`.
  private struct Authority {
    var user: String?
    var host: String
    var port: UInt16?

    init(_ text: Substring) throws(GitRemoteError) {
      var rest = text
      if let at = rest.lastIndex(of: "@") {
        user = try Self.checkedUser(String(rest[..<at]))
        rest = rest[rest.index(after: at)...]
      }
      let split = try Self.splitPort(rest)
      host = String(split.host)
      port = split.port
      guard Self.isHost(split.host) else { throw RemoteURL.invalid("its host name is malformed") }
    }

    private static func checkedUser(_ user: String) throws(GitRemoteError) -> String {
      if user.contains(":") { throw RemoteURL.invalid("it holds a password; name a file with it instead") }
      let allowed = user.utf8.allSatisfy { byte in
        isAlphanumeric(byte) || [0x2d, 0x2e, 0x5f, 0x2b].contains(byte)
      }
      guard !user.isEmpty, allowed, !user.hasPrefix("-") else {
        throw RemoteURL.invalid("its user name is malformed")
      }
      return user
    }

    private static func splitPort(_ text: Substring) throws(GitRemoteError) -> (
      host: Substring, port: UInt16?
    ) {
      let searchStart = text.hasPrefix("[") ? text.firstIndex(of: "]") ?? text.startIndex : text.startIndex
      guard let colon = text[searchStart...].lastIndex(of: ":") else { return (text, nil) }
      guard let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
        throw RemoteURL.invalid("its port is not a number from 1 to 65535")
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
