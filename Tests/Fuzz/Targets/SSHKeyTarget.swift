import SystemCalls

@testable import TagSigning

extension FuzzTarget {
  /// A private key that is accepted signs, and its public half has one encoding, which reads the same. The
  /// content is the key without its armour, and is also read as a public key.
  static let sshKey = FuzzTarget("sshkey") { input in
    let file = Armour(label: OpenSSHPrivateKey.label).wrap(input, lineLength: 70)
    if let key = try? SigningKey(file: SecretBytes(copying: file)) { try checkPublicHalf(key.publicKey.blob) }
    if let key = try? PublicKey(blob: input) {
      try check(key.blob == input, "the public key is not as given")
      try checkPublicHalf(try PublicKeyBlob.encode(key.evp))
      try check(try PublicKey(openSSHLine: key.openSSHLine()) == key, "the key's line reads differently")
    }
  }

  private static func checkPublicHalf(_ blob: [UInt8]) throws {
    let key = try PublicKey(blob: blob)
    try check(try PublicKeyBlob.encode(key.evp) == blob, "a public key has two encodings")
  }
}
