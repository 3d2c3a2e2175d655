internal import RemoteURLs
internal import SystemCalls

/// A name and a token, and until when they are good.
struct Credential {
  let username: String
  let password: SecretBytes
  /// Seconds since 1970; nil: nobody said.
  var expiry: Int64?
}

/// Where the credential for an http server comes from: a file, a command, or nowhere.
///
/// A file is read for each conversation. What a command gave is kept in memory until it expires or the server
/// refuses it.
final class CredentialSource {
  private let configuration: RemoteConfiguration
  /// Where the url or the configuration names one.
  private let username: String?
  private let command: CredentialCommand?
  private var kept: Credential?
  private var isStored = false
  /// What the server refused and the command was not told of yet.
  private var refused: Credential?

  init(_ configuration: RemoteConfiguration) {
    self.configuration = configuration
    var named: String?
    if case .http(_, let user, _, _, _) = configuration.url.location { named = user }
    username = named ?? configuration.https.username
    command = configuration.https.command.map { CredentialCommand($0, timeouts: configuration.timeouts) }
  }

  /// The credential for one conversation; nil where none is configured.
  ///
  /// - Throws: ``GitRemoteError`` with `credentialFileUnusable` or `credentialCommandFailed`, which names it.
  func current(_ operation: String) throws(GitRemoteError) -> Credential? {
    forgetRefused(operation)
    var credential = kept
    if credential == nil { credential = try read(operation) }
    if let credential { KnownSecrets.add(username: credential.username, password: credential.password) }
    kept = credential.flatMap { command != nil && !$0.expiresSoon ? $0 : nil }
    return credential
  }

  private func read(_ operation: String) throws(GitRemoteError) -> Credential? {
    if let command {
      isStored = false
      return try command.get(configuration.url, username: username, operation)
    }
    guard let file = configuration.https.tokenFile else { return nil }
    return Credential(username: username ?? "git", password: try Self.token(in: file, operation))
  }

  private static func token(in file: String, _ operation: String) throws(GitRemoteError) -> SecretBytes {
    let token: SecretBytes
    do throws(SecretFileError) {
      token = try SecretFile.readSecret(file).firstLine()
    } catch {
      throw GitRemoteError(.credentialFileUnusable, operation, "\(error)")
    }
    if token.count == 0 {
      throw GitRemoteError(.credentialFileUnusable, operation, "reading \(file): it is empty")
    }
    return token
  }

  /// The server took the credential; the command hears of it once.
  func noteAccepted(_ credential: Credential, _ operation: String) {
    guard let command, !isStored else { return }
    isStored = true
    command.tell(.store, credential, configuration.url, operation)
  }

  /// The server refused the credential. It is not given out again.
  func noteRefused(_ credential: Credential) {
    guard command != nil else { return }
    kept = nil
    refused = credential
  }

  /// Whether asking again may give another credential than the one that was refused.
  var mayHaveAnother: Bool { refused != nil }

  /// Has the command forget what the server refused.
  func forgetRefused(_ operation: String) {
    guard let refused, let command else { return }
    self.refused = nil
    command.tell(.erase, refused, configuration.url, operation)
  }
}

extension Credential {
  /// Less than a minute is left: it could expire in the middle of an attempt.
  fileprivate var expiresSoon: Bool { expiry.map { $0 < WallClock.seconds + 60 } ?? false }
}
