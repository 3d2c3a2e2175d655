import Foundation
import SystemCalls
import TagSigning
import Testing

/// Whatever OpenSSL allocates for a signature is freed again, also on the ways that end in an error.
struct MemoryTests {
  /// In a process of its own, where OpenSSL has not allocated anything yet and no other test does.
  @Test func freesAllThatOpenSSLAllocates() async {
    await #expect(processExitsWith: .success) {
      try AllocationCount.install()
      let work = try MemoryTests.work()
      // What OpenSSL keeps for good is there after some rounds.
      for _ in 0..<5 { try work() }
      let before = AllocationCount.outstanding
      for _ in 0..<10 { try work() }
      let grown = AllocationCount.outstanding - before
      if before <= 0 || grown != 0 { throw Problem("\(grown) allocations more than \(before)") }
    }
  }

  fileprivate static func work() throws -> () throws -> Void {
    let text = TagText()
    let signers: [any TagSigner] = [
      try Fixture.sshSigner("ed25519"), try Fixture.sshSigner("p256"), try Fixture.cmsSigner("p256"),
    ]
    let verifier = TagVerifier(
      allowedSigners: try AllowedSigners(
        file: utf8("a@b \(try Fixture.key("ed25519").publicKey.openSSHLine())")),
      certificates: try CertificateTrust(bundle: try Fixture.bytes("x509/root.pem")))
    let keys = try [
      "keys/ed25519", "keys/p256", "keys/p256.pk8.pem", "keys/p256.encrypted.pem", "x509/p256.pem",
    ]
    .map { SecretBytes(copying: try Fixture.bytes($0)) }
    let strange = text.bytes + (try unknownDigest(try signers[2].sign(text.bytes, taggerTime: text.time)))
    return {
      for signer in signers {
        let signed = try text.signed(by: signer)
        _ = failure(verifier, signed)
        _ = failure(verifier, signed.map { $0 == UInt8(ascii: "R") ? UInt8(ascii: "S") : $0 })
        _ = failure(verifier, Array("\n".utf8) + signed)
      }
      _ = failure(verifier, strange)
      for key in keys { _ = try? SigningKey(file: key, passphrase: nil) }
    }
  }

  /// A CMS signature in which the list of digests names one that nobody knows.
  private static func unknownDigest(_ armoured: [UInt8]) throws -> [UInt8] {
    var lines = String(decoding: armoured, as: UTF8.self).split(separator: "\n")
    guard var message = Data(base64Encoded: lines[1..<lines.count - 1].joined()),
      let sha256 = message.firstRange(of: Data([0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01]))
    else { throw Problem("no digest in \(lines)") }
    message[sha256.lowerBound + 4] = 0x73
    lines[1..<lines.count - 1] = [Substring(message.base64EncodedString(options: .lineLength64Characters))]
    return utf8(lines.joined(separator: "\n") + "\n")
  }
}

/// Counts what OpenSSL has allocated and not freed, through `CRYPTO_set_mem_functions`.
private enum AllocationCount {
  // Only the one thread of the test's own process calls OpenSSL.
  nonisolated(unsafe) static var outstanding = 0

  private typealias Allocate = @convention(c) (Int, UnsafePointer<CChar>?, Int32) -> UnsafeMutableRawPointer?
  private typealias Reallocate =
    @convention(c) (
      UnsafeMutableRawPointer?, Int, UnsafePointer<CChar>?, Int32
    ) -> UnsafeMutableRawPointer?
  private typealias Free = @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, Int32) -> Void
  private typealias Install = @convention(c) (Allocate, Reallocate, Free) -> Int32

  /// Found by name: no module but the one under test imports OpenSSL.
  static func install() throws {
    guard let symbol = dlsym(nil, "CRYPTO_set_mem_functions") else { throw Problem("no OpenSSL") }
    let allocate: Allocate = { count, _, _ in
      // OpenSSL's own `malloc` gives nothing for nothing.
      if count == 0 { return nil }
      AllocationCount.outstanding += 1
      return malloc(count)
    }
    let reallocate: Reallocate = { old, count, _, _ in
      if old == nil { AllocationCount.outstanding += 1 }
      if count == 0 {
        AllocationCount.outstanding -= 1
        free(old)
        return nil
      }
      return realloc(old, count)
    }
    let release: Free = { pointer, _, _ in
      if pointer != nil { AllocationCount.outstanding -= 1 }
      free(pointer)
    }
    if unsafeBitCast(symbol, to: Install.self)(allocate, reallocate, release) != 1 {
      throw Problem("OpenSSL has allocated already")
    }
  }
}
