import Foundation
import TagSigning
import Testing

/// Signatures that were made once with the test keys: they verify for ever, and deterministic schemes give the
/// same bytes again.
struct VectorTests {
  private static let deterministic = ["ssh-ed25519", "ssh-rsa", "x509-rsa"]
  private static let randomised = ["ssh-p256", "ssh-p384", "ssh-p521", "x509-p256", "x509-p384"]

  private static func signer(_ vector: String) throws -> any TagSigner {
    let parts = vector.split(separator: "-").map(String.init)
    return parts[0] == "ssh" ? try Fixture.sshSigner(parts[1]) : try Fixture.cmsSigner(parts[1])
  }

  @Test(arguments: deterministic)
  func givesTheSameBytes(vector: String) throws {
    let made = try TagText().signed(by: try Self.signer(vector))
    #expect(made == (try Fixture.bytes("vectors/\(vector).tag")))
  }

  @Test(arguments: deterministic + randomised)
  func verifies(vector: String) throws {
    let tag = try Fixture.bytes("vectors/\(vector).tag")
    let key = try Self.signer(vector).publicKey
    let verifier = TagVerifier(
      allowedSigners: try AllowedSigners(file: utf8(key.allowedSignersLine(principal: "test"))),
      certificates: try CertificateTrust(bundle: try Fixture.bytes("x509/root.pem")))
    #expect(try verifier.verify(tag, taggerTime: Fixture.time).keyFingerprint == key.fingerprint)
    #expect(SignedTag(splitting: tag).text.elementsEqual(TagText().bytes))
  }

  /// Writes the vectors anew. They belong to the keys, so that is needed after `make.sh` only.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["STAGEKEEPER_TEST_WRITE_VECTORS"] != nil))
  func write() throws {
    for vector in Self.deterministic + Self.randomised {
      let tag = try TagText().signed(by: try Self.signer(vector))
      try Data(tag).write(to: URL(fileURLWithPath: "\(Fixture.folder)/vectors/\(vector).tag"))
    }
  }
}
