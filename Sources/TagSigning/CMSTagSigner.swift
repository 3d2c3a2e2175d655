internal import COpenSSL

/// Signs with the key of an X.509 certificate, in the form of `gpg.format=x509`: a detached CMS SignedData
/// (RFC 5652) in a PEM block `SIGNED MESSAGE`.
public struct CMSTagSigner: TagSigner {
  static let armour = Armour(label: "SIGNED MESSAGE")
  private static let lineLength = 64
  private static let operation = "signing a tag"

  private let key: SigningKey
  private let digest: DigestAlgorithm
  /// The certificate of the key that signs.
  public let certificate: Certificate
  /// What is sent along so that verifiers find the way to their root.
  public let chain: [Certificate]

  public var format: SignatureFormat { .x509 }
  public var publicKey: PublicKey { key.publicKey }

  /// - Parameters:
  ///   - key: RSA, or ECDSA on P-256 or P-384; gpgsm, which Git calls to verify, can't do the others.
  ///   - certificate: the signer's certificate in PEM. Further certificates in it are taken as chain.
  ///   - chain: intermediate certificates in PEM.
  ///   - now: seconds since 1970; all certificates have to be valid then.
  /// - Throws: ``SigningError`` with `unsupportedKey`, `badCertificate`, `keyMismatch`, `certificateNotValid`
  ///   or `unsuitableCertificate`.
  public init(
    key: SigningKey, certificate: [UInt8], chain: [UInt8] = [], now: Int64
  ) throws(SigningError) {
    guard let digest = key.algorithm.cmsDigest else {
      throw SigningError(
        .unsupportedKey, "preparing X.509 signatures",
        "\(key.algorithm) keys make SSH signatures only (RSA, P-256 and P-384 make both)")
    }
    let own = try Certificate.read(pem: certificate)
    self.key = key
    self.digest = digest
    self.certificate = own[0]
    self.chain = Array(own.dropFirst()) + (chain.isEmpty ? [] : try Certificate.read(pem: chain))
    try check(now: now)
  }

  private func check(now: Int64) throws(SigningError) {
    let operation = "checking the certificate \(certificate.subject)"
    guard certificate.publicKey == key.publicKey else {
      throw SigningError(
        .keyMismatch, operation,
        "it is for the key \(certificate.publicKey.fingerprint), but the signing key is \(publicKey.fingerprint)"
      )
    }
    guard certificate.maySign else {
      throw SigningError(.unsuitableCertificate, operation, "its key usage does not allow signing")
    }
    for each in [certificate] + chain { try each.checkValidity(at: now) }
  }

  /// The tagger's time is written as the signing time, so that with RSA the same text gives the same bytes.
  public func sign(_ text: [UInt8], taggerTime: Int64) throws(SigningError) -> [UInt8] {
    try TagLimits.checkSignable(text)
    let message = try makeMessage(taggerTime)
    defer { CMS_ContentInfo_free(message) }
    try text.withUnsafeBufferPointer { (bytes) throws(SigningError) in
      let bio = try OpenSSLCall.pointer(Self.operation) {
        BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count))
      }
      defer { BIO_free_all(bio) }
      try OpenSSLCall.status(Self.operation) { CMS_final(message, bio, nil, Self.flags) }
    }
    return Self.armour.wrap(try Self.encode(message), lineLength: Self.lineLength)
  }

  private static var flags: UInt32 { UInt32(CMS_DETACHED | CMS_BINARY | CMS_NOSMIMECAP | CMS_PARTIAL) }

  /// A message with signer and certificates, still without content. The caller owns it.
  private func makeMessage(_ taggerTime: Int64) throws(SigningError) -> OpaquePointer {
    let message = try OpenSSLCall.pointer(Self.operation) { CMS_sign(nil, nil, nil, nil, Self.flags) }
    do {
      for each in chain {
        try each.withPointer { (pointer) throws(SigningError) in
          _ = try OpenSSLCall.status(Self.operation) { CMS_add1_cert(message, pointer) }
        }
      }
      try setTime(try addSigner(to: message), taggerTime)
    } catch {
      CMS_ContentInfo_free(message)
      throw error
    }
    return message
  }

  /// The signer belongs to the message.
  private func addSigner(to message: OpaquePointer) throws(SigningError) -> OpaquePointer {
    try certificate.withPointer { (certificate) throws(SigningError) in
      try key.evp.withPointer { (key) throws(SigningError) in
        try OpenSSLCall.pointer(Self.operation) {
          CMS_add1_signer(message, certificate, key, digest.evp, Self.flags)
        }
      }
    }
  }

  private func setTime(_ signer: OpaquePointer, _ seconds: Int64) throws(SigningError) {
    ERR_clear_error()
    // UTCTime until 2049, GeneralizedTime from 2050, as RFC 5652, section 11.3, has it.
    guard let time = ASN1_TIME_set(nil, time_t(seconds)) else {
      throw SigningError(.cryptography, Self.operation, "the time \(seconds) can't be written")
    }
    defer { ASN1_TIME_free(time) }
    try OpenSSLCall.status(Self.operation) {
      CMS_signed_add1_attr_by_NID(signer, NID_pkcs9_signingTime, time.pointee.type, time, -1)
    }
  }

  private static func encode(_ message: OpaquePointer) throws(SigningError) -> [UInt8] {
    var memory: UnsafeMutablePointer<UInt8>?
    let count = try OpenSSLCall.status(operation) { i2d_CMS_ContentInfo(message, &memory) }
    defer { stagekeeper_openssl_free(memory) }
    return Array(UnsafeBufferPointer(start: memory, count: Int(count)))
  }
}

extension Certificate {
  fileprivate func checkValidity(at now: Int64) throws(SigningError) {
    let operation = "checking the certificate \(subject)"
    if now < notBefore {
      throw SigningError(.certificateNotValid, operation, "it is not valid yet")
    }
    if now > notAfter { throw SigningError(.certificateNotValid, operation, "it has expired") }
  }
}
