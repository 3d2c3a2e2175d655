public import SystemCalls

/// A private key that signs tags, made once and used for as long as it is configured.
public struct SigningKey: Sendable {
  let evp: EVPKey
  /// The public half.
  public let publicKey: PublicKey

  public var algorithm: KeyAlgorithm { evp.algorithm }

  /// Reads a private key: Ed25519, ECDSA P-256, P-384 or P-521, or RSA from 2048 bits, in OpenSSH's own format
  /// without encryption, or in PEM (PKCS#8, also encrypted, or the older RSA and EC forms).
  ///
  /// The key signs and verifies a trial text, so that a damaged one is found here and not at the first tag.
  ///
  /// - Parameters:
  ///   - file: the whole content of the key file.
  ///   - passphrase: opens an encrypted PEM key; ignored for a key that isn't encrypted. At most 1024 bytes.
  /// - Throws: ``SigningError`` with `notAKey`, `unsupportedKey`, `weakKey`, `passphraseRequired`,
  ///   `wrongPassphrase`, `encryptedOpenSSHKey` or `keyMismatch`. Nobody is ever asked on a terminal.
  public init(file: SecretBytes, passphrase: SecretBytes? = nil) throws(SigningError) {
    evp = try PrivateKeyFile.makeKey(file, passphrase: passphrase)
    publicKey = try PublicKey(of: evp)
    try tryOut()
  }

  /// Reads the key file and, where there is one, the file with its passphrase.
  ///
  /// - Throws: what ``KeyFile/readSecret(_:)`` and ``init(file:passphrase:)`` throw.
  public init(path: String, passphrasePath: String? = nil) throws(SigningError) {
    var passphrase: SecretBytes?
    if let passphrasePath { passphrase = try KeyFile.readSecret(passphrasePath).withoutTrailingNewline() }
    try self.init(file: try KeyFile.readSecret(path), passphrase: passphrase)
  }

  private func tryOut() throws(SigningError) {
    let text = Array("trial".utf8)
    let digest = algorithm.sshDigest
    // From the encoded form, so that the public half is taken from what others will see.
    let publicHalf = try PublicKeyBlob.makeKey(publicKey.blob)
    guard publicHalf.verify(try evp.sign(text, digest), of: text, digest) else {
      throw SigningError(
        .keyMismatch, PrivateKeyFile.operation, "the private and public halves do not belong together")
    }
  }
}
