/// A tag object's text, taken apart into what is signed and the signature.
public struct SignedTag: Hashable, Sendable {
  /// Everything before the signature: headers, message, no armour.
  public let text: ArraySlice<UInt8>
  /// The armour and all that follows it; nil for a tag without a signature.
  public let signature: ArraySlice<UInt8>?
  /// The signature's kind; nil for a tag without a signature.
  public let format: SignatureFormat?

  private static let headers: [(SignatureFormat, [UInt8])] = [
    (.openpgp, Array("-----BEGIN PGP SIGNATURE-----".utf8)),
    (.openpgp, Array("-----BEGIN PGP MESSAGE-----".utf8)),
    (.x509, Array("-----BEGIN SIGNED MESSAGE-----".utf8)),
    (.ssh, Array("-----BEGIN SSH SIGNATURE-----".utf8)),
  ]

  /// Finds the signature where Git finds it: at the last line that begins with the first line of a known
  /// armour, whatever comes after it (Git: `parse_signed_buffer` in gpg-interface.c).
  ///
  /// - Parameter tag: the whole tag object, or its message.
  public init(splitting tag: some Collection<UInt8>) {
    let tag = Array(tag)
    var found: (start: Int, format: SignatureFormat)?
    var line = 0
    while line < tag.count {
      if let format = Self.format(ofLine: tag[line...]) { found = (line, format) }
      line = tag[line...].firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? tag.count
    }
    text = tag[..<(found?.start ?? tag.count)]
    signature = found.map { tag[$0.start...] }
    format = found?.format
  }

  private static func format(ofLine line: ArraySlice<UInt8>) -> SignatureFormat? {
    guard line.first == UInt8(ascii: "-") else { return nil }
    return headers.first { line.starts(with: $0.1) }?.0
  }
}

// MARK: What is signed

extension SignedTag {
  /// The bytes that the signature is over: the text without a `gpgsig` header, which holds the signature for
  /// the other hash function (Git: `remove_signature` in commit.c).
  ///
  /// - Returns: nil for more than one such header, about which Git's versions differ.
  func signedBytes() -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count)
    var headers = 0
    var isInside = false
    var rest = text
    while let first = rest.first, first != UInt8(ascii: "\n") {
      let line = rest.prefix { $0 != UInt8(ascii: "\n") }
      rest = rest[min(line.endIndex + 1, rest.endIndex)...]
      isInside = isInside && first == UInt8(ascii: " ") || Self.isSignatureHeader(line)
      if Self.isSignatureHeader(line) { headers += 1 }
      if !isInside { bytes.append(contentsOf: text[line.startIndex..<rest.startIndex]) }
    }
    bytes.append(contentsOf: rest)
    return headers <= 1 ? bytes : nil
  }

  private static func isSignatureHeader(_ line: ArraySlice<UInt8>) -> Bool {
    line.starts(with: "gpgsig ".utf8) || line.starts(with: "gpgsig-sha256 ".utf8)
  }
}
