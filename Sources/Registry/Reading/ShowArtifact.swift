public import StrictJSON

/// The answer to `show NAME`: versions, highest first, each with the stages it holds.
/// Source: GTO, api.py, `_show_versions`.
public struct ArtifactSummary: Sendable {
  public let name: ArtifactName
  public let versions: [Row]

  public struct Row: Sendable {
    public let version: ArtifactVersion
    public let stages: [StageHistory]
    public let annotation: ArtifactAnnotation?
  }
}

extension RegistryState {
  /// The versions that a reference means; none where the artifact has none such.
  ///
  /// - Parameter commit: only versions at this commit, as GTO's `ref`.
  /// - Throws: ``ReadError`` with ``ReadError/Code/unknownArtifact``.
  public func summary(
    of reference: ArtifactReference, _ options: ShowOptions = ShowOptions(), at commit: ObjectID? = nil
  ) throws(ReadError) -> ArtifactSummary {
    guard let artifact = artifact(reference.artifact) else { throw unknownArtifact(reference.artifact) }
    let rows = artifact.rows(options).map { version, stages in
      ArtifactSummary.Row(
        version: version, stages: stages, annotation: annotation(of: artifact.name, at: version.commit))
    }
    return ArtifactSummary(
      name: artifact.name,
      versions: reference.selection.select(rows).filter { commit == nil || $0.version.commit == commit })
  }

  func unknownArtifact(_ name: ArtifactName) -> ReadError {
    let others = artifactNames.filter { $0 != name }
    let similar = nearest(to: name.text, among: others.map(\.text))
    let hint = similar.map { "; did you mean '\($0)'?" } ?? ""
    return ReadError(code: .unknownArtifact, message: "Cannot find artifact '\(name)'" + hint)
  }
}

extension Artifact {
  fileprivate func rows(_ options: ShowOptions) -> [(ArtifactVersion, [StageHistory])] {
    guard isActive || options.includeDeprecated else { return [] }
    var stages: [VersionLabel: [StageHistory]] = [:]
    for held in self.stages(options.stages) {
      for history in held.versions { stages[history.version, default: []].append(history) }
    }
    // As GTO's: even `--registered-only` lists versions that are known by a stage or a file alone.
    let filter = VersionFilter(
      activeOnly: !options.includeDeprecated, includeUnregistered: !options.stages.registeredOnly,
      includeDiscovered: true)
    return sortedVersions(filter).map { ($0, stages[$0.label] ?? []) }
  }
}

extension ArtifactReference.Selection {
  fileprivate func select(_ rows: [ArtifactSummary.Row]) -> [ArtifactSummary.Row] {
    switch self {
    case .all: rows
    case .latest: Array(rows.prefix(1))
    case .version(let version): rows.filter { $0.version.label == .name(version) }
    case .stage(let stage): rows.filter { row in row.stages.contains { $0.stage == stage } }
    }
  }
}

extension ArtifactSummary {
  /// GTO's JSON: an array of versions with all their events.
  public var jsonValue: JSONValue {
    .array(
      versions.map { $0.version.jsonValue(of: name, stages: $0.stages, annotation: $0.annotation) })
  }
}
