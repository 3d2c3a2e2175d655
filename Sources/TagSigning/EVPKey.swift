internal import COpenSSL

/// Owns one `EVP_PKEY`, public or private.
// Unchecked because of the pointer: OpenSSL only reads a key once it is made, which is safe from any thread.
final class EVPKey: @unchecked Sendable {
  private let pointer: OpaquePointer
  let algorithm: KeyAlgorithm

  /// Takes over one reference, also when it throws.
  init(takingOwnership pointer: OpaquePointer, _ operation: String) throws(SigningError) {
    do {
      algorithm = try Self.algorithm(of: pointer, operation)
    } catch {
      EVP_PKEY_free(pointer)
      throw error
    }
    self.pointer = pointer
  }

  deinit { EVP_PKEY_free(pointer) }

  /// Lends the pointer for one call.
  func withPointer<Result, Failure: Error>(
    _ body: (OpaquePointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(self) {} }
    return try body(pointer)
  }

  // MARK: Algorithm

  private static func algorithm(
    of key: OpaquePointer, _ operation: String
  ) throws(SigningError) -> KeyAlgorithm {
    switch EVP_PKEY_get_base_id(key) {
    case EVP_PKEY_ED25519: return .ed25519
    case EVP_PKEY_EC: return .ecdsa(try curve(of: key, operation))
    case EVP_PKEY_RSA: return try rsa(bits: Int(EVP_PKEY_get_bits(key)), operation)
    default:
      let name = EVP_PKEY_get0_type_name(key).map { String(cString: $0) } ?? "unknown"
      throw SigningError(
        .unsupportedKey, operation,
        "\(name) keys are not supported (Ed25519, ECDSA P-256/384/521 and RSA are)")
    }
  }

  private static func rsa(bits: Int, _ operation: String) throws(SigningError) -> KeyAlgorithm {
    if bits < KeyAlgorithm.minimumRSABits {
      let least = KeyAlgorithm.minimumRSABits
      throw SigningError(.weakKey, operation, "an RSA key of \(bits) bits is too weak, \(least) is the least")
    }
    if bits > KeyAlgorithm.maximumRSABits {
      throw SigningError(.unsupportedKey, operation, "an RSA key of \(bits) bits is too large")
    }
    return .rsa(bits: bits)
  }

  private static func curve(
    of key: OpaquePointer, _ operation: String
  ) throws(SigningError) -> KeyAlgorithm.Curve {
    var name = [CChar](repeating: 0, count: 80)
    let named = OpenSSLCall.succeeds { EVP_PKEY_get_group_name(key, &name, name.count, nil) }
    let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    guard named, let curve = KeyAlgorithm.Curve.allCases.first(where: { $0.opensslName == text }) else {
      let shown = named ? text : "without a name"
      throw SigningError(
        .unsupportedKey, operation, "the curve \(shown) is not supported (P-256, P-384 and P-521 are)")
    }
    return curve
  }
}

// MARK: Signatures

extension EVPKey {
  /// Signs as the algorithm does it by itself: raw for Ed25519, DER for ECDSA, PKCS #1 v1.5 for RSA.
  /// OpenSSL: `EVP_DigestSign`.
  func sign(_ message: [UInt8], _ digest: DigestAlgorithm?) throws(SigningError) -> [UInt8] {
    let operation = "signing with the \(algorithm) key"
    let context = try OpenSSLCall.pointer(operation) { EVP_MD_CTX_new() }
    defer { EVP_MD_CTX_free(context) }
    var count = 0
    var signature: [UInt8] = []
    try withPointer { (key) throws(SigningError) in
      try OpenSSLCall.status(operation) { EVP_DigestSignInit(context, nil, digest?.evp, nil, key) }
      count = Int(EVP_PKEY_get_size(key))
      signature = [UInt8](repeating: 0, count: count)
      try OpenSSLCall.status(operation) {
        EVP_DigestSign(context, &signature, &count, message, message.count)
      }
    }
    return Array(signature.prefix(count))
  }

  /// Whether the signature is right. OpenSSL: `EVP_DigestVerify`.
  func verify(_ signature: [UInt8], of message: [UInt8], _ digest: DigestAlgorithm?) -> Bool {
    guard let context = EVP_MD_CTX_new() else { return false }
    defer { EVP_MD_CTX_free(context) }
    return withPointer { key in
      OpenSSLCall.succeeds { EVP_DigestVerifyInit(context, nil, digest?.evp, nil, key) }
        && OpenSSLCall.succeeds {
          EVP_DigestVerify(context, signature, signature.count, message, message.count)
        }
    }
  }
}
