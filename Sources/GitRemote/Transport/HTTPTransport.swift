internal import CLibgit2
internal import SystemCalls

/// The smart http protocol through libgit2's http and TLS (gitprotocol-http).
final class HTTPTransport: Transport {
  private let url: RemoteURL
  private let host: String
  private let port: String
  private let configuration: RemoteConfiguration

  init(configuration: RemoteConfiguration) throws(GitRemoteError) {
    guard case .http(let secure, _, let host, let port, _) = configuration.url.location else {
      throw GitRemoteError(.invalid, "connect", "the url is not one of http")
    }
    url = configuration.url
    self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    self.port = "\(port ?? (secure ? 443 : 80))"
    self.configuration = configuration
    try BoundedStream.register()
  }

  func connect(_ service: GitService, operation: String) throws(GitRemoteError) -> any ServiceConnection {
    if let file = configuration.https.caFile { try LibGit2.trust(file) }
    let context = StreamContext(
      Deadlines(configuration.timeouts), operation: operation, host: host, port: port)
    let credential = try HTTPCredential(configuration, url: url, operation: operation)
    let connection = try HTTPConnection(
      service, url: url.description, context: context, credential: credential,
      limit: configuration.limits.advertisement)
    try connection.open()
    return connection
  }

  func discardSharedConnection() -> Bool { false }

  /// Keeps a request below the megabyte that many http servers allow.
  var wantsPerRequest: Int { 8_000 }

  func close() {}
}

/// The name and the token for one conversation, given out once and only to the configured server.
final class HTTPCredential {
  private let username: String
  private let token: String?
  private let origin: String
  private var timesAsked = 0

  init(_ configuration: RemoteConfiguration, url: RemoteURL, operation: String) throws(GitRemoteError) {
    var user: String?
    if case .http(_, let named, _, _, _) = url.location { user = named }
    username = user ?? configuration.https.username ?? "git"
    origin = Self.origin(configuration.url.description)
    token = try configuration.https.tokenFile.map { file throws(GitRemoteError) in
      try Self.read(file, operation)
    }
  }

  /// What must never appear in a message.
  var secrets: [String] { token.map { [$0] } ?? [] }

  private static func read(_ file: String, _ operation: String) throws(GitRemoteError) -> String {
    do throws(SystemCallError) {
      let content = try Files.read(file, limit: 65_536)
      let line = content.split(separator: 0x0a, omittingEmptySubsequences: false).first ?? []
      let token = String(decoding: line, as: UTF8.self).filter { $0 != "\r" }
      if token.isEmpty {
        throw SystemCallError(.invalidArgument, "read the token in \"\(file)\", which is empty")
      }
      return token
    } catch {
      throw GitRemoteError(.io, operation, "\(error)")
    }
  }

  /// Answers libgit2's question for a credential.
  func acquire(
    _ out: UnsafeMutablePointer<UnsafeMutablePointer<git_credential>?>?, url: String
  ) -> Int32 {
    timesAsked += 1
    guard let token else { return Self.refuse("the server wants a credential and none is configured") }
    guard timesAsked == 1 else { return Self.refuse("the server does not accept the credential") }
    guard Self.origin(url) == origin else {
      return Self.refuse("another server than the configured one asks for the credential")
    }
    return git_credential_userpass_plaintext_new(out, username, token)
  }

  private static func refuse(_ why: String) -> Int32 {
    stagekeeper_git_set_error(why)
    return GIT_EAUTH.rawValue
  }

  /// Scheme, host and port of a url, without user.
  private static func origin(_ url: String) -> String {
    guard let parsed = try? RemoteURL(url), case .http(let secure, _, let host, let port, _) = parsed.location
    else { return "?" }
    return "\(secure ? "https" : "http")://\(host.lowercased()):\(port ?? (secure ? 443 : 80))"
  }
}
