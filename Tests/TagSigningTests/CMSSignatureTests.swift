import TagSigning
import Testing

/// X.509 signatures against the real gpgsm behind `git verify-tag`, and against `openssl cms`.
struct CMSSignatureTests {
  private static let keys = ["rsa", "p256", "p384"]

  static func verifier(_ authority: String = "root") throws -> TagVerifier {
    TagVerifier(certificates: try CertificateTrust(bundle: try Fixture.bytes("x509/\(authority).pem")))
  }

  @Test func gitAcceptsEveryKeyAndNoChangedBit() throws {
    try CertificateVerifier.with { gpgsm in
      for name in Self.keys { try check(name, gpgsm) }
    }
  }

  private func check(_ name: String, _ gpgsm: CertificateVerifier) throws {
    let tag = TagText()
    let signer = try Fixture.cmsSigner(name)
    let signed = try tag.signed(by: signer)
    let result = try gpgsm.verify(signed)
    #expect(result.succeeded, "\(name): \(result.errors)")
    #expect(result.errors.contains("[GNUPG:] GOODSIG "))
    let found = try Self.verifier().verify(signed, taggerTime: tag.time)
    #expect(found.identity == "O=Test only,CN=Test \(name)")
    #expect(found.keyFingerprint == (try Fixture.key(name).publicKey.fingerprint))
    #expect(found.certificateFingerprint == signer.certificate.fingerprint)
    for position in [10, 65, tag.bytes.count - 5, signed.count - 60] {
      var flipped = signed
      flipped[position] ^= 0x01
      #expect(try !gpgsm.verify(flipped).succeeded, "\(name), byte \(position)")
      #expect(failure(try Self.verifier(), flipped) != nil, "\(name), byte \(position)")
    }
  }

  @Test(arguments: keys)
  func opensslAccepts(name: String) throws {
    let folder = try TemporaryFolder()
    let text = TagText().bytes
    let armour = try Fixture.cmsSigner(name).sign(text, taggerTime: Fixture.time)
    let signature = String(decoding: armour, as: UTF8.self).replacing("SIGNED MESSAGE", with: "CMS")
    let result = try Tool(folder: folder).expect(
      "openssl",
      [
        "cms", "-verify", "-binary", "-inform", "PEM", "-in", try folder.write("signature", signature),
        "-content", try folder.write("text", text), "-CAfile", "\(Fixture.folder)/x509/root.pem",
      ])
    #expect(result.output == text)
  }

  /// What gpgsm and OpenSSL make themselves is accepted too.
  @Test(arguments: keys + ["p521"], ["-md sha256", "-md sha512 -noattr"])
  func acceptsWhatOpenSSLMakes(name: String, options: String) throws {
    let folder = try TemporaryFolder()
    let tag = TagText()
    let made = try Tool(folder: folder).expect(
      "openssl",
      [
        "cms", "-sign", "-binary", "-outform", "PEM", "-signer", "\(Fixture.folder)/x509/\(name).pem",
        "-inkey", "\(Fixture.folder)/keys/\(name).pk8.pem",
        "-certfile", "\(Fixture.folder)/x509/intermediate.pem",
      ] + options.split(separator: " ").map(String.init), input: tag.bytes)
    let armour = made.text.replacing("BEGIN CMS", with: "BEGIN SIGNED MESSAGE")
      .replacing("END CMS", with: "END SIGNED MESSAGE")
    #expect(failure(try Self.verifier(), tag.bytes + Array(armour.utf8)) == nil)
  }

  @Test func changedBitsAreNoticed() throws {
    let verifier = try Self.verifier()
    let tag = TagText()
    let signed = try tag.signed(by: try Fixture.cmsSigner("p256"))
    for position in 0..<tag.bytes.count {
      var flipped = signed
      flipped[position] ^= 0x01
      #expect(failure(verifier, flipped) != nil, "byte \(position)")
    }
    // Behind the text, some bits aren't part of what is verified; but nothing crashes, and the end is: the
    // signature itself.
    for position in tag.bytes.count..<signed.count {
      var flipped = signed
      flipped[position] ^= 0x01
      let found = try? verifier.verify(flipped, taggerTime: tag.time)
      #expect(found == nil || found?.identity == "O=Test only,CN=Test p256")
    }
    for count in tag.bytes.count..<(signed.count - 1) {
      #expect(failure(verifier, Array(signed[..<count])) != nil)
    }
  }

  // MARK: Preparing

  @Test func refusesWhatCannotWork() throws {
    func code(_ body: () throws -> CMSTagSigner) -> SigningError.Code? { signingError(body)?.code }
    #expect(code { try Fixture.cmsSigner("ed25519-pem.pk8.pem", certificate: "ed25519") } == .unsupportedKey)
    #expect(code { try Fixture.cmsSigner("p521") } == .unsupportedKey)
    #expect(code { try Fixture.cmsSigner("p256", certificate: "rsa") } == .keyMismatch)
    #expect(code { try Fixture.cmsSigner("rsa", certificate: "expired") } == .certificateNotValid)
    #expect(code { try Fixture.cmsSigner("rsa", now: 0) } == .certificateNotValid)
    #expect(code { try Fixture.cmsSigner("rsa", certificate: "server") } == .unsuitableCertificate)
    #expect(
      code { try CMSTagSigner(key: try Fixture.key("rsa"), certificate: [], now: Fixture.time) }
        == .badCertificate)
    let damaged = try Fixture.text("x509/rsa.pem").replacing("MII", with: "MIX")
    #expect(
      code {
        try CMSTagSigner(key: try Fixture.key("rsa"), certificate: Array(damaged.utf8), now: Fixture.time)
      }
        == .badCertificate)
  }

  @Test func exportsItsCertificate() throws {
    let certificate = try Fixture.cmsSigner("rsa").certificate
    #expect(try certificate.pem() == Fixture.text("x509/rsa.pem"))
    #expect(certificate.emailAddresses == ["release@example.com"])
    #expect(certificate.notBefore == 1_704_067_200)
    #expect(certificate.notAfter == 4_859_740_800)
    let folder = try TemporaryFolder()
    let theirs = try Tool(folder: folder).expect(
      "openssl", ["x509", "-noout", "-fingerprint", "-sha256", "-in", "\(Fixture.folder)/x509/rsa.pem"])
    let digits = theirs.text.split(separator: "=")[1].split(separator: "\n")[0].replacing(":", with: "")
    #expect(certificate.fingerprint == "SHA256:\(digits)")
  }
}
