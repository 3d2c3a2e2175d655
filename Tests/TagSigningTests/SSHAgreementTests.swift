import Foundation
import TagSigning
import Testing

/// One tag that our verifier and `git verify-tag` have to think alike about.
struct SSHCase: CustomTestStringConvertible, Sendable {
  let name: String
  /// Nil for a good one.
  let code: VerificationFailure.Code?
  var allowed = "release@example.com KEY"
  var revoked: String?
  var tag: @Sendable (TagText, SSHTagSigner) throws -> [UInt8] = { try $0.signed(by: $1) }

  var testDescription: String { name }
}

/// Bytes of a text.
func utf8(_ text: String) -> [UInt8] { Array(text.utf8) }

struct SSHAgreementTests {
  /// Where the tagger's time is 2026-01-01 00:00:00 UTC. KEY and OTHER stand for public keys.
  private static let lists: [SSHCase] = [
    SSHCase(name: "good", code: nil),
    SSHCase(name: "the key isn't listed", code: .unknownKey, allowed: "release@example.com OTHER"),
    SSHCase(name: "nobody is listed", code: .unknownKey, allowed: "# nobody\n\n"),
    SSHCase(name: "for files", code: .wrongNamespace, allowed: "a@b namespaces=\"file\" KEY"),
    SSHCase(name: "for files and git", code: nil, allowed: "a@b namespaces=\"file,git\" KEY"),
    SSHCase(name: "for all", code: nil, allowed: "a@b namespaces=\"*\" KEY"),
    SSHCase(name: "for g?t", code: nil, allowed: "a@b namespaces=\"g?t\" KEY"),
    SSHCase(name: "for all but git", code: .wrongNamespace, allowed: "a@b namespaces=\"!git,*\" KEY"),
    SSHCase(name: "for git but git not", code: .wrongNamespace, allowed: "a@b namespaces=\"git,!g*\" KEY"),
    SSHCase(name: "expired", code: .expired, allowed: "a@b valid-before=\"20251231\" KEY"),
    SSHCase(name: "not yet valid", code: .notYetValid, allowed: "a@b valid-after=\"20260102Z\" KEY"),
    SSHCase(name: "last second", code: nil, allowed: "a@b valid-before=\"20260101000000Z\" KEY"),
    SSHCase(name: "one second late", code: .expired, allowed: "a@b valid-before=\"20251231235959Z\" KEY"),
    SSHCase(name: "first second", code: nil, allowed: "a@b valid-after=\"202601010000Z\" KEY"),
    SSHCase(name: "one second early", code: .notYetValid, allowed: "a@b valid-after=\"20260101000001Z\" KEY"),
    SSHCase(
      name: "in between", code: nil,
      allowed: "a@b valid-after=\"20250101\",NAMESPACES=\"git\",valid-before=\"20270101utc\" KEY"),
    SSHCase(
      name: "old and new line", code: nil,
      allowed: "a@b valid-before=\"20250101\" KEY\na@b valid-after=\"20250102\" KEY"),
    SSHCase(
      name: "first line says who", code: .wrongNamespace,
      allowed: "a@b namespaces=\"file\" KEY\nc@d namespaces=\"git\" KEY\ne@f namespaces=\"file\" KEY"),
    SSHCase(
      name: "first line says who, second allows", code: nil,
      allowed: "a@b namespaces=\"file\" KEY\n*@b namespaces=\"git\" KEY"),
    SSHCase(
      name: "comments and blanks", code: nil, allowed: "# one\n\n  \t# two\n\t a@b \t KEY a comment\n#"),
    SSHCase(name: "quoted principal", code: nil, allowed: "\"a b,c d\" namespaces=\"git\" KEY x\n"),
    SSHCase(name: "quote in the middle", code: nil, allowed: "a\" b\" KEY\n"),
    SSHCase(name: "patterns", code: nil, allowed: "*@b,!x@b KEY\n"),
    SSHCase(name: "only a negated pattern", code: .wrongNamespace, allowed: "!x@b KEY\n"),
    SSHCase(name: "Windows line endings", code: nil, allowed: "# one\r\na@b KEY\r\n"),
    SSHCase(name: "revoked", code: .revoked, revoked: "# lost\n\nKEY\n"),
    SSHCase(name: "revoked with a comment", code: .revoked, revoked: "OTHER\nKEY somebody@somewhere"),
    SSHCase(name: "another is revoked", code: nil, revoked: "OTHER\n"),
    SSHCase(name: "nothing is revoked", code: nil, revoked: "# nothing\n"),
  ]

  private static let tags: [SSHCase] = [
    SSHCase(name: "unsigned", code: .unsigned) { tag, _ in tag.bytes },
    SSHCase(name: "another purpose", code: .wrongNamespace) { tag, _ in
      tag.bytes + (try keygen("file", tag.bytes))
    },
    SSHCase(name: "no end line", code: .malformed) { tag, signer in
      Array(try tag.signed(by: signer).dropLast("-----END SSH SIGNATURE-----\n".utf8.count))
    },
    SSHCase(name: "half an end line", code: .malformed) { Array(try $0.signed(by: $1).dropLast(10)) },
    SSHCase(name: "no last newline", code: nil) { Array(try $0.signed(by: $1).dropLast()) },
    SSHCase(name: "cut in the middle", code: .malformed) { tag, signer in
      let armour = try signer.sign(tag.bytes)
      return tag.bytes + armour.prefix(armour.count / 2) + utf8("\n-----END SSH SIGNATURE-----\n")
    },
    SSHCase(name: "CRLF everywhere in the armour", code: .malformed) { tag, signer in
      let armour = String(decoding: try signer.sign(tag.bytes), as: UTF8.self)
      return tag.bytes + utf8(armour.replacing("\n", with: "\r\n"))
    },
    SSHCase(name: "CRLF after the first line", code: nil) { tag, signer in
      let armour = String(decoding: try signer.sign(tag.bytes), as: UTF8.self)
      let lines = armour.split(separator: "\n", maxSplits: 1)
      return tag.bytes + utf8(lines[0] + "\n" + lines[1].replacing("\n", with: "\r\n"))
    },
    SSHCase(name: "CRLF in the message, not signed", code: .badSignature) { tag, signer in
      var changed = tag
      changed.message = tag.message.replacing("\n", with: "\r\n")
      return changed.bytes + (try signer.sign(tag.bytes))
    },
    SSHCase(name: "CRLF in the message, signed", code: nil) { tag, signer in
      var changed = tag
      changed.message = tag.message.replacing("\n", with: "\r\n")
      return try changed.signed(by: signer)
    },
    SSHCase(name: "the same signature twice", code: .badSignature) { tag, signer in
      let armour = try signer.sign(tag.bytes)
      return tag.bytes + armour + armour
    },
    SSHCase(name: "a signature over text and signature", code: nil) { tag, signer in
      let once = try tag.signed(by: signer)
      return once + (try signer.sign(once))
    },
    SSHCase(name: "a signature by a stranger, then ours", code: .badSignature) { tag, signer in
      try tag.signed(by: try Fixture.sshSigner("ed25519-other")) + (try signer.sign(tag.bytes))
    },
    SSHCase(name: "ours, then a stranger's", code: .unknownKey) { tag, signer in
      let once = try tag.signed(by: signer)
      return once + (try Fixture.sshSigner("ed25519-other").sign(once))
    },
    SSHCase(name: "another tag's signature", code: .badSignature) { tag, signer in
      var other = tag
      other.name = "churn@v9.9.9"
      return tag.bytes + (try signer.sign(other.bytes))
    },
    SSHCase(name: "an armour in an unsigned message", code: .malformed) { tag, _ in
      var changed = tag
      changed.message = "see\n-----BEGIN SSH SIGNATURE-----\nthis\n"
      return changed.bytes
    },
    SSHCase(name: "an armour in a signed message", code: nil) { tag, signer in
      var changed = tag
      changed.message = "see\n-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n"
      return try changed.signed(by: signer)
    },
    SSHCase(name: "another armour line behind", code: .unsupportedFormat) { tag, signer in
      try tag.signed(by: signer) + utf8("-----BEGIN PGP MESSAGE-----\n")
    },
    SSHCase(name: "text behind", code: nil) { try $0.signed(by: $1) + utf8("text behind\n") },
    SSHCase(name: "an end line that goes on", code: nil) {
      try $0.signed(by: $1).dropLast() + utf8("more\n")
    },
    SSHCase(name: "a begin line that goes on", code: .malformed) { tag, signer in
      let armour = String(decoding: try signer.sign(tag.bytes), as: UTF8.self)
      return tag.bytes + utf8(armour.replacing("BEGIN SSH SIGNATURE-----", with: "BEGIN SSH SIGNATURE-----x"))
    },
    SSHCase(name: "an indented armour", code: .unsigned) { tag, signer in
      let armour = String(decoding: try signer.sign(tag.bytes), as: UTF8.self)
      return tag.bytes + utf8(armour.replacing("-----BEGIN", with: " -----BEGIN"))
    },
    SSHCase(name: "no newline before the armour", code: .unsigned) { tag, signer in
      tag.bytes.dropLast() + (try signer.sign(tag.bytes))
    },
    SSHCase(name: "a gpgsig header, not signed", code: nil) { tag, signer in
      try tag.insertingHeader("gpgsig-sha256 one\n two\n") + (try signer.sign(tag.bytes))
    },
    SSHCase(name: "a gpgsig header, signed", code: .badSignature) { tag, signer in
      let changed = try tag.insertingHeader("gpgsig one\n two\n")
      return changed + (try signer.sign(changed))
    },
    SSHCase(name: "a header that resembles it, signed", code: nil) { tag, signer in
      let changed = try tag.insertingHeader("gpgsigned one\n two\n")
      return changed + (try signer.sign(changed))
    },
    SSHCase(name: "Base64 with a character too many", code: .malformed) { tag, signer in
      let armour = String(decoding: try signer.sign(tag.bytes), as: UTF8.self)
      return tag.bytes + utf8(armour.replacing("\n-----END", with: "A\n-----END"))
    },
    SSHCase(name: "Base64 with another sign", code: .malformed) { tag, signer in
      let armour = String(decoding: try signer.sign(tag.bytes), as: UTF8.self)
      return tag.bytes + utf8(armour.replacing("U1NIU0lH", with: "U1NIU0l_"))
    },
  ]

  private static func keygen(_ namespace: String, _ text: [UInt8]) throws -> [UInt8] {
    let folder = try TemporaryFolder()
    let key = try folder.write("key", try Fixture.bytes("keys/ed25519"))
    return try Tool(folder: folder).expect(
      "ssh-keygen", ["-Y", "sign", "-q", "-n", namespace, "-f", key], input: text
    ).output
  }

  @Test(arguments: lists + tags)
  func agreesWithGit(_ each: SSHCase) throws {
    let allowed = try Self.fill(each.allowed)
    let revoked = try each.revoked.map(Self.fill)
    let tag = try each.tag(TagText(), try Fixture.sshSigner("ed25519"))
    let git = try GitVerifier(environment: ["TZ": "UTC"])
    try git.trust(allowedSigners: allowed, revoked: revoked)
    let theirs = try git.verify(tag)
    #expect(theirs.succeeded == (each.code == nil), "\(theirs.errors)")
    let verifier = TagVerifier(
      allowedSigners: try AllowedSigners(file: utf8(allowed)),
      revokedKeys: try RevokedKeys(file: utf8(revoked ?? "")))
    let ours = failure(verifier, tag)
    #expect(ours?.code == each.code)
    if ours == nil {
      let identity = try verifier.verify(tag, taggerTime: Fixture.time).identity
      #expect(theirs.errors.contains("signature for \(identity) with"))
    }
  }

  private static func fill(_ text: String) throws -> String {
    text.replacing("KEY", with: try Fixture.key("ed25519").publicKey.openSSHLine())
      .replacing("OTHER", with: try Fixture.key("ed25519-other").publicKey.openSSHLine())
  }

  /// With an expected principal, against `ssh-keygen -Y verify -I`.
  @Test(arguments: [
    ("a@b", "a@b", true), ("a@b", "x@b", false), ("*@b", "x@b", true), ("?@b", "xy@b", false),
    ("a@b,c@d", "c@d", true), ("*,!x@b", "x@b", false), ("!x@b,*", "x@b", false), ("!x@b,*", "y@b", true),
    ("\"Release Team\"", "Release Team", true), ("a@b", "A@b", false), ("a*b*c", "aXbYbZc", true),
    ("a*b*c", "aXbYbZ", false), ("*", "", true), ("**", "x", true), ("a?", "a", false),
  ])
  func agreesAboutPrincipals(principals: String, expected: String, isGood: Bool) throws {
    let folder = try TemporaryFolder()
    let allowed = "\(principals) \(try Fixture.key("ed25519").publicKey.openSSHLine())\n"
    let tag = TagText()
    let signature = try Fixture.sshSigner("ed25519").sign(tag.bytes)
    let theirs = try Tool(folder: folder).run(
      "ssh-keygen",
      [
        "-Y", "verify", "-n", "git", "-I", expected, "-f", try folder.write("allowed", allowed), "-s",
        try folder.write("signature", signature),
      ], input: tag.bytes)
    #expect(theirs.succeeded == isGood, "\(theirs.errors)")
    let verifier = TagVerifier(allowedSigners: try AllowedSigners(file: utf8(allowed)))
    let ours = failure(verifier, tag.bytes + signature, expecting: expected)
    #expect(ours?.code == (isGood ? nil : .wrongPrincipal))
  }

  /// Lines on which ssh-keygen fails when it gets there are refused at once, by number.
  @Test(arguments: [
    "a@b", "a@b ssh-ed25519", "a@b ssh-ed25519 AAAA", "a@b unknown-option KEY", "\"a@b KEY",
    "a@b namespaces=git KEY", "a@b namespaces=\"git KEY", "a@b namespaces=\"git\",namespaces=\"x\" KEY",
    "a@b valid-after=\"yesterday\" KEY", "a@b valid-after=\"20261301\" KEY", "a@b valid-after=\"2026\" KEY",
    "a@b valid-after=\"20260102\",valid-before=\"20260101\" KEY", "a@b namespaces=\"git\", KEY", "KEY",
  ])
  func refusesWhatSSHKeygenRefuses(line: String) throws {
    let folder = try TemporaryFolder()
    let allowed = "# a comment\n\(try Self.fill(line))\n"
    let tag = TagText()
    let signature = try Fixture.sshSigner("ed25519").sign(tag.bytes)
    let theirs = try Tool(folder: folder).run(
      "ssh-keygen",
      [
        "-Y", "verify", "-n", "git", "-I", "a@b", "-f", try folder.write("allowed", allowed), "-s",
        try folder.write("signature", signature),
      ], input: tag.bytes)
    #expect(!theirs.succeeded)
    let error = signingError { try AllowedSigners(file: utf8(allowed)) }
    #expect(error?.code == .badTrustFile)
    #expect(error?.message.hasPrefix("line 2: ") ?? false)
  }
}

extension TagText {
  /// The text with one more header at the end of the headers.
  func insertingHeader(_ header: String) throws -> [UInt8] {
    let text = String(decoding: bytes, as: UTF8.self)
    guard let end = text.range(of: "\n\n") else { throw Problem("no headers") }
    return utf8(text.replacingCharacters(in: end, with: "\n\(header)\n"))
  }
}
