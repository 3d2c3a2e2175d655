@testable import GitRemote
@testable import Registry

extension FuzzTarget {
  /// A name that is accepted is written so that it reads the same, and Git holds a tag of that name. Versions
  /// are ordered. The first line is taken for every kind of name, the second for a version to compare with.
  static let names = FuzzTarget("names") { input in
    let lines = input.split(separator: 0x0A, omittingEmptySubsequences: false)
    let text = String(decoding: lines[0], as: UTF8.self)
    try checkTag(text)
    try checkArtifact(text)
    try checkReference(text)
    try checkNumber(text)
    guard let version = try? VersionName(text) else { return }
    try checkVersion(version)
    let other = lines.count > 1 ? String(decoding: lines[1], as: UTF8.self) : "v1.0.0-rc.1"
    if let other = try? VersionName(other) { try checkOrder(version.semantic, other.semantic) }
  }

  private static func checkTag(_ text: String) throws {
    guard let tag = try? TagName(parsing: text) else { return }
    let written = tag.description
    try check(try TagName(parsing: written) == tag, "the tag \(written) reads differently")
    // A counter's leading zeros go, so that the name may only become shorter.
    try check(written.utf8.count <= text.utf8.count, "the tag \(written) became longer")
    try check(
      text.utf8.count > 1000 || RefName.isCreatable("refs/tags/" + text), "Git holds no tag \(text)")
  }

  private static func checkArtifact(_ text: String) throws {
    guard let name = try? ArtifactName(text) else { return }
    try check(name.text.utf8.elementsEqual(text.utf8), "the name \(name) is not as given")
    try check(try ArtifactName(inTag: name.inTag) == name, "the name \(name) reads differently in a tag")
    // With a version or a stage behind it a longer one may become longer than a file's name can be.
    if text.utf8.count <= 100 { try checkTags(of: name) }
  }

  private static func checkTags(of name: ArtifactName) throws {
    let version = VersionName.first
    for tag in [
      TagName.registration(of: name, version), .deregistration(of: name, version, counter: .zero),
      .deprecation(of: name, counter: DecimalNumber(7)),
    ] {
      try check(try TagName(parsing: tag.description) == tag, "the tag \(tag) reads differently")
    }
    guard let stage = try? StageName(name.text) else { return }
    let tag = TagName.unassignment(of: name, from: stage, counter: DecimalNumber(.max))
    try check(try TagName(parsing: tag.description) == tag, "the tag \(tag) reads differently")
  }

  private static func checkReference(_ text: String) throws {
    guard let reference = try? ArtifactReference(text) else { return }
    try check(
      try ArtifactReference(reference.description) == reference, "\(reference) reads differently")
  }

  private static func checkNumber(_ text: String) throws {
    guard let number = DecimalNumber(text) else { return }
    try check(DecimalNumber(number.description) == number, "\(number) reads differently")
    try check(number < number.successor, "\(number) is not less than \(number.successor)")
  }

  private static func checkVersion(_ version: VersionName) throws {
    let semantic = version.semantic
    for part in VersionBump.allCases {
      let next = version.bumped(part)
      try check(try VersionName(next.text) == next, "\(next) is no version")
      try check(semantic.precedes(next.semantic), "\(next) does not come after \(version)")
    }
    try check(!semantic.precedes(semantic), "\(version) comes before itself")
  }

  private static func checkOrder(_ left: SemanticVersion, _ right: SemanticVersion) throws {
    try check(!(left.precedes(right) && right.precedes(left)), "two versions come before each other")
    let isTie = !left.precedes(right) && !right.precedes(left)
    let isEqual =
      left.major == right.major && left.minor == right.minor && left.patch == right.patch
      && left.prerelease == right.prerelease
    try check(isTie == isEqual, "two versions tie that differ, or differ and tie")
  }
}
