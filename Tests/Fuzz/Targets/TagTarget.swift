import Foundation
import LaneProtocol
import Registry
import StrictJSON

@testable import GitRemote
@testable import Lane
@testable import TagSigning

extension FuzzTarget {
  /// A tag object can be anything: its signature is good only over a text that somebody trusted has signed, every
  /// other one is judged in words that can be shown, and the registry with that tag in it can be read.
  ///
  /// The first two bits say what the content is: a tag object; an SSH signature, or a CMS message, without its armour,
  /// below a text that was signed.
  static let tag = FuzzTarget("tag") { input in
    let choices = Choices(input)
    let trusted = try Trusted.shared.get()
    let object =
      switch choices.bits & 3 {
      case 1: trusted.sshText + SSHSignature.armour.wrap(choices.content, lineLength: 70)
      case 2: trusted.cmsText + CMSTagSigner.armour.wrap(choices.content, lineLength: 64)
      default: choices.content
      }
    let parts = SignedTag(splitting: object)
    try check(parts.text + (parts.signature ?? []) == object[...], "its parts are not the whole")
    try checkVerdict(on: object, trusted)
    try checkRecord(of: object)
    let commit = CommitObject(id: .zero, content: object)
    try check(commit.message.count <= object.count, "a commit's message is longer than the commit")
  }

  private static func checkVerdict(on object: [UInt8], _ trusted: Trusted) throws {
    do {
      let signature = try trusted.verifier.verify(object, taggerTime: Trusted.time)
      let text = SignedTag(splitting: object).signedBytes()
      try check(text.map(trusted.texts.contains) ?? false, "good, and nobody signed it: \(signature)")
      try checkShown(signature.identity, limit: 1024, "the identity")
    } catch let error as VerificationFailure {
      try checkShown(error.message, limit: 4096, "the message of \(error.code)")
    }
  }

  /// What the lane tells the worker of it, and what the worker makes of that.
  private static func checkRecord(of content: [UInt8]) throws {
    let object = TagObject(id: .zero, content: content)
    let ref = object.name ?? "churn@v1.0.0"
    guard RefName.isCreatable("refs/tags/" + ref),
      let record = TagRecord(name: ref, id: .zero, object: object)
    else { return }
    var delta = TagDelta()
    delta.tags = [record]
    let text = delta.json.serialized()
    try check(
      try TagDelta(try JSONValue(parsing: text)).tags == [record], "the lane's word reads differently")
    var state = RegistryState(tags: [record])
    _ = state.history(of: nil, ascending: true).jsonValue.serialized()
    _ = state.summary(ShowOptions(), allowedStages: nil, isVisible: { _ in true }).jsonValue.serialized()
    let problems = state.doctor(now: Trusted.time, allowedStages: nil)
    try check(problems.allSatisfy { $0.refs == [ref] }, "what is wrong is about another tag: \(problems)")
    state.remove(ref: ref)
    try check(state.tagCount == 0 && state.artifactNames.isEmpty, "something of the tag stays")
  }
}

/// Who is trusted, and what they have signed: the fixtures of `TagSigningTests`.
private struct Trusted: Sendable {
  /// 2026-01-01, when the certificates are valid.
  static let time: Int64 = 1_767_225_600
  static let shared = Result { try Trusted() }

  let verifier: TagVerifier
  /// What of the fixtures' tags is signed.
  let texts: Set<[UInt8]>
  let sshText: [UInt8]
  let cmsText: [UInt8]

  private init() throws {
    let keys = ["ed25519", "p256", "p384", "p521", "rsa"]
    let lines = try keys.map {
      "release@example.com \(String(decoding: try Self.read("keys/\($0).pub"), as: UTF8.self))"
    }
    verifier = TagVerifier(
      allowedSigners: try AllowedSigners(file: Array(lines.joined(separator: "\n").utf8)),
      certificates: try CertificateTrust(bundle: try Self.read("x509/root.pem")))
    let names = [
      "ssh-ed25519", "ssh-p256", "ssh-p384", "ssh-p521", "ssh-rsa", "x509-p256", "x509-p384", "x509-rsa",
    ]
    let tags = try names.map { SignedTag(splitting: try Self.read("vectors/\($0).tag")) }
    texts = Set(tags.compactMap { $0.signedBytes() })
    (sshText, cmsText) = (Array(tags[0].text), Array(tags[5].text))
  }

  private static func read(_ name: String) throws -> [UInt8] {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return [UInt8](try Data(contentsOf: tests.appending(path: "TagSigningTests/Fixtures/\(name)")))
  }
}
