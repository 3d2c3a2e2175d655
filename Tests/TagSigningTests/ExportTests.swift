import Foundation
import TagSigning
import Testing

struct ExportTests {
  @Test func writesLinesForEverybody() throws {
    let key = try Fixture.key("ed25519").publicKey
    let line = try Fixture.publicLine("ed25519")
    #expect(key.openSSHLine(comment: "test key ed25519") == line)
    #expect(try PublicKey(openSSHLine: line) == key)
    let bare = key.openSSHLine()
    #expect(key.allowedSignersLine(principal: "a@b") == "a@b namespaces=\"git\" \(bare)")
    #expect(key.allowedSignersLine(principal: "a b") == "\"a b\" namespaces=\"git\" \(bare)")
    #expect(key.openSSHLine(comment: "one\ntwo\u{1}\tthree") == "\(bare) one two  three")
  }

  @Test(arguments: ["", "ssh-ed25519", "ssh-rsa AAAA", "ssh-ed25519 !!!!"])
  func refusesOtherLines(line: String) {
    #expect(signingError { try PublicKey(openSSHLine: line) }?.code == .notAKey)
  }

  @Test func refusesAKeyUnderAnotherName() throws {
    let line = try Fixture.key("p256").publicKey.openSSHLine().replacing(
      "ecdsa-sha2-nistp256 ", with: "ssh-rsa ")
    #expect(signingError { try PublicKey(openSSHLine: line) }?.code == .notAKey)
    #expect(signingError { try AllowedSigners(file: utf8("a@b \(line)")) }?.code == .badTrustFile)
  }

  @Test(arguments: [
    "a@b cert-authority KEY", "a@b sk-ssh-ed25519@openssh.com AAAA", "a@b WEAK", "a@b DSA",
  ])
  func namesWhatIsNotSupported(line: String) throws {
    let filled = line.replacing("KEY", with: try Fixture.key("ed25519").publicKey.openSSHLine())
      .replacing("WEAK", with: try Fixture.publicLine("weak-rsa1024"))
      .replacing("DSA", with: try Fixture.publicLine("unsupported-dsa"))
    let error = signingError { try AllowedSigners(file: utf8("\n" + filled)) }
    #expect(error?.code == .badTrustFile)
    #expect(error?.message.hasPrefix("line 2: ") ?? false)
  }

  @Test func revokedKeysAreKeysOfAnyKind() throws {
    let lines = ["weak-rsa1024", "unsupported-dsa", "ed25519"].map { try? Fixture.publicLine($0) }.compactMap(
      \.self)
    let revoked = try RevokedKeys(file: utf8(lines.joined(separator: "\n")))
    #expect(revoked.count == 3)
    #expect(revoked.contains(try Fixture.key("ed25519").publicKey))
    #expect(!revoked.contains(try Fixture.key("p256").publicKey))
    #expect(signingError { try RevokedKeys(file: utf8("SSHKRL\n\0more")) }?.code == .badTrustFile)
    #expect(signingError { try RevokedKeys(file: utf8("nonsense")) }?.code == .badTrustFile)
  }

  @Test func saysWhenNobodyIsTrusted() throws {
    let ssh = try TagText().signed(by: try Fixture.sshSigner("p256"))
    let cms = try TagText().signed(by: try Fixture.cmsSigner("p256"))
    #expect(failure(TagVerifier(), ssh)?.code == .notConfigured)
    #expect(failure(TagVerifier(), cms)?.code == .notConfigured)
    #expect(failure(TagVerifier(), TagText().bytes)?.code == .unsigned)
  }

  @Test func signsOnlyWhatCanCarryASignature() throws {
    for signer in [try Fixture.sshSigner("p256"), try Fixture.cmsSigner("p256")] as [any TagSigner] {
      for text in ["", "no newline"] {
        #expect(signingError { try signer.sign(utf8(text), taggerTime: 0) }?.code == .badText)
      }
    }
  }

  /// A key is replaced: tags of the old one stay good, later ones by the old one are not.
  @Test func rotates() throws {
    let allowed = """
      a@b valid-before="20260101000000Z" \(try Fixture.key("ed25519").publicKey.openSSHLine())
      a@b valid-after="20260101000000Z" \(try Fixture.key("p256").publicKey.openSSHLine())
      """
    let verifier = TagVerifier(allowedSigners: try AllowedSigners(file: utf8(allowed)))
    var (old, new) = (TagText(), TagText())
    (old.time, new.time) = (Fixture.time - 86_400, Fixture.time + 86_400)
    for (tag, key, code) in [
      (old, "ed25519", nil), (new, "p256", nil), (new, "ed25519", VerificationFailure.Code.expired),
      (old, "p256", .notYetValid),
    ] {
      #expect(failure(verifier, try tag.signed(by: try Fixture.sshSigner(key)), tag.time)?.code == code)
    }
  }
}
