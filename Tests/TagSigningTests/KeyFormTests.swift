import Foundation
import SystemCalls
import Testing

@testable import TagSigning

/// Every form that a private key comes in gives the key that ssh-keygen says it is.
struct KeyFormTests {
  @Test(arguments: [
    ("ed25519", "ed25519"), ("p256", "p256"), ("p384", "p384"), ("p521", "p521"), ("rsa", "rsa"),
    ("p256.pk8.pem", "p256"), ("p384.pk8.pem", "p384"), ("p521.pk8.pem", "p521"), ("rsa.pk8.pem", "rsa"),
    ("p256.traditional.pem", "p256"), ("p384.traditional.pem", "p384"),
    ("p521.traditional.pem", "p521"), ("rsa.traditional.pem", "rsa"),
  ])
  func givesTheKeyThatSSHKeygenNames(file: String, name: String) throws {
    let key = try Fixture.key(file)
    let words = try Fixture.publicLine(name).split(separator: " ")
    #expect(key.publicKey.openSSHLine() == words[0...1].joined(separator: " "))
    let folder = try TemporaryFolder()
    let listing = try Tool(folder: folder).expect(
      "ssh-keygen", ["-l", "-f", try folder.write("key.pub", key.publicKey.openSSHLine())])
    #expect(listing.text.split(separator: " ")[1] == key.publicKey.fingerprint)
  }

  @Test(arguments: [
    ("ed25519-pem.encrypted.pem", "ed25519-pem.pk8.pem"), ("p256.encrypted.pem", "p256"),
    ("rsa.encrypted.pem", "rsa"), ("rsa.traditional-encrypted.pem", "rsa"),
  ])
  func opensWithItsPassphrase(file: String, same: String) throws {
    let key = try Fixture.key(file, passphrase: Fixture.passphrase)
    #expect(key.publicKey == (try Fixture.key(same).publicKey))
    #expect(signingError { try Fixture.key(file, passphrase: "wrong") }?.code == .wrongPassphrase)
    #expect(signingError { try Fixture.key(file, passphrase: "") }?.code == .wrongPassphrase)
    #expect(signingError { try Fixture.key(file) }?.code == .passphraseRequired)
  }

  @Test func knowsItsAlgorithm() throws {
    #expect(try Fixture.key("ed25519").algorithm == .ed25519)
    #expect(try Fixture.key("p256").algorithm == .ecdsa(.p256))
    #expect(try Fixture.key("p384").algorithm == .ecdsa(.p384))
    #expect(try Fixture.key("p521").algorithm == .ecdsa(.p521))
    #expect(try Fixture.key("rsa").algorithm == .rsa(bits: 3072))
  }

  @Test(arguments: [
    ("weak-rsa1024", SigningError.Code.weakKey), ("unsupported-dsa", .unsupportedKey),
    ("unsupported-ed448.pem", .unsupportedKey), ("unsupported-rsapss.pem", .unsupportedKey),
    ("unsupported-secp256k1.pem", .unsupportedKey), ("ed25519.pub", .notAKey),
    ("ed25519.encrypted", .encryptedOpenSSHKey), ("rsa.encrypted", .encryptedOpenSSHKey),
  ])
  func refuses(file: String, code: SigningError.Code) {
    #expect(signingError { try Fixture.key(file, passphrase: Fixture.passphrase) }?.code == code)
  }

  /// The command in the message is run as it stands, with the passphrases that ssh-keygen would ask for.
  @Test(arguments: ["rsa.encrypted", "ed25519.encrypted"])
  func namesACommandThatConverts(file: String) throws {
    let message = try #require(signingError { try Fixture.key(file) }?.message)
    let start = try #require(message.range(of: "ssh-keygen ")?.lowerBound)
    let command = message[start...].prefix { $0 != "(" }
    let folder = try TemporaryFolder()
    let path = try folder.write("key", try Fixture.bytes("keys/\(file)"))
    var words = command.split(separator: " ").map { $0 == "FILE" ? path : $0 == "''" ? "" : String($0) }
    words += ["-P", Fixture.passphrase]
    if !words.contains("-N") { words += ["-N", Fixture.passphrase] }
    try Tool(folder: folder).expect(words[0], Array(words[1...]))
    let converted = try SigningKey(
      path: path, passphrasePath: try folder.write("pass", "\(Fixture.passphrase)\n"))
    #expect(
      converted.publicKey.openSSHLine(comment: "test key \(file.dropLast(10))")
        == (try Fixture.publicLine("\(file.dropLast(10))")))
  }

  /// A byte changed or cut off anywhere is refused or gives the same key; it never crashes and never gives
  /// another key.
  @Test(arguments: ["ed25519", "p256", "p256.pk8.pem"])
  func survivesDamage(file: String) throws {
    let good = try Fixture.bytes("keys/\(file)")
    let key = try Fixture.key(file).publicKey
    for position in good.indices {
      var damaged = good
      damaged[position] ^= 0x04
      let changed = try? SigningKey(file: SecretBytes(copying: damaged))
      #expect(changed == nil || changed?.publicKey == key)
      let cut = try? SigningKey(file: SecretBytes(copying: good[..<position]))
      #expect(cut == nil || cut?.publicKey == key)
    }
  }

  /// Without a cipher no passphrase is derived from: ssh-keygen refuses such a file too (sshkey.c,
  /// `private2_decrypt`), and options are not there (PROTOCOL.key).
  @Test func anUnencryptedKeyNamesNoDerivation() throws {
    let armour = Armour(label: OpenSSHPrivateKey.label)
    let body = try #require(armour.body(in: try Fixture.bytes("keys/ed25519")))
    let good = try #require(Base64.decode(body))
    let none: [UInt8] = [0, 0, 0, 4] + Array("none".utf8)
    let start = "openssh-key-v1\0".utf8.count
    #expect(good[start...].starts(with: none + none + [0, 0, 0, 0]))
    let rest = good[(start + 20)...]
    for (derivation, options) in [("bcrypt", [0, 0, 0, 0]), ("none", [0, 0, 0, 1, 7])] as [(String, [UInt8])]
    {
      let name = [0, 0, 0, UInt8(derivation.utf8.count)] + Array(derivation.utf8)
      let file = armour.wrap(good[..<start] + none + name + options + rest, lineLength: 70)
      let error = signingError { try SigningKey(file: SecretBytes(copying: file)) }
      #expect(error?.code == .notAKey)
    }
  }
}

/// The error that a body throws; nil when it throws none.
func signingError<Value>(_ body: () throws -> Value) -> SigningError? {
  do {
    _ = try body()
    return nil
  } catch {
    return error as? SigningError
  }
}
