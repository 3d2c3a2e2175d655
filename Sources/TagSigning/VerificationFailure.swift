/// Why a tag isn't accepted as signed.
public struct VerificationFailure: Error, Hashable, Sendable, CustomStringConvertible {
  /// What kind of reason it is, for programs.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    private enum Kind: String {
      case unsigned, unsupportedFormat, malformed, unsupportedKey, badSignature, wrongNamespace, unknownKey
      case wrongPrincipal, notYetValid, expired, revoked, untrustedCertificate, unsuitableCertificate
      case weakAlgorithm, notConfigured
    }
    private let kind: Kind
    private init(_ kind: Kind) { self.kind = kind }

    /// The tag has no signature.
    public static let unsigned = Code(.unsigned)
    /// The signature is of a kind that isn't verified here (OpenPGP).
    public static let unsupportedFormat = Code(.unsupportedFormat)
    /// The signature can't be read: truncated, damaged, or in an encoding that isn't allowed.
    public static let malformed = Code(.malformed)
    /// The signer's key is of a kind that isn't supported.
    public static let unsupportedKey = Code(.unsupportedKey)
    /// The signature doesn't belong to this text, or was changed.
    public static let badSignature = Code(.badSignature)
    /// The signature was made for another purpose than Git, or the key may not sign for Git.
    public static let wrongNamespace = Code(.wrongNamespace)
    /// The signature is right, but nobody that is trusted has this key.
    public static let unknownKey = Code(.unknownKey)
    /// The signature is right, but by somebody else than expected.
    public static let wrongPrincipal = Code(.wrongPrincipal)
    /// At the tagger's time the key or a certificate was not valid yet.
    public static let notYetValid = Code(.notYetValid)
    /// At the tagger's time the key or a certificate had expired.
    public static let expired = Code(.expired)
    /// The key was revoked.
    public static let revoked = Code(.revoked)
    /// No chain of certificates leads to a trusted one.
    public static let untrustedCertificate = Code(.untrustedCertificate)
    /// The certificate's key usage doesn't allow signatures.
    public static let unsuitableCertificate = Code(.unsuitableCertificate)
    /// The signature uses a digest that is too weak.
    public static let weakAlgorithm = Code(.weakAlgorithm)
    /// Signatures of this kind can't be verified because nothing says whom to trust.
    public static let notConfigured = Code(.notConfigured)

    public var description: String { kind.rawValue }
  }

  public let code: Code
  public let message: String
  /// The fingerprint of the key that the signature names, where it could be read. Unless the code says that the
  /// signature itself was right, this is a claim and not a finding.
  public let keyFingerprint: String?

  init(_ code: Code, _ message: String, _ key: PublicKey? = nil) {
    self.code = code
    self.message = message
    keyFingerprint = key?.fingerprint
  }

  public var description: String { message }
}
