internal import COpenSSL

/// The message digests that signatures here are made with or accepted with.
enum DigestAlgorithm: String, CaseIterable {
  case sha256, sha384, sha512

  /// A constant of OpenSSL's, never freed.
  var evp: OpaquePointer? {
    switch self {
    case .sha256: EVP_sha256()
    case .sha384: EVP_sha384()
    case .sha512: EVP_sha512()
    }
  }

  /// The digest of `message`. OpenSSL: `EVP_Digest`.
  func digest(of message: some Collection<UInt8>) throws(SigningError) -> [UInt8] {
    let input = Array(message)
    var output = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    try OpenSSLCall.status("computing \(rawValue)") {
      EVP_Digest(input, input.count, &output, &count, evp, nil)
    }
    return Array(output.prefix(Int(count)))
  }
}

extension KeyAlgorithm {
  /// What an SSH signature by such a key is made with (RFC 5656, section 6.2.1; RFC 8332); nil for Ed25519,
  /// which has its own inside.
  var sshDigest: DigestAlgorithm? {
    switch self {
    case .ed25519: nil
    case .ecdsa(.p256): .sha256
    case .ecdsa(.p384): .sha384
    case .ecdsa(.p521), .rsa: .sha512
    }
  }

  /// What a CMS signature by such a key is made with; nil where gpgsm, which Git calls to verify, can't: it knows
  /// no Ed25519 in CMS, and refuses P-521 because its size isn't a whole number of bytes (GnuPG 2.2.40).
  var cmsDigest: DigestAlgorithm? {
    switch self {
    case .ed25519, .ecdsa(.p521): nil
    case .ecdsa(.p256), .rsa: .sha256
    case .ecdsa(.p384): .sha384
    }
  }
}
