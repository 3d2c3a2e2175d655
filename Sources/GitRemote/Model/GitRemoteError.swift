internal import SystemCalls

/// What went wrong with a repository or its server.
public struct GitRemoteError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The kind of error, for decisions; kinds may be added.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    private enum Kind: String {
      case unreachable, timeout, authenticationFailed, hostKeyUnknown, hostKeyChanged, certificateInvalid
      case redirected, repositoryNotFound, protocolViolation, tooLarge, refused, remoteHungUp, invalid
      case notFound, notRegularFile, locked, io, exhausted, mirrorDamaged, mirrorUnusable, unsupported,
        serverDisk, foreignOwner
      case credentialFileUnusable, credentialCommandFailed
    }
    private let kind: Kind

    /// No connection: no such host, refused, no route.
    public static let unreachable = Code(kind: .unreachable)
    /// A deadline passed.
    public static let timeout = Code(kind: .timeout)
    /// The server does not accept the credential, or none was configured.
    public static let authenticationFailed = Code(kind: .authenticationFailed)
    /// The known_hosts file has no key of that server.
    public static let hostKeyUnknown = Code(kind: .hostKeyUnknown)
    /// The server shows another key than the known_hosts file has.
    public static let hostKeyChanged = Code(kind: .hostKeyChanged)
    /// The TLS certificate is not from a known authority, or for another host, or not valid now.
    public static let certificateInvalid = Code(kind: .certificateInvalid)
    /// The server sent us elsewhere; redirects are not followed.
    public static let redirected = Code(kind: .redirected)
    /// The server has no such repository, or hides it from this credential.
    public static let repositoryNotFound = Code(kind: .repositoryNotFound)
    /// The repository belongs to another user than the one as whom Git runs there, and Git does not touch it.
    public static let foreignOwner = Code(kind: .foreignOwner)
    /// The server sent something that is not the Git protocol.
    public static let protocolViolation = Code(kind: .protocolViolation)
    /// More data than the configured limits allow.
    public static let tooLarge = Code(kind: .tooLarge)
    /// The server refused in words.
    public static let refused = Code(kind: .refused)
    /// The connection ended in the middle.
    public static let remoteHungUp = Code(kind: .remoteHungUp)
    /// A parameter that this module cannot accept, such as a malformed url.
    public static let invalid = Code(kind: .invalid)
    /// An object or a path is not there.
    public static let notFound = Code(kind: .notFound)
    /// What a path of a commit names is a folder, a symbolic link or a submodule.
    public static let notRegularFile = Code(kind: .notRegularFile)
    /// Another process uses the mirror.
    public static let locked = Code(kind: .locked)
    /// A local file or process failed.
    public static let io = Code(kind: .io)
    /// This machine's disk is full, or it has no memory, descriptors or processes left.
    public static let exhausted = Code(kind: .exhausted)
    /// The mirror on this machine's disk has lost something; see ``RemoteRepository/condemnMirror()``.
    public static let mirrorDamaged = Code(kind: .mirrorDamaged)
    /// The mirror can't be made anew either: its folder can't be written.
    public static let mirrorUnusable = Code(kind: .mirrorUnusable)
    /// The server could not store what was pushed; it has made nothing of it.
    public static let serverDisk = Code(kind: .serverDisk)
    /// The server lacks something that is needed.
    public static let unsupported = Code(kind: .unsupported)
    /// The file with our key or token is not there, or the wrong people can read it.
    public static let credentialFileUnusable = Code(kind: .credentialFileUnusable)
    /// The credential command failed, took too long or did not answer as it should.
    public static let credentialCommandFailed = Code(kind: .credentialCommandFailed)

    public var description: String { kind.rawValue }
  }

  public var code: Code
  /// While doing what, such as "list the refs".
  public var operation: String
  /// What happened, with the server's own words; free of control characters and of secrets.
  public var message: String
  /// Something may have been changed on the server: ask it before anything else is decided. False means
  /// that nothing was changed, for certain.
  public var outcomeUnknown: Bool

  public init(_ code: Code, _ operation: String, _ message: String, outcomeUnknown: Bool = false) {
    self.code = code
    self.operation = operation
    self.message = message
    self.outcomeUnknown = outcomeUnknown
  }

  /// What a system call could not do on this machine.
  init(_ operation: String, _ error: SystemCallError) {
    if Errno.exhaustions.contains(error.errno) {
      self.init(exhausted: error.errno, operation, "\(error)")
    } else {
      self.init(.io, operation, "\(error)")
    }
  }

  /// The same where it failed on the mirror.
  var ofMirror: GitRemoteError {
    if code == .exhausted { return self }
    return GitRemoteError(
      .mirrorDamaged, operation, "the mirror can't be used, and is made anew: \(message)")
  }

  /// The same where the mirror can't be made anew.
  ///
  /// - Parameter directory: the mirror's.
  func ofUnusableMirror(_ directory: String) -> GitRemoteError {
    if code == .exhausted || code == .locked { return self }
    return GitRemoteError(
      .mirrorUnusable, operation,
      "the worker can't make the mirror \(directory) anew: \(message); let its user write there, or remove the folder"
    )
  }

  init(exhausted errno: Errno, _ operation: String, _ message: String) {
    self.init(.exhausted, operation, errno.isDiskFull ? "the worker's disk is full: \(message)" : message)
  }

  public var description: String { "\(operation): \(message) (\(code))" }

  func withUnknownOutcome() -> GitRemoteError {
    var copy = self
    copy.outcomeUnknown = true
    return copy
  }
}
