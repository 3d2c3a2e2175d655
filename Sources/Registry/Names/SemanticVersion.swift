/// The parts of a SemVer 2.0 version and their order of precedence.
///
/// `Comparable` is left out on purpose: precedence ignores build metadata, so two different versions can
/// rank equal.
public struct SemanticVersion: Hashable, Sendable {
  public let major: DecimalNumber
  public let minor: DecimalNumber
  public let patch: DecimalNumber
  /// The identifiers after `-`; empty for a release.
  public let prerelease: [Identifier]
  /// The text after `+`.
  public let build: String?

  /// One dot-separated part of a prerelease.
  public enum Identifier: Hashable, Sendable {
    case number(DecimalNumber)
    case word(String)
  }

  /// Reads `1.2.3-rc.1+build` (without `v`); nil where it is not SemVer 2.0.
  public init?(_ text: some StringProtocol) {
    let withBuild = text.utf8.split(
      separator: UInt8(ascii: "+"), maxSplits: 1, omittingEmptySubsequences: false)
    let withPrerelease = withBuild[0].split(
      separator: UInt8(ascii: "-"), maxSplits: 1, omittingEmptySubsequences: false)
    let core = withPrerelease[0].split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard core.count == 3, let major = Self.number(core[0]), let minor = Self.number(core[1]),
      let patch = Self.number(core[2])
    else { return nil }
    var prerelease: [Identifier] = []
    if withPrerelease.count == 2 {
      guard let read = Self.identifiers(withPrerelease[1]) else { return nil }
      prerelease = read
    }
    if withBuild.count == 2, !Self.isBuild(withBuild[1]) { return nil }
    self.major = major
    self.minor = minor
    self.patch = patch
    self.prerelease = prerelease
    build = withBuild.count == 2 ? String(decoding: withBuild[1], as: UTF8.self) : nil
  }

  /// Whether this one ranks below the other: SemVer 2.0, section 11.
  public func precedes(_ other: SemanticVersion) -> Bool {
    if major != other.major { return major < other.major }
    if minor != other.minor { return minor < other.minor }
    if patch != other.patch { return patch < other.patch }
    if prerelease.isEmpty || other.prerelease.isEmpty {
      return !prerelease.isEmpty && other.prerelease.isEmpty
    }
    for (left, right) in zip(prerelease, other.prerelease) where left != right {
      return left.precedes(right)
    }
    return prerelease.count < other.prerelease.count
  }

  private static func number(_ text: some Collection<UInt8>) -> DecimalNumber? {
    if text.count > 1, text.first == UInt8(ascii: "0") { return nil }
    return DecimalNumber(String(decoding: text, as: UTF8.self))
  }

  private static func identifiers(_ text: some Collection<UInt8>) -> [Identifier]? {
    var identifiers: [Identifier] = []
    for part in text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
      guard isWord(part) else { return nil }
      if part.allSatisfy(\.isDigit) {
        guard let number = number(part) else { return nil }
        identifiers.append(.number(number))
      } else {
        identifiers.append(.word(String(decoding: part, as: UTF8.self)))
      }
    }
    return identifiers
  }

  private static func isBuild(_ text: some Collection<UInt8>) -> Bool {
    text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { isWord($0) }
  }

  private static func isWord(_ text: some Collection<UInt8>) -> Bool {
    !text.isEmpty && text.allSatisfy { $0.isLetterOrDigit || $0 == UInt8(ascii: "-") }
  }
}

extension SemanticVersion.Identifier {
  /// Numbers rank below words, numbers by value, words by their ASCII bytes.
  fileprivate func precedes(_ other: Self) -> Bool {
    switch (self, other) {
    case (.number(let left), .number(let right)): left < right
    case (.number, .word): true
    case (.word, .number): false
    case (.word(let left), .word(let right)): left.utf8.lexicographicallyPrecedes(right.utf8)
    }
  }
}
