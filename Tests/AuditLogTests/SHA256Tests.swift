import AuditLog
import TestSupport
import Testing

/// SHA-256 against the examples of FIPS 180-4 and against the system's own program.
struct SHA256Tests {
  @Test(
    arguments: [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
      (
        "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrs"
          + "mnopqrstnopqrstu",
        "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
      ),
      (
        String(repeating: "a", count: 1_000_000),
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
      ),
    ])
  func published(_ text: String, _ digest: String) {
    #expect(SHA256.hexadecimal(text.utf8) == digest)
  }

  @Test("the same as sha256sum, whatever the length and however the bytes are cut")
  func random() throws {
    var generator = SeededGenerator(seed: 20)
    for round in 0..<200 {
      let count = round < 130 ? round : Int.random(in: 0...5000, using: &generator)
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
      var hash = SHA256()
      var rest = bytes[...]
      while !rest.isEmpty {
        let part = rest.prefix(Int.random(in: 1...200, using: &generator))
        hash.update(part)
        rest = rest.dropFirst(part.count)
      }
      let expected = try Program.check("sha256sum", [], input: bytes).prefix(64)
      #expect(hash.hexadecimal == expected, "\(count) bytes")
    }
  }
}
