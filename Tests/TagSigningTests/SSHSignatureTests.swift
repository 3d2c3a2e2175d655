import TagSigning
import Testing

/// SSH signatures against the real `ssh-keygen` and `git verify-tag`.
struct SSHSignatureTests {
  static let keys = ["ed25519", "p256", "p384", "p521", "rsa"]
  private static let signer = "release@example.com"

  private static func allowed(_ name: String) throws -> String {
    try Fixture.key(name).publicKey.allowedSignersLine(principal: signer) + "\n"
  }

  @Test(arguments: keys)
  func gitAcceptsEveryKeyAndNoChangedBit(name: String) throws {
    let git = try GitVerifier()
    try git.trust(allowedSigners: try Self.allowed(name))
    let verifier = TagVerifier(allowedSigners: try AllowedSigners(file: Array(try Self.allowed(name).utf8)))
    let tag = TagText()
    let signed = try tag.signed(by: try Fixture.sshSigner(name))

    let result = try git.verify(signed)
    #expect(result.succeeded)
    let key = try Fixture.key(name)
    #expect(result.errors.contains("Good \"git\" signature for \(Self.signer) with"))
    #expect(result.errors.contains(key.publicKey.fingerprint))
    let found = try verifier.verify(signed, taggerTime: tag.time)
    #expect(found.identity == Self.signer)
    #expect(found.keyFingerprint == key.publicKey.fingerprint)
    #expect(found.algorithm == key.algorithm)

    for position in try flippedPositions(in: signed, tag) {
      var flipped = signed
      flipped[position] ^= 0x01
      #expect(try !git.verify(flipped).succeeded, "byte \(position)")
      #expect(failure(verifier, flipped, tag.time) != nil, "byte \(position)")
    }
  }

  /// Bytes in target, name, message, and at the beginning, middle and end of the signature's Base64.
  private func flippedPositions(in signed: [UInt8], _ tag: TagText) throws -> [Int] {
    let text = tag.bytes.count
    let armour = "-----BEGIN SSH SIGNATURE-----\n".utf8.count
    let end = signed.count - "-----END SSH SIGNATURE-----\n".utf8.count
    return [
      10, "object \ntype commit\ntag ".utf8.count + 40 + 3, text - 5, text + armour + 3,
      (text + armour + end) / 2, end - 8,
    ]
  }

  /// `ssh-keygen -Y sign` makes the same bytes where the scheme is deterministic.
  @Test(arguments: ["ed25519", "rsa"])
  func isWhatSSHKeygenMakes(name: String) throws {
    let folder = try TemporaryFolder()
    let text = TagText().bytes
    let key = try folder.write("key", try Fixture.bytes("keys/\(name)"))
    let theirs = try Tool(folder: folder).expect(
      "ssh-keygen", ["-Y", "sign", "-q", "-n", "git", "-f", key], input: text)
    #expect(try Fixture.sshSigner(name).sign(text) == theirs.output)
  }

  @Test(arguments: keys, ["sha256", "sha512"])
  func acceptsWhatSSHKeygenMakes(name: String, digest: String) throws {
    let folder = try TemporaryFolder()
    let tag = TagText()
    let key = try folder.write("key", try Fixture.bytes("keys/\(name)"))
    let theirs = try Tool(folder: folder).expect(
      "ssh-keygen", ["-Y", "sign", "-q", "-n", "git", "-O", "hashalg=\(digest)", "-f", key], input: tag.bytes)
    let verifier = TagVerifier(allowedSigners: try AllowedSigners(file: Array(try Self.allowed(name).utf8)))
    #expect(try verifier.verify(tag.bytes + theirs.output, taggerTime: tag.time).identity == Self.signer)
  }

  @Test(arguments: ["ed25519-pem.pk8.pem", "p384.traditional.pem"])
  func keysFromPEMSignAsWell(name: String) throws {
    let git = try GitVerifier()
    try git.trust(allowedSigners: try Self.allowed(name))
    #expect(try git.verify(try TagText().signed(by: try Fixture.sshSigner(name))).succeeded)
  }

  /// Whatever is cut off, the rest is no signature.
  @Test(arguments: ["ed25519", "p256"])
  func noPrefixIsGood(name: String) throws {
    let verifier = TagVerifier(allowedSigners: try AllowedSigners(file: Array(try Self.allowed(name).utf8)))
    let tag = TagText()
    let signed = try tag.signed(by: try Fixture.sshSigner(name))
    // The last newline may be missing: OpenSSH doesn't look behind the end line either.
    for count in 0..<(signed.count - 1) {
      #expect(failure(verifier, Array(signed[..<count]), tag.time) != nil)
    }
    #expect(failure(verifier, Array(signed.dropLast()), tag.time) == nil)
  }

  /// One changed bit anywhere in text or Base64 is noticed.
  @Test func noChangedBitIsGood() throws {
    let verifier = TagVerifier(
      allowedSigners: try AllowedSigners(file: Array(try Self.allowed("ed25519").utf8)))
    let tag = TagText()
    let signed = try tag.signed(by: try Fixture.sshSigner("ed25519"))
    let end = signed.count - "\n-----END SSH SIGNATURE-----\n".utf8.count
    // A newline within the Base64 may become another white space.
    for position in 0..<end where position < tag.bytes.count || signed[position] != UInt8(ascii: "\n") {
      for bit in [0x01, 0x40] as [UInt8] {
        var flipped = signed
        flipped[position] ^= bit
        #expect(failure(verifier, flipped, tag.time) != nil, "byte \(position), bit \(bit)")
      }
    }
  }
}

/// The failure of a verification; nil when the tag is good.
func failure(
  _ verifier: TagVerifier, _ tag: [UInt8], _ time: Int64 = Fixture.time, expecting: String? = nil
) -> VerificationFailure? {
  do {
    _ = try verifier.verify(tag, taggerTime: time, expecting: expecting)
    return nil
  } catch {
    return error
  }
}
