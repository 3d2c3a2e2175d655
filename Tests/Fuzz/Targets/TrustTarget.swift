@testable import TagSigning

extension FuzzTarget {
  /// A file that says whom to trust is accepted whole or refused at one of its lines. Its keys are written so that they
  /// read the same, and a key is trusted for nobody whom no line names.
  ///
  /// The content is read as allowed signers, as revoked keys, and as certificates; with the first bit set, as one
  /// certificate without its armour.
  static let trust = FuzzTarget("trust") { input in
    let choices = Choices(input)
    try checkSigners(choices)
    try checkRevoked(choices)
    let pem =
      choices.bits & 1 == 0
      ? choices.content : Armour(label: "CERTIFICATE").wrap(choices.content, lineLength: 64)
    try checkCertificates(pem)
  }

  private static func checkSigners(_ choices: Choices) throws {
    let signers: AllowedSigners
    do throws(SigningError) {
      signers = try AllowedSigners(file: choices.content)
    } catch {
      return try checkPlace(error, choices)
    }
    try check(signers.count <= choices.lines.count, "more keys than lines")
    let time = Int64(choices.bits) << 24
    for key in signers.publicKeys {
      let line = key.allowedSignersLine(principal: "release@example.com")
      let again = try AllowedSigners(file: Array(line.utf8))
      try check(again.publicKeys == [key], "a key reads differently")
      let principal = try again.principal(of: key, at: time, expecting: nil)
      try check(principal == "release@example.com", "it is the key of \(principal)")
      guard let found = try? signers.principal(of: key, at: time, expecting: nil) else { continue }
      let isNamed = signers.entries.contains { $0.key == key && $0.principals.matches(Array(found.utf8)) }
      try check(isNamed || found.contains("\u{FFFD}"), "no line names \(found)")
    }
  }

  private static func checkRevoked(_ choices: Choices) throws {
    do {
      let revoked = try RevokedKeys(file: choices.content)
      try check(revoked.count <= choices.lines.count, "more keys than lines")
    } catch let error as SigningError {
      if !choices.content.starts(with: "SSHKRL".utf8) { try checkPlace(error, choices) }
    }
  }

  private static func checkPlace(_ error: SigningError, _ choices: Choices) throws {
    try checkShown(error.message, limit: 1024, "the message")
    let words = error.message.split(separator: " ")
    let line = words.count > 1 ? Int(words[1].dropLast()) ?? 0 : 0
    try check(
      error.code == .badTrustFile && (1...choices.lines.count).contains(line), "the place of \"\(error)\"")
  }

  private static func checkCertificates(_ pem: [UInt8]) throws {
    let certificates: [Certificate]
    do throws(SigningError) {
      certificates = try Certificate.read(pem: pem)
    } catch {
      return try checkShown(error.message, limit: 1024, "the message")
    }
    for certificate in certificates {
      try checkShown(certificate.subject, limit: 16 << 10, "the subject")
      let again = try Certificate.read(pem: Array(try certificate.pem().utf8))
      try check(again.map(\.fingerprint) == [certificate.fingerprint], "a certificate reads differently")
    }
    _ = try? CertificateTrust(bundle: pem)
  }
}

extension AllowedSigners {
  /// The keys of all lines, in their order, each once.
  fileprivate var publicKeys: [PublicKey] {
    var seen = Set<PublicKey>()
    return entries.map(\.key).filter { seen.insert($0).inserted }
  }
}
