/// Makes the signature of a tag.
public protocol TagSigner: Sendable {
  var format: SignatureFormat { get }
  /// The public half of the key that signs.
  var publicKey: PublicKey { get }

  /// Signs a tag's text.
  ///
  /// - Parameters:
  ///   - text: the whole tag object without a signature, up to and including its last newline.
  ///   - taggerTime: the tagger's time, in seconds since 1970.
  /// - Returns: the armoured signature, ended by a newline, to be appended to `text` as it is.
  /// - Throws: ``SigningError``.
  func sign(_ text: [UInt8], taggerTime: Int64) throws(SigningError) -> [UInt8]
}

/// What can be signed and verified at all.
enum TagLimits {
  /// In bytes. Tags are some hundred bytes; this bounds the work that one can cause.
  static let maximumSize = 16 * 1024 * 1024

  /// The armour has to begin on a line of its own, or nobody would find it.
  static func checkSignable(_ text: [UInt8]) throws(SigningError) {
    let operation = "signing a tag"
    if text.last != UInt8(ascii: "\n") {
      throw SigningError(.badText, operation, "the tag's text does not end with a newline")
    }
    if text.count > maximumSize {
      throw SigningError(.badText, operation, "the tag is larger than \(maximumSize) bytes")
    }
  }
}

/// Signs with an SSH key, in the form of `gpg.format=ssh`.
public struct SSHTagSigner: TagSigner {
  private let key: SigningKey

  public init(key: SigningKey) { self.key = key }

  public var format: SignatureFormat { .ssh }
  public var publicKey: PublicKey { key.publicKey }

  /// The time isn't part of an SSH signature, so with Ed25519 and RSA the same text gives the same bytes.
  public func sign(_ text: [UInt8], taggerTime: Int64 = 0) throws(SigningError) -> [UInt8] {
    try TagLimits.checkSignable(text)
    let digest = DigestAlgorithm.sha512
    let (name, value) = try SSHSignatureAlgorithm.sign(try SSHSignature.signedBytes(text, digest), with: key)
    let signature = SSHSignature(
      publicBlob: key.publicKey.blob, namespace: Array(SSHSignature.namespace.utf8), digest: digest,
      algorithmName: name, value: value)
    return signature.armoured()
  }
}
