import Foundation
import SystemCalls
import TagSigning

/// The checked-in test keys and certificates.
enum Fixture {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Fixtures").path
  static let passphrase = "test-passphrase"
  /// 2026-01-01, when all certificates but the expired one are valid.
  static let time: Int64 = 1_767_225_600

  static func bytes(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")))
  }

  static func text(_ name: String) throws -> String { String(decoding: try bytes(name), as: UTF8.self) }

  static func key(_ name: String, passphrase: String? = nil) throws -> SigningKey {
    try SigningKey(
      file: SecretBytes(copying: try bytes("keys/\(name)")),
      passphrase: passphrase.map { SecretBytes(copying: Array($0.utf8)) })
  }

  static func sshSigner(_ name: String) throws -> SSHTagSigner { SSHTagSigner(key: try key(name)) }

  /// A signer with the certificate of that name and the key that it is for.
  static func cmsSigner(
    _ name: String, certificate: String? = nil, chain: String? = "intermediate", now: Int64 = time
  ) throws -> CMSTagSigner {
    try CMSTagSigner(
      key: try key(name), certificate: try bytes("x509/\(certificate ?? name).pem"),
      chain: try chain.map { try bytes("x509/\($0).pem") } ?? [], now: now)
  }

  static func publicLine(_ name: String) throws -> String {
    String(try text("keys/\(name).pub").split(separator: "\n")[0])
  }
}

/// A tag as the worker makes it.
struct TagText {
  var target = String(repeating: "0123456789", count: 4)
  var name = "churn@v1.2.3"
  var message = "Registering artifact churn version v1.2.3\n"
  var time = Fixture.time

  var bytes: [UInt8] {
    Array(
      """
      object \(target)
      type commit
      tag \(name)
      tagger Stagekeeper <stagekeeper@example.com> \(time) +0000

      \(message)
      """.utf8)
  }

  /// The tag object with its signature.
  func signed(by signer: any TagSigner) throws -> [UInt8] {
    bytes + (try signer.sign(bytes, taggerTime: time))
  }
}
