/// Why a key, a certificate or a file of trusted keys can't be used, or why a signature could not be made.
///
/// No message ever holds key bytes or a passphrase.
public struct SigningError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What kind of problem it is, for programs.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    private enum Kind: String {
      case unreadableFile, unsafePermissions, notAKey, unsupportedKey, weakKey, passphraseRequired
      case wrongPassphrase, encryptedOpenSSHKey, keyMismatch, badCertificate, certificateNotValid
      case unsuitableCertificate, badTrustFile, badText, cryptography
    }
    private let kind: Kind
    private init(_ kind: Kind) { self.kind = kind }

    /// The file isn't there, can't be opened, isn't a regular file or is too large.
    public static let unreadableFile = Code(.unreadableFile)
    /// The file can be read (a secret) or written (a list of trusted keys) by people it must not be.
    public static let unsafePermissions = Code(.unsafePermissions)
    /// The bytes are not a private or public key in a known format, or are damaged.
    public static let notAKey = Code(.notAKey)
    /// A key of an algorithm or curve that isn't supported.
    public static let unsupportedKey = Code(.unsupportedKey)
    /// An RSA key of fewer than 2048 bits.
    public static let weakKey = Code(.weakKey)
    /// The key is encrypted and no passphrase was given.
    public static let passphraseRequired = Code(.passphraseRequired)
    /// The key is encrypted and the passphrase doesn't open it (or the key is damaged).
    public static let wrongPassphrase = Code(.wrongPassphrase)
    /// OpenSSH's own format, encrypted: the message names the command that converts it.
    public static let encryptedOpenSSHKey = Code(.encryptedOpenSSHKey)
    /// The private key doesn't belong to the public key or the certificate beside it.
    public static let keyMismatch = Code(.keyMismatch)
    /// The bytes are not an X.509 certificate in PEM.
    public static let badCertificate = Code(.badCertificate)
    /// The certificate isn't valid yet or has expired.
    public static let certificateNotValid = Code(.certificateNotValid)
    /// The certificate's key usage doesn't allow signatures.
    public static let unsuitableCertificate = Code(.unsuitableCertificate)
    /// A list of allowed signers, of revoked keys or of CA certificates has a line that can't be used.
    public static let badTrustFile = Code(.badTrustFile)
    /// The text can't carry a signature: it doesn't end with a newline, or is too large.
    public static let badText = Code(.badText)
    /// OpenSSL refused for another reason.
    public static let cryptography = Code(.cryptography)

    public var description: String { kind.rawValue }
  }

  public let code: Code
  /// What was being done, such as "reading the signing key".
  public let operation: String
  /// What was wrong, in words for the person who can mend it.
  public let message: String

  public init(_ code: Code, _ operation: String, _ message: String) {
    self.code = code
    self.operation = operation
    self.message = message
  }

  public var description: String { "\(operation): \(message)" }
}
