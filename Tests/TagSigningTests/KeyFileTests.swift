import Foundation
import SystemCalls
import TagSigning
import Testing

struct KeyFileTests {
  @Test(arguments: [
    (0o600, true), (0o400, true), (0o440, true), (0o644, false), (0o604, false), (0o602, false),
    (0o620, false), (0o660, false), (0o601, false),
  ])
  func looksAtTheModeOfASecret(mode: Int, isFine: Bool) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("secret", "secret", mode: mode)
    // Readable by its group only where root owns it.
    let expected = isFine && (mode & 0o070 == 0 || geteuid() == 0)
    let error = signingError { try KeyFile.readSecret(path) }
    #expect(error?.code == (expected ? nil : .unsafePermissions))
    #expect(error?.description.contains("secret:") ?? true)
  }

  @Test func readsWhatIsThere() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("secret", "pass word\r\n")
    let secret = try KeyFile.readSecret(path)
    #expect(secret.withUnsafeBytes { Array($0) } == Array("pass word\r\n".utf8))
    #expect(secret.withoutTrailingNewline().withUnsafeBytes { Array($0) } == Array("pass word".utf8))
    #expect(try KeyFile.readPublic(path) == Array("pass word\r\n".utf8))
  }

  @Test func refusesWhatIsNoFile() throws {
    let folder = try TemporaryFolder()
    #expect(signingError { try KeyFile.readSecret("\(folder.path)/none") }?.code == .unreadableFile)
    #expect(signingError { try KeyFile.readSecret(folder.path) }?.code == .unreadableFile)
    let pipe = "\(folder.path)/pipe"
    #expect(mkfifo(pipe, 0o600) == 0)
    #expect(signingError { try KeyFile.readSecret(pipe) }?.code == .unreadableFile)
    let large = try folder.write("large", [UInt8](repeating: 0, count: SecretFile.maximumSecretSize + 1))
    #expect(signingError { try KeyFile.readSecret(large) }?.code == .unreadableFile)
  }

  @Test(.enabled(if: geteuid() == 0, "changing a file's owner needs root"))
  func refusesOtherPeoplesFiles() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("secret", "secret")
    #expect(chown(path, 12345, 12345) == 0)
    #expect(signingError { try KeyFile.readSecret(path) }?.code == .unsafePermissions)
    #expect(signingError { try KeyFile.readPublic(path) }?.code == .unsafePermissions)
  }

  @Test func trustFilesMustNotBeWritableByEverybody() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("allowed", "x", mode: 0o666)
    #expect(signingError { try KeyFile.readPublic(path) }?.code == .unsafePermissions)
    #expect(try KeyFile.readPublic(try folder.write("other", "x", mode: 0o644)) == [0x78])
  }
}
