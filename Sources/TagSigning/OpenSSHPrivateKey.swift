internal import COpenSSL
internal import SystemCalls

/// Reads OpenSSH's own private key format (PROTOCOL.key in OpenSSH), unencrypted.
enum OpenSSHPrivateKey {
  static let label = "OPENSSH PRIVATE KEY"
  private static let magic = Array("openssh-key-v1\0".utf8)
  private static let operation = PrivateKeyFile.operation

  static func makeKey(_ file: UnsafeRawBufferPointer) throws(SigningError) -> EVPKey {
    guard let body = body(of: file), let bytes = Base64.decodeSecret(body) else { throw damaged() }
    do {
      return try bytes.withUnsafeBytes { (bytes) throws in try parse(bytes) }
    } catch let error as SigningError {
      throw error
    } catch {
      throw damaged()
    }
  }

  private static func body(of file: UnsafeRawBufferPointer) -> Slice<UnsafeRawBufferPointer>? {
    Armour(label: label).body(in: file[...])
  }

  private static func damaged() -> SigningError {
    SigningError(.notAKey, operation, "the key in OpenSSH's format is damaged")
  }

  // MARK: The envelope

  private static func parse(_ bytes: UnsafeRawBufferPointer) throws -> EVPKey {
    var reader = SSHReader(bytes)
    guard try reader.bytes(magic.count).elementsEqual(magic) else { throw SSHReader.Malformed() }
    let cipher = try reader.name()
    let derivation = (function: try reader.name(), options: try reader.string())
    guard try reader.uint32() == 1 else {
      throw SigningError(.unsupportedKey, operation, "a file with more than one key is not supported")
    }
    let publicBlob = Array(try reader.string())
    if cipher != "none" { throw encrypted(publicBlob) }
    guard derivation.function == "none", derivation.options.isEmpty else { throw SSHReader.Malformed() }
    var secrets = SSHReader(try reader.string())
    let key = try privateSection(&secrets)
    guard try PublicKeyBlob.encode(key) == publicBlob else {
      throw SigningError(
        .keyMismatch, operation, "the file's private and public halves do not belong together")
    }
    return key
  }

  /// OpenSSL has no bcrypt-pbkdf. The public half tells which conversion ssh-keygen can do.
  private static func encrypted(_ publicBlob: [UInt8]) -> SigningError {
    let isEd25519 = (try? PublicKey(blob: publicBlob))?.algorithm == .ed25519
    let command =
      isEd25519
      ? "take the passphrase off once with: ssh-keygen -p -N '' -f FILE (and keep the file to its owner, mode 600)"
      : "convert it once with: ssh-keygen -p -m PKCS8 -f FILE"
    return SigningError(
      .encryptedOpenSSHKey, operation,
      "an encrypted key in OpenSSH's own format is not supported; \(command)")
  }

  // MARK: The private section

  private static func privateSection(_ reader: inout SSHReader) throws -> EVPKey {
    guard try reader.uint32() == reader.uint32() else { throw SSHReader.Malformed() }
    let type = try reader.name()
    let key = try privateKey(type, &reader)
    _ = try reader.string()  // the comment
    for (index, byte) in reader.remaining.enumerated() where byte != UInt8(truncatingIfNeeded: index + 1) {
      throw SSHReader.Malformed()
    }
    return key
  }

  private static func privateKey(_ type: String, _ reader: inout SSHReader) throws -> EVPKey {
    switch type {
    case KeyAlgorithm.ed25519.sshName: return try ed25519(&reader)
    case "ssh-rsa": return try rsa(&reader)
    default:
      guard let curve = KeyAlgorithm.Curve(sshKeyType: type) else {
        let shown = String(type.prefix(60))
        throw SigningError(.unsupportedKey, operation, "keys of type \(shown) are not supported")
      }
      return try ecdsa(curve, &reader)
    }
  }

  /// The public key, then 64 bytes: the seed and the public key again.
  private static func ed25519(_ reader: inout SSHReader) throws -> EVPKey {
    _ = try reader.string()
    let secret = try reader.string()
    guard secret.count == 64 else { throw SSHReader.Malformed() }
    let key = try OpenSSLCall.pointer(operation, code: .notAKey) {
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, secret.baseAddress, 32)
    }
    return try EVPKey(takingOwnership: key, operation)
  }

  private static func ecdsa(_ curve: KeyAlgorithm.Curve, _ reader: inout SSHReader) throws -> EVPKey {
    guard try reader.name() == curve.sshName else { throw SSHReader.Malformed() }
    let point = Array(try reader.string())
    var parameters = try KeyParameters(operation)
    try parameters.add(OSSL_PKEY_PARAM_PRIV_KEY, try reader.unsignedInteger())
    return try parameters.makeKey("EC", private: true, group: curve.opensslName, point: point)
  }

  // The names of the primes and what follows from them are macros that Swift doesn't see: EVP_PKEY-RSA(7).
  private static func rsa(_ reader: inout SSHReader) throws -> EVPKey {
    let modulus = try reader.unsignedInteger()
    let exponent = try reader.unsignedInteger()
    let privateExponent = try reader.unsignedInteger()
    let coefficient = try reader.unsignedInteger()
    let firstPrime = try reader.unsignedInteger()
    let secondPrime = try reader.unsignedInteger()
    var parameters = try KeyParameters(operation)
    try parameters.add(OSSL_PKEY_PARAM_RSA_N, modulus)
    try parameters.add(OSSL_PKEY_PARAM_RSA_E, exponent)
    try parameters.add(OSSL_PKEY_PARAM_RSA_D, privateExponent)
    try parameters.add("rsa-factor1", firstPrime)
    try parameters.add("rsa-factor2", secondPrime)
    for (name, prime) in [
      ("rsa-exponent1", firstPrime), ("rsa-exponent2", secondPrime),
    ] {
      try parameters.add(name, takingOwnership: try remainder(privateExponent, prime))
    }
    try parameters.add("rsa-coefficient1", coefficient)
    return try parameters.makeKey("RSA", private: true)
  }

  /// `exponent` modulo `prime` - 1, which OpenSSH doesn't store. The caller owns the number.
  private static func remainder(
    _ exponent: UnsafeRawBufferPointer, _ prime: UnsafeRawBufferPointer
  ) throws(SigningError) -> OpaquePointer {
    let dividend = try KeyParameters.number(exponent, operation)
    defer { BN_clear_free(dividend) }
    let divisor = try KeyParameters.number(prime, operation)
    defer { BN_clear_free(divisor) }
    let context = try OpenSSLCall.pointer(operation) { BN_CTX_secure_new() }
    defer { BN_CTX_free(context) }
    return try OpenSSLCall.pointer(operation, code: .notAKey) {
      guard let result = BN_secure_new() else { return nil }
      BN_set_flags(result, BN_FLG_CONSTTIME)
      if BN_sub_word(divisor, 1) > 0, BN_div(nil, result, dividend, divisor, context) > 0 { return result }
      BN_clear_free(result)
      return nil
    }
  }
}
