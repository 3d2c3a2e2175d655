import TagSigning
import Testing

/// One tag that our verifier and `git verify-tag` with gpgsm have to think alike about.
struct CMSCase: Sendable {
  let name: String
  /// Nil for a good one.
  let code: VerificationFailure.Code?
  /// Where gpgsm 2.2.40 says good, and why it's better not to.
  var stricterBecause: String?
  /// Whether gpgsm must not remember certificates that it has seen before.
  var needsNewHome = false
  let tag: @Sendable (TagText) throws -> [UInt8]
}

struct CMSAgreementTests {
  private static let cases: [CMSCase] = [
    CMSCase(name: "good", code: nil) { try $0.signed(by: try Fixture.cmsSigner("rsa")) },
    CMSCase(name: "issued by the root itself", code: nil) {
      try $0.signed(by: try Fixture.cmsSigner("rsa", certificate: "direct", chain: nil))
    },
    CMSCase(name: "with the root in the chain", code: nil) {
      let signer = try CMSTagSigner(
        key: try Fixture.key("rsa"), certificate: try Fixture.bytes("x509/rsa.pem"),
        chain: try Fixture.bytes("x509/intermediate.pem") + Fixture.bytes("x509/root.pem"), now: Fixture.time)
      return try $0.signed(by: signer)
    },
    CMSCase(name: "without attributes", code: nil) { try openssl($0, "rsa", "-noattr") },
    CMSCase(name: "unsigned", code: .unsigned) { $0.bytes },
    CMSCase(name: "no intermediate", code: .untrustedCertificate, needsNewHome: true) {
      try $0.signed(by: try Fixture.cmsSigner("rsa", chain: nil))
    },
    CMSCase(name: "another root", code: .untrustedCertificate) {
      try $0.signed(by: try Fixture.cmsSigner("rsa", certificate: "foreign", chain: "other-root"))
    },
    CMSCase(name: "issued by a certificate that is no authority", code: .untrustedCertificate) {
      try $0.signed(by: try Fixture.cmsSigner("rsa", certificate: "by-leaf", chain: "p256"))
    },
    // Git from 2.54 says good to what gpgsm calls expired.
    CMSCase(name: "expired at the tagger's time", code: .expired) {
      try $0.signed(by: try Fixture.cmsSigner("rsa", certificate: "expired", now: 1_720_000_000))
    },
    CMSCase(
      name: "not valid yet at the tagger's time", code: .notYetValid,
      stricterBecause: "gpgsm looks at the clock, not at the tagger"
    ) {
      var early = $0
      early.time = 1_600_000_000
      return try early.signed(by: try Fixture.cmsSigner("rsa"))
    },
    CMSCase(
      name: "a server's certificate", code: .unsuitableCertificate,
      stricterBecause: "gpgsm reports the wrong usage and goes on"
    ) { try openssl($0, "rsa", "", "server") },
    CMSCase(name: "another tag's signature", code: .badSignature) {
      var other = $0
      other.name = "churn@v9.9.9"
      return $0.bytes + (try Fixture.cmsSigner("rsa").sign(other.bytes, taggerTime: $0.time))
    },
    CMSCase(name: "no end line", code: .malformed, stricterBecause: "the signature may be cut") {
      Array(
        try $0.signed(by: try Fixture.cmsSigner("rsa")).dropLast("-----END SIGNED MESSAGE-----\n".utf8.count))
    },
    CMSCase(name: "cut in the middle", code: .malformed) {
      let armour = try Fixture.cmsSigner("rsa").sign($0.bytes, taggerTime: $0.time)
      return $0.bytes + armour.prefix(armour.count / 2) + utf8("\n-----END SIGNED MESSAGE-----\n")
    },
    CMSCase(
      name: "CRLF in the armour", code: .malformed, stricterBecause: "the bytes aren't those that were made"
    ) {
      let armour = try Fixture.cmsSigner("rsa").sign($0.bytes, taggerTime: $0.time)
      return $0.bytes + utf8(String(decoding: armour, as: UTF8.self).replacing("\n", with: "\r\n"))
    },
    CMSCase(name: "the same signature twice", code: .badSignature) {
      let armour = try Fixture.cmsSigner("rsa").sign($0.bytes, taggerTime: $0.time)
      return $0.bytes + armour + armour
    },
    CMSCase(name: "a message with an armour, signed", code: nil) {
      var changed = $0
      changed.message = "see\n-----BEGIN SIGNED MESSAGE-----\nAAAA\n-----END SIGNED MESSAGE-----\n"
      return try changed.signed(by: try Fixture.cmsSigner("rsa"))
    },
    CMSCase(name: "two signers", code: .malformed) {
      try openssl(
        $0, "rsa", "-signer \(Fixture.folder)/x509/p256.pem -inkey \(Fixture.folder)/keys/p256.pk8.pem")
    },
    CMSCase(name: "with the text inside", code: .malformed) { try openssl($0, "rsa", "-nodetach") },
    CMSCase(name: "SHA-1", code: .weakAlgorithm, stricterBecause: "collisions can be made") {
      try openssl($0, "rsa", "-md sha1")
    },
    CMSCase(name: "no certificate inside", code: .untrustedCertificate, needsNewHome: true) {
      try openssl($0, "rsa", "-nocerts")
    },
    CMSCase(name: "Base64 that is no CMS", code: .malformed) {
      $0.bytes + utf8("-----BEGIN SIGNED MESSAGE-----\nAAAA\n-----END SIGNED MESSAGE-----\n")
    },
  ]

  /// Signed by `openssl cms`, for what our signer doesn't make.
  private static func openssl(
    _ tag: TagText, _ key: String, _ options: String, _ certificate: String? = nil
  ) throws -> [UInt8] {
    let folder = try TemporaryFolder()
    let made = try Tool(folder: folder).expect(
      "openssl",
      [
        "cms", "-sign", "-binary", "-outform", "PEM", "-certfile", "\(Fixture.folder)/x509/intermediate.pem",
        "-signer", "\(Fixture.folder)/x509/\(certificate ?? key).pem", "-inkey",
        "\(Fixture.folder)/keys/\(key).pk8.pem",
      ] + options.split(separator: " ").map(String.init), input: tag.bytes)
    return tag.bytes
      + utf8(
        made.text.replacing("BEGIN CMS", with: "BEGIN SIGNED MESSAGE").replacing(
          "END CMS", with: "END SIGNED MESSAGE"))
  }

  @Test func agreesWithGit() throws {
    try CertificateVerifier.with { gpgsm in
      for each in Self.cases where !each.needsNewHome { try Self.compare(each, gpgsm) }
    }
    for each in Self.cases where each.needsNewHome {
      try CertificateVerifier.with { try Self.compare(each, $0) }
    }
  }

  private static func compare(_ each: CMSCase, _ gpgsm: CertificateVerifier) throws {
    let tag = try each.tag(TagText())
    let time: Int64 = each.code == .notYetValid ? 1_600_000_000 : Fixture.time
    #expect(failure(try CMSSignatureTests.verifier(), tag, time)?.code == each.code, "\(each.name)")
    let theirs = try gpgsm.verify(tag)
    let isGood = each.code == nil || each.stricterBecause != nil
    #expect(theirs.succeeded == isGood, "\(each.name): \(theirs.errors)")
  }

  @Test func revokedKeysCountForCertificates() throws {
    let tag = TagText()
    let signed = try tag.signed(by: try Fixture.cmsSigner("rsa"))
    let trust = try CertificateTrust(bundle: try Fixture.bytes("x509/root.pem"))
    let authority = try CertificateTrust(bundle: try Fixture.bytes("x509/intermediate.pem")).authorities[0]
    for key in [try Fixture.key("rsa").publicKey, authority.publicKey] {
      let revoked = try RevokedKeys(file: utf8(key.openSSHLine()))
      #expect(failure(TagVerifier(certificates: trust, revokedKeys: revoked), signed)?.code == .revoked)
    }
    let other = try RevokedKeys(file: utf8(try Fixture.key("p256").publicKey.openSSHLine()))
    #expect(failure(TagVerifier(certificates: trust, revokedKeys: other), signed) == nil)
  }

  @Test func tellsWhoSigned() throws {
    let verifier = try CMSSignatureTests.verifier()
    let signed = try TagText().signed(by: try Fixture.cmsSigner("rsa"))
    #expect(failure(verifier, signed, expecting: "release@example.com") == nil)
    #expect(failure(verifier, signed, expecting: "O=Test only,CN=Test rsa") == nil)
    #expect(failure(verifier, signed, expecting: "other@example.com")?.code == .wrongPrincipal)
  }

  /// An intermediate in the bundle helps to find the root, but is none by itself.
  @Test func onlyRootsAreTrusted() throws {
    let signed = try TagText().signed(by: try Fixture.cmsSigner("rsa", chain: nil))
    let both = try Fixture.bytes("x509/root.pem") + Fixture.bytes("x509/intermediate.pem")
    #expect(failure(TagVerifier(certificates: try CertificateTrust(bundle: both)), signed) == nil)
    let intermediate = try CertificateTrust(bundle: try Fixture.bytes("x509/intermediate.pem"))
    #expect(failure(TagVerifier(certificates: intermediate), signed)?.code == .untrustedCertificate)
    #expect(signingError { try CertificateTrust(bundle: utf8("nothing")) }?.code == .badTrustFile)
  }
}
