internal import COpenSSL

/// A detached CMS SignedData (RFC 5652) with one signer. Confined to the call that verifies it.
final class CMSSignature {
  private let pointer: OpaquePointer

  /// Reads the PEM block `SIGNED MESSAGE`.
  init(armoured text: [UInt8]) throws(VerificationFailure) {
    guard let body = CMSTagSigner.armour.body(in: text), let bytes = Base64.decode(body),
      let pointer = Self.decode(bytes)
    else { throw Self.damaged() }
    self.pointer = pointer
    guard OBJ_obj2nid(CMS_get0_type(pointer)) == NID_pkcs7_signed, CMS_is_detached(pointer) == 1 else {
      throw VerificationFailure(.malformed, "the CMS message is not a detached signature")
    }
  }

  deinit { CMS_ContentInfo_free(pointer) }

  private static func damaged() -> VerificationFailure {
    VerificationFailure(.malformed, "the CMS signature is damaged")
  }

  private static func decode(_ bytes: [UInt8]) -> OpaquePointer? {
    ERR_clear_error()
    defer { ERR_clear_error() }
    return bytes.withUnsafeBufferPointer {
      var start = $0.baseAddress
      guard let message = d2i_CMS_ContentInfo(nil, &start, $0.count) else { return nil }
      if let start, let first = $0.baseAddress, start == first + $0.count { return message }
      CMS_ContentInfo_free(message)
      return nil
    }
  }

  // MARK: The signer

  /// The certificate whose key signed the text. Whether it is trusted is another question.
  ///
  /// OpenSSL: `CMS_verify`.
  func signer(of text: [UInt8]) throws(VerificationFailure) -> Certificate {
    try checkAlgorithm()
    let flags = UInt32(CMS_BINARY | CMS_DETACHED | CMS_NO_SIGNER_CERT_VERIFY)
    let isRight = text.withUnsafeBufferPointer { bytes in
      guard let bio = Self.reader(bytes) else { return false }
      defer { BIO_free_all(bio) }
      return OpenSSLCall.succeeds { CMS_verify(pointer, nil, nil, bio, nil, flags) }
    }
    let certificate = try signerCertificate()
    if isRight { return certificate }
    throw VerificationFailure(.badSignature, "the signature is not one of this tag", certificate.publicKey)
  }

  /// The text behind a filter that changes nothing. Of a plain memory BIO `CMS_verify` makes another one, which it does
  /// not free where the message names a digest that it doesn't know (OpenSSL 3.0, cms_smime.c).
  private static func reader(_ bytes: UnsafeBufferPointer<UInt8>) -> OpaquePointer? {
    guard let filter = BIO_new(BIO_f_null()) else { return nil }
    guard let memory = BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)) else {
      BIO_free_all(filter)
      return nil
    }
    return BIO_push(filter, memory)
  }

  private func checkAlgorithm() throws(VerificationFailure) {
    let signers = CMS_get0_SignerInfos(pointer)
    guard stagekeeper_signers_count(signers) == 1, let signer = stagekeeper_signers_at(signers, 0) else {
      throw VerificationFailure(.malformed, "the CMS signature does not have exactly one signer")
    }
    var algorithm: UnsafeMutablePointer<X509_ALGOR>?
    CMS_SignerInfo_get0_algs(signer, nil, nil, &algorithm, nil)
    let digest = algorithm.map { OBJ_obj2nid($0.pointee.algorithm) } ?? NID_undef
    guard [NID_sha256, NID_sha384, NID_sha512].contains(digest) else {
      throw VerificationFailure(.weakAlgorithm, "the signature uses a digest other than SHA-2")
    }
  }

  private func signerCertificate() throws(VerificationFailure) -> Certificate {
    // The stack is ours, the certificates in it are the message's.
    guard let signers = CMS_get0_signers(pointer) else { throw Self.noCertificate() }
    defer { stagekeeper_certificates_free_stack(signers) }
    guard let first = stagekeeper_certificates_at(signers, 0), X509_up_ref(first) == 1 else {
      throw Self.noCertificate()
    }
    do {
      return try Certificate(takingOwnership: first)
    } catch {
      let code: VerificationFailure.Code = error.code == .badCertificate ? .malformed : .unsupportedKey
      throw VerificationFailure(code, error.message)
    }
  }

  private static func noCertificate() -> VerificationFailure {
    VerificationFailure(.untrustedCertificate, "the signature does not carry its signer's certificate")
  }

  /// Lends the certificates that the message brings along, none of them trusted.
  func withCertificates<Result, Failure: Error>(
    _ body: (OpaquePointer?) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let certificates = CMS_get1_certs(pointer)
    defer { stagekeeper_certificates_free(certificates) }
    return try body(certificates)
  }
}
