internal import SystemCalls

/// Recognises the format of a private key file by its armour.
enum PrivateKeyFile {
  static let operation = "reading the signing key"

  static func makeKey(_ file: SecretBytes, passphrase: SecretBytes?) throws(SigningError) -> EVPKey {
    try file.withUnsafeBytes { (bytes) throws(SigningError) in
      switch label(in: bytes) {
      case OpenSSHPrivateKey.label?: return try OpenSSHPrivateKey.makeKey(bytes)
      case _?: return try PEMPrivateKey.makeKey(bytes, passphrase: passphrase)
      case nil: throw SigningError(.notAKey, operation, guess(bytes))
      }
    }
  }

  /// The label of the first PEM block that is a private key.
  private static func label(in bytes: UnsafeRawBufferPointer) -> String? {
    let begin = Array("-----BEGIN ".utf8)
    let end = Array("PRIVATE KEY-----".utf8)
    for var line in bytes.split(separator: UInt8(ascii: "\n")) {
      while let last = line.last, last == UInt8(ascii: "\r") || last == UInt8(ascii: " ") {
        line.removeLast()
      }
      if line.starts(with: begin), line.reversed().starts(with: end.reversed()) {
        return String(decoding: line.dropFirst(begin.count).dropLast(5), as: UTF8.self)
      }
    }
    return nil
  }

  private static func guess(_ bytes: UnsafeRawBufferPointer) -> String {
    let isPublic = ["ssh-", "ecdsa-", "-----BEGIN PUBLIC", "-----BEGIN CERT"].contains {
      bytes.starts(with: $0.utf8)
    }
    return isPublic
      ? "this is the public half; the private key is needed"
      : "no private key found (the OpenSSH format and PEM are supported)"
  }
}
