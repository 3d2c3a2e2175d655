import TagSigning
import Testing

/// Where the text ends and the signature begins, against what git itself says.
struct SignedTagTests {
  private static let ssh = "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n"

  private static let messages: [(String, SignatureFormat?)] = [
    ("plain\n", nil),
    ("plain", nil),
    ("", nil),
    ("one\n" + ssh, SignatureFormat.ssh),
    ("one\n" + ssh + ssh, .ssh),
    ("one\n" + ssh + "more\n", .ssh),
    ("one\n" + ssh + "-----BEGIN SIGNED MESSAGE-----", .x509),
    ("one\n-----BEGIN SIGNED MESSAGE-----\nAAAA\n-----END SIGNED MESSAGE-----\n", .x509),
    ("one\n-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n", .openpgp),
    ("one\n-----BEGIN PGP MESSAGE-----\n\nAAAA\n-----END PGP MESSAGE-----\n", .openpgp),
    ("one\n-----BEGIN PGP SIGNATURE-----more\n", .openpgp),
    ("one\n-----BEGIN PGP SIGNATURE----\n", nil),
    ("one\n -----BEGIN SSH SIGNATURE-----\n", nil),
    ("one -----BEGIN SSH SIGNATURE-----\n", nil),
    ("one\r\n-----BEGIN SSH SIGNATURE-----\r\n", .ssh),
    ("one\r-----BEGIN SSH SIGNATURE-----\r\n", nil),
    ("-----BEGIN SSH SIGNATURE-----\n", .ssh),
    ("-----BEGIN CERTIFICATE-----\n", nil),
    ("one\n-----BEGIN SSH SIGNATURE-----", .ssh),
  ]

  @Test(arguments: messages)
  func splitsWhereGitSplits(message: String, format: SignatureFormat?) throws {
    var tag = TagText()
    tag.message = message
    let bytes = tag.bytes
    let parts = SignedTag(splitting: bytes)
    #expect(parts.format == format)
    #expect(Array(parts.text) + Array(parts.signature ?? []) == bytes)

    let git = try GitVerifier()
    try git.run(["update-ref", "refs/tags/it", try git.store(bytes)])
    let theirs = try git.run(["for-each-ref", "--format=%(contents:signature)%00", "refs/tags"]).output
    #expect(theirs.prefix { $0 != 0 } == (parts.signature ?? [])[...])
  }
}
