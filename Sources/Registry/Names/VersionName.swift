/// The name of a version: `v` and a SemVer 2.0 version. Equal when the bytes are equal, build metadata
/// included. Source: GTO, versions.py and constants.py, `semver`.
public struct VersionName: Hashable, Sendable, CustomStringConvertible {
  /// ASCII only, with the leading `v`.
  public let text: String

  /// The first version of an artifact that is registered without naming one.
  public static let first = VersionName(unchecked: "v0.0.1")

  /// - Throws: ``InvalidName`` where the text is not `v` and SemVer 2.0.
  public init(_ text: String) throws(InvalidName) {
    if let reason = Self.problem(in: text) {
      throw InvalidName(kind: "version", value: text, reason: reason, offset: nil, allowed: Self.allowed)
    }
    self.text = text
  }

  /// The parts of the version.
  public var semantic: SemanticVersion {
    SemanticVersion(text.dropFirst()) ?? SemanticVersion(major: .zero, minor: .zero, patch: .zero)
  }

  public var description: String { text }

  /// The next version: the named part is one higher, the parts after it are 0, prerelease and build
  /// metadata are gone. Source: the `semver` package that GTO uses, `bump_major` and so on.
  public func bumped(_ part: VersionBump) -> VersionName {
    let (old, zero) = (semantic, DecimalNumber.zero)
    return switch part {
    case .major: VersionName(unchecked: "v\(old.major.successor).\(zero).\(zero)")
    case .minor: VersionName(unchecked: "v\(old.major).\(old.minor.successor).\(zero)")
    case .patch: VersionName(unchecked: "v\(old.major).\(old.minor).\(old.patch.successor)")
    }
  }

  private init(unchecked text: String) { self.text = text }

  private static let allowed =
    "a version is 'v' and SemVer 2.0, such as \"v1.0.0\" or \"v2.1.0-rc.1\", without leading zeros"

  private static func problem(in text: String) -> String? {
    if text.isEmpty { return "it is empty" }
    if text.utf8.first != UInt8(ascii: "v") { return "it does not start with 'v'" }
    return SemanticVersion(text.dropFirst()) == nil ? "what follows 'v' is not SemVer" : nil
  }
}

/// Which part of a version to raise.
public enum VersionBump: String, Sendable, CaseIterable, Hashable {
  case major, minor, patch
}

extension SemanticVersion {
  init(major: DecimalNumber, minor: DecimalNumber, patch: DecimalNumber) {
    self.major = major
    self.minor = minor
    self.patch = patch
    prerelease = []
    build = nil
  }
}
