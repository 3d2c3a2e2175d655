import Foundation
import TagSigning
import Testing

/// Whatever OpenSSL allocates for a signature is freed again, also on the ways that end in an error.
struct MemoryTests {
  @Test func doesNotGrow() throws {
    let work = try Self.work()
    // What OpenSSL and the allocator keep for good is there after some rounds.
    for _ in 0..<100 { try work() }
    let before = try Self.residentPages()
    for _ in 0..<1_000 { try work() }
    let grown = (try Self.residentPages() - before) * Int(sysconf(Int32(_SC_PAGESIZE)))
    // One leaked certificate a round would be over a megabyte. Tests that run at the same time also grow.
    #expect(grown < 8 * 1024 * 1024, "grew by \(grown) bytes")
  }

  private static func work() throws -> () throws -> Void {
    let text = TagText()
    let signers: [any TagSigner] = [
      try Fixture.sshSigner("ed25519"), try Fixture.sshSigner("p256"), try Fixture.cmsSigner("p256"),
    ]
    let verifier = TagVerifier(
      allowedSigners: try AllowedSigners(file: utf8("a@b \(try Fixture.key("ed25519").publicKey.openSSHLine())")),
      certificates: try CertificateTrust(bundle: try Fixture.bytes("x509/root.pem")))
    let keys = try ["keys/ed25519", "keys/p256", "keys/p256.pk8.pem", "keys/p256.encrypted.pem", "x509/p256.pem"]
      .map { SecretBytes(copying: try Fixture.bytes($0)) }
    return {
      for signer in signers {
        let signed = try text.signed(by: signer)
        _ = failure(verifier, signed)
        _ = failure(verifier, signed.map { $0 == UInt8(ascii: "R") ? UInt8(ascii: "S") : $0 })
        _ = failure(verifier, Array("\n".utf8) + signed)
      }
      for key in keys { _ = try? SigningKey(file: key, passphrase: nil) }
    }
  }

  private static func residentPages() throws -> Int {
    let words = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
    guard words.count > 1, let pages = Int(words[1]) else { throw Problem("statm") }
    return pages
  }
}
