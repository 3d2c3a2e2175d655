/// A public key in OpenSSH's form: what signatures name their signer by.
public struct PublicKey: Hashable, Sendable {
  /// The SSH wire encoding (RFC 4253, section 6.6; RFC 5656; RFC 8709).
  public let blob: [UInt8]
  public let algorithm: KeyAlgorithm
  /// `SHA256:` and the unpadded Base64 of the blob's digest, as `ssh-keygen -l` prints it.
  public let fingerprint: String
  let evp: EVPKey

  /// Reads the wire encoding.
  ///
  /// - Throws: ``SigningError`` with `notAKey`, `unsupportedKey` or `weakKey`.
  public init(blob: [UInt8]) throws(SigningError) {
    let evp = try PublicKeyBlob.makeKey(blob)
    try self.init(blob: blob, evp: evp)
  }

  init(of evp: EVPKey) throws(SigningError) {
    try self.init(blob: try PublicKeyBlob.encode(evp), evp: evp)
  }

  private init(blob: [UInt8], evp: EVPKey) throws(SigningError) {
    self.blob = blob
    self.evp = evp
    algorithm = evp.algorithm
    fingerprint = "SHA256:" + Base64.encodeUnpadded(try DigestAlgorithm.sha256.digest(of: blob))
  }

  public static func == (left: PublicKey, right: PublicKey) -> Bool { left.blob == right.blob }

  public func hash(into hasher: inout Hasher) { hasher.combine(blob) }
}

// MARK: Text

extension PublicKey {
  /// One line as in `id_ed25519.pub`, without a newline: what GitHub, GitLab and `authorized_keys` take.
  ///
  /// - Parameter comment: text after the key; control characters become spaces.
  public func openSSHLine(comment: String = "") -> String {
    let key = "\(algorithm.sshName) \(String(decoding: Base64.encode(blob), as: UTF8.self))"
    return comment.isEmpty ? key : "\(key) \(Self.oneLine(comment))"
  }

  /// One line for an `allowed_signers` file (ssh-keygen(1), ALLOWED SIGNERS), good for Git signatures alone.
  ///
  /// - Parameter principal: who the key belongs to, usually an e-mail address.
  public func allowedSignersLine(principal: String) -> String {
    let name = Self.oneLine(principal)
    let quoted = name.contains(" ") ? "\"\(name)\"" : name
    return "\(quoted) namespaces=\"\(SSHSignature.namespace)\" \(openSSHLine())"
  }

  /// Reads one line as in `id_ed25519.pub`: type, Base64, and a comment that is ignored.
  ///
  /// - Throws: ``SigningError`` with `notAKey`, `unsupportedKey` or `weakKey`.
  public init(openSSHLine line: String) throws(SigningError) {
    let words = Array(line.utf8).split(
      maxSplits: 2, whereSeparator: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") })
    guard words.count >= 2, let blob = Base64.decode(words[1]) else {
      throw SigningError(.notAKey, "reading a public key", "expected a key type and the key in Base64")
    }
    try self.init(blob: blob)
    if !algorithm.sshName.utf8.elementsEqual(words[0]) {
      throw SigningError(
        .notAKey, "reading a public key", "the key is not of the type that stands before it")
    }
  }

  private static func oneLine(_ text: String) -> String {
    String(text.map { $0.isNewline || $0.unicodeScalars.contains { $0.value < 0x20 } ? " " : $0 })
  }
}
