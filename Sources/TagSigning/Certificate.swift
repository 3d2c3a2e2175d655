internal import COpenSSL
internal import Glibc

/// An X.509 certificate.
// Unchecked because of the pointer: OpenSSL guards what it caches in a certificate with a lock of its own.
public final class Certificate: @unchecked Sendable {
  private let pointer: OpaquePointer
  /// The key that the certificate is for.
  public let publicKey: PublicKey
  /// The subject's distinguished name as RFC 2253 writes it, such as `CN=Release,O=Example`.
  public let subject: String
  /// The e-mail addresses in the subject and its alternative names.
  public let emailAddresses: [String]
  /// `SHA256:` and the certificate's digest in upper-case hexadecimal.
  public let fingerprint: String
  /// The first second of its validity, since 1970.
  public let notBefore: Int64
  /// The last second of its validity, since 1970.
  public let notAfter: Int64

  private static let operation = "reading a certificate"

  /// Takes over one reference, also when it throws.
  init(takingOwnership pointer: OpaquePointer) throws(SigningError) {
    do {
      publicKey = try Self.publicKey(of: pointer)
      subject = try Self.name(X509_get_subject_name(pointer))
      emailAddresses = Self.emailAddresses(of: pointer)
      fingerprint = try Self.fingerprint(of: pointer)
      notBefore = try Self.seconds(X509_get0_notBefore(pointer))
      notAfter = try Self.seconds(X509_get0_notAfter(pointer))
    } catch {
      X509_free(pointer)
      throw error
    }
    self.pointer = pointer
  }

  deinit { X509_free(pointer) }

  /// Lends the pointer for one call.
  func withPointer<Result, Failure: Error>(
    _ body: (OpaquePointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(self) {} }
    return try body(pointer)
  }

  // MARK: Parts

  private static func publicKey(of certificate: OpaquePointer) throws(SigningError) -> PublicKey {
    // X509_get_pubkey returns a reference of its own.
    let key = try OpenSSLCall.pointer(operation, code: .badCertificate) { X509_get_pubkey(certificate) }
    return try PublicKey(of: try EVPKey(takingOwnership: key, operation))
  }

  private static func name(_ name: OpaquePointer?) throws(SigningError) -> String {
    let bio = try OpenSSLCall.pointer(operation) { BIO_new(BIO_s_mem()) }
    defer { BIO_free_all(bio) }
    ERR_clear_error()
    if X509_NAME_print_ex(bio, name, 0, stagekeeper_name_flags) < 0 {
      throw SigningError(.badCertificate, operation, "the subject can't be read")
    }
    return String(decoding: MemoryBIO.bytes(bio), as: UTF8.self)
  }

  private static func emailAddresses(of certificate: OpaquePointer) -> [String] {
    ERR_clear_error()
    guard let strings = stagekeeper_certificate_emails(certificate) else { return [] }
    defer { stagekeeper_strings_free(strings) }
    return (0..<stagekeeper_strings_count(strings)).compactMap { index in
      stagekeeper_strings_at(strings, index).map { String(cString: $0) }
    }
  }

  private static func fingerprint(of certificate: OpaquePointer) throws(SigningError) -> String {
    var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    try OpenSSLCall.status(operation) { X509_digest(certificate, EVP_sha256(), &digest, &count) }
    let digits = Array("0123456789ABCDEF".utf8)
    let text = digest.prefix(Int(count)).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    return "SHA256:" + String(decoding: text, as: UTF8.self)
  }

  private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) throws(SigningError) -> Int64 {
    var parts = tm()
    try OpenSSLCall.status(operation, code: .badCertificate) { ASN1_TIME_to_tm(time, &parts) }
    return Int64(timegm(&parts))
  }
}

// MARK: PEM

extension Certificate {
  /// Reads all certificates of a PEM text, in its order; text between them is ignored.
  ///
  /// - Throws: ``SigningError`` with `badCertificate` when there is none or one is damaged.
  public static func read(pem: [UInt8]) throws(SigningError) -> [Certificate] {
    let certificates = try readAll(pem)
    if certificates.isEmpty {
      throw SigningError(.badCertificate, operation, "no PEM block CERTIFICATE found")
    }
    return certificates
  }

  private static func readAll(_ pem: [UInt8]) throws(SigningError) -> [Certificate] {
    try pem.withUnsafeBufferPointer { (bytes) throws(SigningError) in
      let bio = try OpenSSLCall.pointer(operation) {
        BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count))
      }
      defer { BIO_free_all(bio) }
      var certificates: [Certificate] = []
      while let next = try readNext(bio) { certificates.append(try Certificate(takingOwnership: next)) }
      return certificates
    }
  }

  private static func readNext(_ bio: OpaquePointer) throws(SigningError) -> OpaquePointer? {
    ERR_clear_error()
    defer { ERR_clear_error() }
    // Without a callback OpenSSL would ask for a passphrase on the terminal.
    if let certificate = PEM_read_bio_X509(bio, nil, { _, _, _, _ in -1 }, nil) { return certificate }
    let reason = ERR_peek_last_error()
    if ERR_GET_LIB(reason) == ERR_LIB_PEM, ERR_GET_REASON(reason) == PEM_R_NO_START_LINE { return nil }
    throw SigningError(.badCertificate, operation, "a certificate is damaged")
  }

  /// The certificate as a PEM block, ended by a newline.
  public func pem() throws(SigningError) -> String {
    let bio = try OpenSSLCall.pointer("writing a certificate") { BIO_new(BIO_s_mem()) }
    defer { BIO_free_all(bio) }
    try withPointer { (certificate) throws(SigningError) in
      _ = try OpenSSLCall.status("writing a certificate") { PEM_write_bio_X509(bio, certificate) }
    }
    return String(decoding: MemoryBIO.bytes(bio), as: UTF8.self)
  }
}

// MARK: Usage

extension Certificate {
  /// Whether its key usage and extended key usage, where it has them, allow signatures: digital signature or
  /// non-repudiation; e-mail protection, code signing or any (RFC 5280, sections 4.2.1.3 and 4.2.1.12).
  public var maySign: Bool {
    withPointer { certificate in
      let usage = X509_get_key_usage(certificate)
      let extended = X509_get_extended_key_usage(certificate)
      let signs = UInt32(KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)
      let purposes = UInt32(XKU_SMIME | XKU_CODE_SIGN | XKU_ANYEKU)
      // Both functions answer UINT32_MAX where the extension is absent.
      return usage & signs != 0 && extended & purposes != 0
    }
  }
}

/// What was written to a `BIO_s_mem`.
enum MemoryBIO {
  static func bytes(_ bio: OpaquePointer) -> [UInt8] {
    var start: UnsafeMutablePointer<CChar>?
    let count = stagekeeper_bio_memory(bio, &start)
    return Array(UnsafeRawBufferPointer(start: start, count: max(0, Int(count))))
  }
}
