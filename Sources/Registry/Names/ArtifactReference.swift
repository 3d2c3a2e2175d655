/// What a user names when reading: an artifact, or by a shortcut some of its versions: `churn@latest`,
/// `churn@greatest`, `churn@v1.0.0`, `churn#prod`. Source: GTO, constants.py, `parse_shortcut`.
public struct ArtifactReference: Hashable, Sendable, CustomStringConvertible {
  public let artifact: ArtifactName
  public let selection: Selection

  public enum Selection: Hashable, Sendable {
    case all
    /// `@latest` and `@greatest` are the same in GTO: the highest version by SemVer.
    case latest
    case version(VersionName)
    case stage(StageName)
  }

  public init(artifact: ArtifactName, selection: Selection = .all) {
    self.artifact = artifact
    self.selection = selection
  }

  /// - Throws: ``InvalidName`` for what is neither a name nor a shortcut.
  public init(_ text: String) throws(InvalidName) {
    guard let mark = text.utf8.firstIndex(where: { $0 == UInt8(ascii: "#") || $0 == UInt8(ascii: "@") })
    else {
      self.init(artifact: try ArtifactName(text))
      return
    }
    let artifact = try ArtifactName(String(text[..<mark]))
    let rest = String(text[text.utf8.index(after: mark)...])
    if text.utf8[mark] == UInt8(ascii: "#") {
      self.init(artifact: artifact, selection: .stage(try StageName(rest)))
    } else if rest == "latest" || rest == "greatest" {
      self.init(artifact: artifact, selection: .latest)
    } else {
      self.init(artifact: artifact, selection: .version(try VersionName(rest)))
    }
  }

  public var description: String {
    switch selection {
    case .all: artifact.text
    case .latest: "\(artifact)@latest"
    case .version(let version): "\(artifact)@\(version)"
    case .stage(let stage): "\(artifact)#\(stage)"
    }
  }
}
