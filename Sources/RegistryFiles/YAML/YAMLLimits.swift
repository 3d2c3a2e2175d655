/// What a YAML file may cost to read. Each limit is named in the error of a file that exceeds it.
public struct YAMLLimits: Sendable {
  /// Bytes of the file.
  public var maximumSize: Int
  /// How many collections may stand inside each other, aliases expanded.
  public var maximumDepth: Int
  /// How much aliases may add to the file: one per node and one per character of its text.
  public var maximumAliasExpansion: Int

  /// - Parameters:
  ///   - maximumSize: bytes, at least 0; 1 MiB unless told.
  ///   - maximumDepth: levels, 1 to 64; recursion goes this deep.
  ///   - maximumAliasExpansion: nodes and characters, at least 0; 1 Mi unless told.
  public init(
    maximumSize: Int = 1 << 20, maximumDepth: Int = 64, maximumAliasExpansion: Int = 1 << 20
  ) {
    self.maximumSize = max(0, maximumSize)
    self.maximumDepth = min(max(1, maximumDepth), 64)
    self.maximumAliasExpansion = max(0, maximumAliasExpansion)
  }
}
