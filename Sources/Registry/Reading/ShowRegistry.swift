public import StrictJSON

/// The answer to `show` without a name: each artifact's highest version and who holds each stage.
/// Source: GTO, api.py, `_show_registry`.
public struct RegistrySummary: Sendable {
  /// The columns, each once: the allowed stages, or where any name is allowed those in use.
  public let stages: [StageName]
  /// In the order of GTO's JSON.
  public let artifacts: [Row]

  public struct Row: Sendable {
    public let name: ArtifactName
    public let latestVersion: VersionLabel?
    /// Who is in each of the summary's stages, the holder first.
    public let holders: [[VersionLabel]]
    /// Whether it has tags; false where only the repository's files name it.
    public let isRegistered: Bool
    public let isActive: Bool
  }
}

extension RegistryState {
  /// - Parameters:
  ///   - allowedStages: the stages of `.gto`, in its order; nil where any name is allowed.
  ///   - isVisible: whether an artifact is for the reader; of the others not even the stages are told.
  public func summary(
    _ options: ShowOptions = ShowOptions(), allowedStages: [StageName]? = nil,
    isVisible: (ArtifactName) -> Bool = { _ in true }
  ) -> RegistrySummary {
    let visible = allArtifacts.filter { isVisible($0.name) }
    var listed: Set<StageName> = []
    let stages = (allowedStages ?? Self.usedStages(of: visible)).filter { listed.insert($0).inserted }
    let rows = visible.filter { options.includeDeprecated || $0.isActive }.map { artifact in
      let holders = Dictionary(
        artifact.stages(options.stages).map { ($0.stage, $0.versions.map(\.version)) },
        uniquingKeysWith: { first, _ in first })
      return RegistrySummary.Row(
        name: artifact.name, latestVersion: artifact.latestVersion?.label,
        holders: stages.map { holders[$0] ?? [] }, isRegistered: artifact.isRegistered,
        isActive: artifact.isActive)
    }
    return RegistrySummary(stages: stages, artifacts: rows)
  }

  /// The stages that some version in effect is in, sorted. Source: GTO, registry.py, `_get_used_stages`.
  ///
  /// - Parameter isVisible: whether an artifact is for the reader.
  public func usedStages(isVisible: (ArtifactName) -> Bool = { _ in true }) -> [StageName] {
    Self.usedStages(of: allArtifacts.filter { isVisible($0.name) })
  }

  private static func usedStages(of artifacts: [Artifact]) -> [StageName] {
    Set(artifacts.flatMap { $0.stages().map(\.stage) }).sorted()
  }
}

extension RegistrySummary {
  /// GTO's JSON: artifact → `version`, `stage`, `registered`, `active`.
  public var jsonValue: JSONValue {
    .members(
      artifacts.map { row in
        let held = zip(stages, row.holders).map { stage, holders in
          (key: stage.text, value: JSONValue.text(Self.joined(holders.map(\.description))))
        }
        return (
          row.name.text,
          .members([
            ("version", .text(row.latestVersion?.description)), ("stage", .members(held)),
            ("registered", .bool(row.isRegistered)), ("active", .bool(row.isActive)),
          ])
        )
      })
  }

  private static func joined(_ labels: [String]) -> String? {
    labels.isEmpty ? nil : labels.joined(separator: ", ")
  }
}
