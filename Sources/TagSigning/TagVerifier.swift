/// Who signed a tag.
public struct TagSignature: Hashable, Sendable {
  public let format: SignatureFormat
  /// The principal of the allowed signers file, or the subject of the certificate (RFC 2253).
  public let identity: String
  public let algorithm: KeyAlgorithm
  /// `SHA256:…` of the public key, as `ssh-keygen -l` prints it.
  public let keyFingerprint: String
  /// `SHA256:…` of the certificate in hexadecimal; nil for SSH signatures.
  public let certificateFingerprint: String?
  /// The time that validity was judged at: the tagger's, in seconds since 1970.
  public let taggerTime: Int64
}

/// Checks the signatures of tags against those who are trusted.
public struct TagVerifier: Sendable {
  private let allowedSigners: AllowedSigners?
  private let certificates: CertificateTrust?
  private let revokedKeys: RevokedKeys

  /// - Parameters:
  ///   - allowedSigners: who is trusted to make SSH signatures; nil trusts nobody.
  ///   - certificates: which authorities are trusted for X.509 signatures; nil trusts none.
  ///   - revokedKeys: keys that count no longer, SSH and X.509 alike.
  public init(
    allowedSigners: AllowedSigners? = nil, certificates: CertificateTrust? = nil,
    revokedKeys: RevokedKeys = RevokedKeys()
  ) {
    self.allowedSigners = allowedSigners
    self.certificates = certificates
    self.revokedKeys = revokedKeys
  }

  /// Verifies a tag as `git verify-tag` does.
  ///
  /// Validity is judged at the tagger's time, which the signer wrote: a key that was stolen must be revoked, it
  /// isn't enough that it has expired.
  ///
  /// - Parameters:
  ///   - tag: the whole tag object.
  ///   - taggerTime: the tagger's time in that object, in seconds since 1970.
  ///   - expected: who must have signed: a principal, or a certificate's subject or one of its e-mail addresses.
  ///     Nil accepts everyone who is trusted.
  public func verify(
    _ tag: [UInt8], taggerTime: Int64, expecting expected: String? = nil
  ) throws(VerificationFailure) -> TagSignature {
    if tag.count > TagLimits.maximumSize { throw VerificationFailure(.malformed, "the tag is too large") }
    let parts = SignedTag(splitting: tag)
    guard let format = parts.format, let armour = parts.signature else {
      throw VerificationFailure(.unsigned, "the tag has no signature")
    }
    guard let text = parts.signedBytes() else {
      throw VerificationFailure(.malformed, "the tag has more than one gpgsig header")
    }
    switch format {
    case .ssh: return try verifySSH(text, Array(armour), taggerTime, expected)
    case .x509: return try verifyCMS(text, Array(armour), taggerTime, expected)
    case .openpgp: throw VerificationFailure(.unsupportedFormat, "OpenPGP signatures are not verified here")
    }
  }

  // MARK: SSH

  private func verifySSH(
    _ text: [UInt8], _ armour: [UInt8], _ time: Int64, _ expected: String?
  ) throws(VerificationFailure) -> TagSignature {
    guard let allowedSigners else {
      throw VerificationFailure(.notConfigured, "no allowed signers are configured, so nobody is trusted")
    }
    let key = try signer(of: text, armour, allowedSigners)
    if revokedKeys.contains(key) { throw VerificationFailure(.revoked, "the key was revoked", key) }
    let principal = try allowedSigners.principal(of: key, at: time, expecting: expected)
    return TagSignature(
      format: .ssh, identity: principal, algorithm: key.algorithm, keyFingerprint: key.fingerprint,
      certificateFingerprint: nil, taggerTime: time)
  }

  /// The key whose signature was found to be right.
  private func signer(
    of text: [UInt8], _ armour: [UInt8], _ allowedSigners: AllowedSigners
  ) throws(VerificationFailure) -> PublicKey {
    guard let signature = try? SSHSignature(armoured: armour) else {
      throw VerificationFailure(.malformed, "the SSH signature is damaged")
    }
    let key = try publicKey(signature.publicBlob, allowedSigners)
    guard signature.namespace.elementsEqual(SSHSignature.namespace.utf8) else {
      throw VerificationFailure(.wrongNamespace, "the signature was made for another purpose than Git", key)
    }
    guard let signed = try? SSHSignature.signedBytes(text, signature.digest),
      SSHSignatureAlgorithm.verify(signature, of: signed, with: key)
    else { throw VerificationFailure(.badSignature, "the signature is not one of this tag", key) }
    return key
  }

  private func publicKey(
    _ blob: [UInt8], _ allowedSigners: AllowedSigners
  ) throws(VerificationFailure) -> PublicKey {
    if let known = allowedSigners.key(blob: blob) { return known }
    do {
      return try PublicKey(blob: blob)
    } catch {
      let code: VerificationFailure.Code = error.code == .notAKey ? .malformed : .unsupportedKey
      throw VerificationFailure(code, error.message)
    }
  }

  // MARK: X.509

  private func verifyCMS(
    _ text: [UInt8], _ armour: [UInt8], _ time: Int64, _ expected: String?
  ) throws(VerificationFailure) -> TagSignature {
    guard let certificates else {
      throw VerificationFailure(
        .notConfigured, "no certificate authorities are configured, so none is trusted")
    }
    let signature = try CMSSignature(armoured: armour)
    let signer = try signature.signer(of: text)
    try certificates.check(signer, at: time, among: signature, revokedKeys)
    let key = signer.publicKey
    if let expected, signer.subject != expected, !signer.emailAddresses.contains(expected) {
      throw VerificationFailure(
        .wrongPrincipal, "the certificate \(signer.subject) is not \(expected)'s", key)
    }
    return TagSignature(
      format: .x509, identity: signer.subject, algorithm: key.algorithm, keyFingerprint: key.fingerprint,
      certificateFingerprint: signer.fingerprint, taggerTime: time)
  }
}
