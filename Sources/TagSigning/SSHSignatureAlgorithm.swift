internal import COpenSSL

/// Translates between OpenSSL's signatures and the signature encodings of SSH.
enum SSHSignatureAlgorithm {
  private static let operation = "signing a tag"

  // MARK: Signing

  static func sign(_ bytes: [UInt8], with key: SigningKey) throws(SigningError) -> (
    name: String, value: [UInt8]
  ) {
    let signature = try key.evp.sign(bytes, key.algorithm.sshDigest)
    switch key.algorithm {
    case .ed25519: return (key.algorithm.sshName, signature)
    case .rsa: return ("rsa-sha2-512", signature)
    case .ecdsa: return (key.algorithm.sshName, try sshForm(ofDER: signature))
    }
  }

  /// RFC 5656, section 3.1.2: two numbers instead of DER.
  private static func sshForm(ofDER signature: [UInt8]) throws(SigningError) -> [UInt8] {
    let numbers = try OpenSSLCall.pointer(operation) {
      signature.withUnsafeBufferPointer {
        var start = $0.baseAddress
        return d2i_ECDSA_SIG(nil, &start, $0.count)
      }
    }
    defer { ECDSA_SIG_free(numbers) }
    var writer = SSHWriter()
    for number in [ECDSA_SIG_get0_r(numbers), ECDSA_SIG_get0_s(numbers)] {
      writer.unsignedInteger(number.map(BigNumber.bytes) ?? [])
    }
    return writer.bytes
  }

  // MARK: Verifying

  /// Whether the signature over `bytes` is right and of a kind that this key may make.
  static func verify(_ signature: SSHSignature, of bytes: [UInt8], with key: PublicKey) -> Bool {
    switch (key.algorithm, signature.algorithmName) {
    case (.ed25519, key.algorithm.sshName):
      return key.evp.verify(signature.value, of: bytes, nil)
    case (.rsa(let bits), "rsa-sha2-512"):
      return key.evp.verify(padded(signature.value, bits: bits), of: bytes, .sha512)
    case (.rsa(let bits), "rsa-sha2-256"):
      return key.evp.verify(padded(signature.value, bits: bits), of: bytes, .sha256)
    case (.ecdsa, key.algorithm.sshName):
      guard let der = derForm(of: signature.value) else { return false }
      return key.evp.verify(der, of: bytes, key.algorithm.sshDigest)
    default:
      return false
    }
  }

  /// Some writers drop an RSA signature's leading zeros; OpenSSH puts them back, and so does this.
  private static func padded(_ value: [UInt8], bits: Int) -> [UInt8] {
    [UInt8](repeating: 0, count: max(0, (bits + 7) / 8 - value.count)) + value
  }

  private static func derForm(of value: [UInt8]) -> [UInt8]? {
    try? value.withReader { (reader) throws in
      let (r, s) = (try reader.unsignedInteger(), try reader.unsignedInteger())
      try reader.end()
      return try der(r, s)
    }
  }

  private static func der(
    _ r: UnsafeRawBufferPointer, _ s: UnsafeRawBufferPointer
  ) throws(SigningError) -> [UInt8] {
    let numbers = try OpenSSLCall.pointer(operation) { ECDSA_SIG_new() }
    defer { ECDSA_SIG_free(numbers) }
    try OpenSSLCall.status(operation) { setNumbers(of: numbers, r, s) }
    var memory: UnsafeMutablePointer<UInt8>?
    let count = try OpenSSLCall.status(operation) { i2d_ECDSA_SIG(numbers, &memory) }
    defer { stagekeeper_openssl_free(memory) }
    return Array(UnsafeBufferPointer(start: memory, count: Int(count)))
  }

  /// OpenSSL: `ECDSA_SIG_set0`, which takes over both numbers on success.
  private static func setNumbers(
    of signature: OpaquePointer, _ r: UnsafeRawBufferPointer, _ s: UnsafeRawBufferPointer
  ) -> Int32 {
    let numbers = [r, s].map { BN_bin2bn($0.bindMemory(to: UInt8.self).baseAddress, Int32($0.count), nil) }
    let status = ECDSA_SIG_set0(signature, numbers[0], numbers[1])
    if status != 1 { numbers.forEach { BN_free($0) } }
    return status
  }
}
