extension AllowedSigners {
  /// Reads a whole file. A line that OpenSSH would fail on when it comes to it fails the file here at once.
  ///
  /// Supported: comments, quoted principals, patterns with `*`, `?` and `!`, `namespaces=`, `valid-after=`,
  /// `valid-before=`. Refused, by line number: `cert-authority`, security keys, DSA, RSA below 2048 bits.
  ///
  /// - Throws: ``SigningError`` with `badTrustFile`.
  public init(file: [UInt8]) throws(SigningError) {
    var entries: [Entry] = []
    for (index, line) in file.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .enumerated()
    {
      do {
        if let entry = try Self.entry(line) { entries.append(entry) }
      } catch {
        throw SigningError(
          .badTrustFile, "reading the allowed signers", "line \(index + 1): \(error.message)")
      }
    }
    self.init(entries: entries)
  }

  /// Nil for a line without content.
  private static func entry(_ line: ArraySlice<UInt8>) throws(TrustLineError) -> Entry? {
    var reader = TrustLineReader(line)
    reader.skipBlanks()
    if reader.isAtEnd || reader.peek == UInt8(ascii: "#") { return nil }
    let principals = SSHPatternList(try reader.quotableWord())
    if reader.startsWithKey { return Entry(principals: principals, key: try reader.publicKey()) }
    var options = TrustOptions()
    try options.read(from: &reader)
    reader.skipBlanks()
    return Entry(
      principals: principals, key: try reader.publicKey(), namespaces: options.namespaces,
      validAfter: options.validAfter, validBefore: options.validBefore)
  }
}

/// What is wrong with one line; the caller adds its number.
struct TrustLineError: Error {
  let message: String

  init(_ message: String) { self.message = message }
}

/// The options between principals and key (OpenSSH: `sshsigopt_parse`).
private struct TrustOptions {
  var namespaces: SSHPatternList?
  var validAfter: Int64?
  var validBefore: Int64?

  mutating func read(from reader: inout TrustLineReader) throws(TrustLineError) {
    repeat {
      try readOne(from: &reader)
    } while reader.take(",")
    guard reader.isAtEnd || reader.isAtBlank else { throw TrustLineError("unknown option") }
    if let validAfter, let validBefore, validBefore <= validAfter {
      throw TrustLineError("valid-before is not later than valid-after")
    }
  }

  private mutating func readOne(from reader: inout TrustLineReader) throws(TrustLineError) {
    if reader.take("cert-authority") {
      throw TrustLineError("cert-authority is not supported; list the keys themselves")
    } else if reader.take("namespaces=") {
      if namespaces != nil { throw TrustLineError("namespaces stands there twice") }
      namespaces = SSHPatternList(try reader.quoted())
    } else if reader.take("valid-after=") {
      if validAfter != nil { throw TrustLineError("valid-after stands there twice") }
      validAfter = try time(&reader)
    } else if reader.take("valid-before=") {
      if validBefore != nil { throw TrustLineError("valid-before stands there twice") }
      validBefore = try time(&reader)
    } else {
      throw TrustLineError("unknown option")
    }
  }

  private func time(_ reader: inout TrustLineReader) throws(TrustLineError) -> Int64 {
    guard let time = AbsoluteTime.parse(try reader.quoted()) else {
      throw TrustLineError("expected a time as YYYYMMDD[HHMM[SS]][Z]")
    }
    return time
  }
}
