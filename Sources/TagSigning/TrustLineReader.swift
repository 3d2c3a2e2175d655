/// Takes a line of an `allowed_signers` or revoked keys file apart.
struct TrustLineReader {
  private var rest: ArraySlice<UInt8>

  init(_ line: ArraySlice<UInt8>) {
    rest = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
  }

  var isAtEnd: Bool { rest.isEmpty }
  var peek: UInt8? { rest.first }
  var isAtBlank: Bool { rest.first.map(Self.isBlank) ?? false }

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
  }

  mutating func skipBlanks() { rest = rest.drop(while: Self.isBlank) }

  /// Takes a word away if it stands here, in any case.
  mutating func take(_ word: String) -> Bool {
    let here = rest.prefix(word.utf8.count).map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
    guard here == Array(word.utf8) else { return false }
    rest.removeFirst(here.count)
    return true
  }

  /// A word up to the next blank, or with a part in double quotes, which ends it (OpenSSH: `strdelimw`). Blanks
  /// after it are skipped.
  mutating func quotableWord() throws(TrustLineError) -> [UInt8] {
    var word = Array(rest.prefix { !Self.isBlank($0) && $0 != UInt8(ascii: "\"") })
    rest = rest.dropFirst(word.count)
    if peek == UInt8(ascii: "\"") {
      let inside = rest.dropFirst().prefix { $0 != UInt8(ascii: "\"") }
      guard inside.endIndex < rest.endIndex else { throw TrustLineError("a quote is not closed") }
      word += inside
      rest = rest[(inside.endIndex + 1)...]
    }
    skipBlanks()
    return word
  }

  /// A value in double quotes, in which `\"` stands for a quote (OpenSSH: `opt_dequote`).
  mutating func quoted() throws(TrustLineError) -> [UInt8] {
    guard take("\"") else { throw TrustLineError("a value has to stand in double quotes") }
    var value: [UInt8] = []
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\"") { return value }
      if byte == UInt8(ascii: "\\"), peek == UInt8(ascii: "\"") {
        value.append(UInt8(ascii: "\""))
        rest.removeFirst()
      } else {
        value.append(byte)
      }
    }
    throw TrustLineError("a quote is not closed")
  }

  // MARK: Keys

  /// Whether a key type stands here; no option begins like one.
  var startsWithKey: Bool {
    ["ssh-", "ecdsa-", "sk-"].contains { rest.starts(with: $0.utf8) }
  }

  /// A key type and the key's encoding; what follows is a comment.
  mutating func keyBlob() throws(TrustLineError) -> (type: [UInt8], blob: [UInt8]) {
    let type = try word("a key type")
    guard let blob = Base64.decode(try word("a key")) else { throw TrustLineError("the key is not Base64") }
    let isOfType = blob.withReader { reader in (try? reader.string()).map { $0.elementsEqual(type) } ?? false
    }
    if !isOfType { throw TrustLineError("the key is not of the type that stands before it") }
    return (type, blob)
  }

  mutating func publicKey() throws(TrustLineError) -> PublicKey {
    let (_, blob) = try keyBlob()
    do {
      return try PublicKey(blob: blob)
    } catch {
      throw TrustLineError(error.message)
    }
  }

  private mutating func word(_ what: String) throws(TrustLineError) -> [UInt8] {
    let word = Array(rest.prefix { !Self.isBlank($0) })
    if word.isEmpty { throw TrustLineError("expected \(what)") }
    rest = rest.dropFirst(word.count)
    skipBlanks()
    return word
  }
}
