import Foundation
import TagSigning
import Testing

/// GTO reads signed tags as it reads others.
struct GTOTests {
  private static let gto: String? = {
    let named = ProcessInfo.processInfo.environment["STAGEKEEPER_TEST_GTO"]
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map {
      "\($0)/gto"
    }
    return ([named].compactMap(\.self) + folders).first { FileManager.default.isExecutableFile(atPath: $0) }
  }()

  @Test(.enabled(if: gto != nil, "GTO is not installed: set STAGEKEEPER_TEST_GTO"))
  func readsSignedTags() throws {
    let gto = try #require(Self.gto)
    for signer in [try Fixture.sshSigner("ed25519"), try Fixture.cmsSigner("rsa")] as [any TagSigner] {
      let git = try GitVerifier()
      try git.run([
        "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "first",
      ])
      var tag = TagText()
      tag.target = String(try git.run(["rev-parse", "HEAD"]).text.dropLast())
      try git.run(["update-ref", "refs/tags/\(tag.name)", try git.store(try tag.signed(by: signer))])
      let shown = try Tool(folder: git.folder).expect(
        gto, ["history", "churn", "--json", "-r", "\(git.folder.path)/repository"])
      #expect(shown.text.contains("\"version\": \"v1.2.3\""))
      #expect(shown.text.contains("registration"))
    }
  }
}
