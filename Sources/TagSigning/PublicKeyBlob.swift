internal import COpenSSL

/// Translates between OpenSSL's keys and the public key encoding of SSH.
enum PublicKeyBlob {
  // MARK: Writing

  static func encode(_ key: EVPKey) throws(SigningError) -> [UInt8] {
    var writer = SSHWriter()
    writer.string(key.algorithm.sshName)
    switch key.algorithm {
    case .ed25519:
      writer.string(try rawPublicKey(key))
    case .ecdsa(let curve):
      writer.string(curve.sshName)
      writer.string(try point(key))
    case .rsa:
      writer.unsignedInteger(try number(key, OSSL_PKEY_PARAM_RSA_E))
      writer.unsignedInteger(try number(key, OSSL_PKEY_PARAM_RSA_N))
    }
    return writer.bytes
  }

  private static let operation = "reading the public key"

  private static func rawPublicKey(_ key: EVPKey) throws(SigningError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 32)
    var count = bytes.count
    try key.withPointer { (key) throws(SigningError) in
      _ = try OpenSSLCall.status(operation) { EVP_PKEY_get_raw_public_key(key, &bytes, &count) }
    }
    return Array(bytes.prefix(count))
  }

  /// The uncompressed point, whichever form the key was written in.
  private static func point(_ key: EVPKey) throws(SigningError) -> [UInt8] {
    try coordinates(key, OSSL_PKEY_PARAM_EC_PUB_X, OSSL_PKEY_PARAM_EC_PUB_Y)
  }

  private static func coordinates(
    _ key: EVPKey, _ x: String, _ y: String
  ) throws(SigningError) -> [UInt8] {
    let size = key.withPointer { (Int(EVP_PKEY_get_bits($0)) + 7) / 8 }
    var point: [UInt8] = [4]
    for name in [x, y] {
      let digits = try number(key, name)
      point.append(contentsOf: repeatElement(0, count: max(0, size - digits.count)))
      point.append(contentsOf: digits)
    }
    return point
  }

  private static func number(_ key: EVPKey, _ name: String) throws(SigningError) -> [UInt8] {
    try key.withPointer { (key) throws(SigningError) in
      let number = try OpenSSLCall.pointer(operation) {
        var number: OpaquePointer?
        return EVP_PKEY_get_bn_param(key, name, &number) > 0 ? number : nil
      }
      defer { BN_clear_free(number) }
      return BigNumber.bytes(number)
    }
  }

  // MARK: Reading

  static func makeKey(_ blob: [UInt8]) throws(SigningError) -> EVPKey {
    do {
      return try blob.withReader { (reader) throws in
        let key = try read(&reader)
        try reader.end()
        return key
      }
    } catch let error as SigningError {
      throw error
    } catch {
      throw SigningError(.notAKey, operation, "the key is damaged")
    }
  }

  private static func read(_ reader: inout SSHReader) throws -> EVPKey {
    let type = try reader.name()
    switch type {
    case KeyAlgorithm.ed25519.sshName: return try ed25519(try reader.string())
    case "ssh-rsa": return try rsa(&reader)
    default:
      guard let curve = KeyAlgorithm.Curve(sshKeyType: type) else {
        let shown = String(type.prefix(60))
        throw SigningError(.unsupportedKey, operation, "keys of type \(shown) are not supported")
      }
      guard try reader.name() == curve.sshName else { throw SSHReader.Malformed() }
      return try ecdsa(curve, point: try reader.string())
    }
  }

  static func ed25519(_ bytes: UnsafeRawBufferPointer) throws(SigningError) -> EVPKey {
    let key = try OpenSSLCall.pointer(operation, code: .notAKey) {
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, bytes.baseAddress, bytes.count)
    }
    return try EVPKey(takingOwnership: key, operation)
  }

  private static func rsa(_ reader: inout SSHReader) throws -> EVPKey {
    let exponent = try reader.unsignedInteger()
    let modulus = try reader.unsignedInteger()
    guard modulus.count * 8 <= KeyAlgorithm.maximumRSABits else {
      throw SigningError(.unsupportedKey, operation, "the RSA key is too large")
    }
    var parameters = try KeyParameters(operation)
    try parameters.add(OSSL_PKEY_PARAM_RSA_E, exponent)
    try parameters.add(OSSL_PKEY_PARAM_RSA_N, modulus)
    return try parameters.makeKey("RSA", private: false)
  }

  private static func ecdsa(
    _ curve: KeyAlgorithm.Curve, point: UnsafeRawBufferPointer
  ) throws -> EVPKey {
    // OpenSSH knows the uncompressed form alone; and one key must have one blob only.
    guard point.first == 4 else { throw SSHReader.Malformed() }
    var parameters = try KeyParameters(operation)
    return try parameters.makeKey("EC", private: false, group: curve.opensslName, point: Array(point))
  }
}
