internal import RemoteURLs
internal import CLibgit2
internal import SystemCalls

/// The smart http protocol through libgit2's http and TLS (gitprotocol-http).
final class HTTPTransport: Transport {
  private let url: RemoteURL
  private let host: String
  private let port: String
  private let configuration: RemoteConfiguration
  private let source: CredentialSource
  private var resting: HTTPSession?
  private var lastWasReused = false

  init(configuration: RemoteConfiguration) throws(GitRemoteError) {
    guard case .http(let secure, _, let host, let port, _) = configuration.url.location else {
      throw GitRemoteError(.invalid, "connect", "the url is not one of http")
    }
    url = configuration.url
    self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    self.port = "\(port ?? (secure ? 443 : 80))"
    self.configuration = configuration
    source = CredentialSource(configuration)
    try BoundedStream.register()
  }

  /// Connects; where the server refuses what a credential command gave, the command is asked once more: tokens
  /// are revoked, and expire.
  func connect(_ service: GitService, operation: String) throws(GitRemoteError) -> any ServiceConnection {
    if let file = configuration.https.caFile { try LibGit2.trust(file) }
    do throws(GitRemoteError) {
      return try open(service, operation)
    } catch {
      guard source.mayHaveAnother else { throw error }
    }
    do throws(GitRemoteError) {
      return try open(service, operation)
    } catch {
      source.forgetRefused(operation)
      throw error
    }
  }

  private func open(_ service: GitService, _ operation: String) throws(GitRemoteError) -> HTTPConnection {
    let credential = try source.current(operation)
    let session = try session(credential, operation)
    let connection = HTTPConnection(service, over: session, limit: configuration.limits.advertisement)
    connection.onRefusal = { [source] in if let credential { source.noteRefused(credential) } }
    connection.onRest = { [weak self] in self?.resting = $0 }
    try connection.open()
    if let credential, session.credential.wasUsed { source.noteAccepted(credential, operation) }
    return connection
  }

  /// The one that rests, if it is good for this credential and alive; else a new one.
  private func session(_ credential: Credential?, _ operation: String) throws(GitRemoteError) -> HTTPSession {
    let deadlines = Deadlines(configuration.timeouts)
    let old = resting
    resting = nil
    lastWasReused = false
    if let old, old.canGoOn, old.credential.isFor(credential) {
      lastWasReused = true
      old.context.goOn(deadlines, operation: operation)
      return old
    }
    return try HTTPSession(
      url: url.description,
      context: StreamContext(deadlines, operation: operation, host: host, port: port),
      credential: HTTPCredential(credential, for: url), lifetime: configuration.timeouts.sharedConnection)
  }

  var keptUntil: MonotonicTime? { resting?.restUntil }

  func discardSharedConnection() -> Bool {
    resting = nil
    defer { lastWasReused = false }
    return lastWasReused
  }

  /// Keeps a request below the megabyte that many http servers allow.
  var wantsPerRequest: Int { 8_000 }

  func close() { resting = nil }
}

/// The answer to libgit2's question for a credential, given once and only to the configured server.
final class HTTPCredential {
  private let credential: Credential?
  private let origin: String
  private var timesAsked = 0

  init(_ credential: Credential?, for url: RemoteURL) {
    self.credential = credential
    origin = Self.origin(url.description)
  }

  /// Whether it is this one that the server is given.
  func isFor(_ other: Credential?) -> Bool {
    guard let credential, let other else { return credential == nil && other == nil }
    return credential.username == other.username && credential.password.hasSameBytes(as: other.password)
  }

  /// Whether the server asked and was answered.
  var wasUsed: Bool { timesAsked > 0 && credential != nil }
  /// Whether the server asked again: it does not take what it was given.
  var wasRefused: Bool { timesAsked > 1 && credential != nil }

  /// Answers libgit2, which wipes its copy of the password.
  func acquire(
    _ out: UnsafeMutablePointer<UnsafeMutablePointer<git_credential>?>?, url: String
  ) -> Int32 {
    timesAsked += 1
    guard let credential else { return Self.refuse("the server wants a credential and none is configured") }
    guard timesAsked == 1 else { return Self.refuse("the server does not accept the credential") }
    guard Self.origin(url) == origin else {
      return Self.refuse("another server than the configured one asks for the credential")
    }
    return credential.password.withCString { password in
      git_credential_userpass_plaintext_new(out, credential.username, password)
    }
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
