/// Keys that count no longer, whatever the time of the tag: public keys one a line, as `gpg.ssh.revocationFile`
/// takes them. They apply to the keys of certificates as well.
public struct RevokedKeys: Sendable {
  private let blobs: Set<[UInt8]>

  /// Nothing is revoked.
  public init() { blobs = [] }

  /// Reads a whole file: comments, empty lines, and keys of any type.
  ///
  /// - Throws: ``SigningError`` with `badTrustFile`, also for OpenSSH's binary key revocation lists.
  public init(file: [UInt8]) throws(SigningError) {
    let operation = "reading the revoked keys"
    if file.starts(with: "SSHKRL\n\0".utf8) {
      throw SigningError(
        .badTrustFile, operation,
        "a binary key revocation list is not supported; list the public keys, one a line")
    }
    var blobs = Set<[UInt8]>()
    for (index, line) in file.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .enumerated()
    {
      do {
        if let blob = try Self.blob(line) { blobs.insert(blob) }
      } catch {
        throw SigningError(.badTrustFile, operation, "line \(index + 1): \(error.message)")
      }
    }
    self.blobs = blobs
  }

  public var count: Int { blobs.count }

  public func contains(_ key: PublicKey) -> Bool { blobs.contains(key.blob) }

  /// Nil for a line without content.
  private static func blob(_ line: ArraySlice<UInt8>) throws(TrustLineError) -> [UInt8]? {
    var reader = TrustLineReader(line)
    reader.skipBlanks()
    if reader.isAtEnd || reader.peek == UInt8(ascii: "#") { return nil }
    return try reader.keyBlob().blob
  }
}
