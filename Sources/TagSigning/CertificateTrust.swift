internal import COpenSSL

/// The certificate authorities whose certificates may sign.
// Unchecked because of the pointer: OpenSSL guards a certificate store with a lock of its own.
public final class CertificateTrust: @unchecked Sendable {
  private let store: OpaquePointer
  /// The certificates of the bundle.
  public let authorities: [Certificate]

  /// Reads a CA bundle: certificates in PEM. A chain has to end at a self-signed one of them.
  ///
  /// - Throws: ``SigningError`` with `badTrustFile`.
  public init(bundle: [UInt8]) throws(SigningError) {
    let operation = "reading the certificate authorities"
    do {
      authorities = try Certificate.read(pem: bundle)
    } catch {
      throw SigningError(.badTrustFile, operation, error.message)
    }
    store = try OpenSSLCall.pointer(operation) { X509_STORE_new() }
    for authority in authorities {
      try authority.withPointer { (certificate) throws(SigningError) in
        // The store takes a reference of its own.
        _ = try OpenSSLCall.status(operation) { X509_STORE_add_cert(store, certificate) }
      }
    }
  }

  deinit { X509_STORE_free(store) }

  // MARK: Checking

  /// Checks the chain from a signer's certificate to an authority, with all validities at one time.
  ///
  /// OpenSSL: `X509_verify_cert`.
  func check(
    _ signer: Certificate, at time: Int64, among message: CMSSignature, _ revokedKeys: RevokedKeys
  ) throws(VerificationFailure) {
    guard signer.maySign else {
      throw VerificationFailure(
        .unsuitableCertificate, "the certificate's key usage does not allow signing", signer.publicKey)
    }
    guard let context = X509_STORE_CTX_new() else {
      throw VerificationFailure(.untrustedCertificate, "out of memory", signer.publicKey)
    }
    defer { X509_STORE_CTX_free(context) }
    try message.withCertificates { (others) throws(VerificationFailure) in
      try signer.withPointer { (certificate) throws(VerificationFailure) in
        let isTrusted = OpenSSLCall.succeeds {
          guard X509_STORE_CTX_init(context, store, certificate, others) > 0 else { return 0 }
          Self.setParameters(context, time)
          return X509_verify_cert(context)
        }
        if !isTrusted { throw Self.failure(context, signer) }
        if revokedKeys.count > 0 { try Self.checkRevocation(context, signer, revokedKeys) }
      }
    }
  }

  private static func setParameters(_ context: OpaquePointer, _ time: Int64) {
    let parameters = X509_STORE_CTX_get0_param(context)
    X509_VERIFY_PARAM_set_time(parameters, time_t(time))
    // The signer's own key usage is checked before; this leaves the rules for authorities.
    X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_ANY)
    // 112 bits: RSA from 2048 bits, SHA-2.
    X509_VERIFY_PARAM_set_auth_level(parameters, 2)
  }

  private static func failure(_ context: OpaquePointer, _ signer: Certificate) -> VerificationFailure {
    let error = X509_STORE_CTX_get_error(context)
    let code: VerificationFailure.Code =
      switch error {
      case X509_V_ERR_CERT_HAS_EXPIRED: .expired
      case X509_V_ERR_CERT_NOT_YET_VALID: .notYetValid
      default: .untrustedCertificate
      }
    let reason = String(cString: X509_verify_cert_error_string(Int(error)))
    return VerificationFailure(code, "the certificate \(signer.subject): \(reason)", signer.publicKey)
  }

  private static func checkRevocation(
    _ context: OpaquePointer, _ signer: Certificate, _ revokedKeys: RevokedKeys
  ) throws(VerificationFailure) {
    let chain = X509_STORE_CTX_get0_chain(context)
    for index in 0..<stagekeeper_certificates_count(chain) {
      guard let certificate = stagekeeper_certificates_at(chain, index), X509_up_ref(certificate) == 1,
        // An authority with a kind of key that can't be listed can't have been revoked by its key either.
        let member = try? Certificate(takingOwnership: certificate), revokedKeys.contains(member.publicKey)
      else { continue }
      throw VerificationFailure(.revoked, "the key of \(member.subject) was revoked", signer.publicKey)
    }
  }
}
