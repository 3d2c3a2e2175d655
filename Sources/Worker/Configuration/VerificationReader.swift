internal import StrictJSON

/// Whom a repository's lane trusts to have signed tags: files that the lane alone reads.
public struct VerificationConfiguration: Sendable, Equatable {
  /// As for `gpg.ssh.allowedSignersFile`.
  public var allowedSignersFile: String?
  /// As for `gpg.ssh.revocationFile`, without binary lists.
  public var revokedKeysFile: String?
  /// Certificate authorities in PEM.
  public var caFile: String?
}

extension VerificationConfiguration {
  init?(reading reader: ObjectReader?) throws(JSONShapeError) {
    guard var reader else { return nil }
    allowedSignersFile = try reader.absolutePath("allowedSignersFile")
    revokedKeysFile = try reader.absolutePath("revokedKeysFile")
    caFile = try reader.absolutePath("caFile")
    try reader.finish()
    if allowedSignersFile == nil, caFile == nil {
      throw reader.error("allowedSignersFile", "is missing: without it or caFile nobody is trusted")
    }
  }
}
