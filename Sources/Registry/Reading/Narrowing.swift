extension RegistrySummary {
  /// Some of the artifacts, by their places.
  public func part(_ range: Range<Int>) -> RegistrySummary {
    RegistrySummary(stages: stages, artifacts: Array(artifacts[range]))
  }
}

extension ArtifactSummary {
  /// Some of the versions, by their places.
  public func part(_ range: Range<Int>) -> ArtifactSummary {
    ArtifactSummary(name: name, isRegistered: isRegistered, versions: Array(versions[range]))
  }
}

extension RegistryHistory {
  /// The same without the artifacts that the caller may not see.
  public func filtered(_ isVisible: (ArtifactName) -> Bool) -> RegistryHistory {
    RegistryHistory(entries: entries.filter { isVisible($0.event.artifact) })
  }

  /// Some of the entries, by their places.
  public func part(_ range: Range<Int>) -> RegistryHistory { RegistryHistory(entries: Array(entries[range])) }
}

extension RegistryState {
  public func hasRecord(of commit: ObjectID) -> Bool { commits[commit] != nil }

  /// The commits of all versions of an artifact.
  public func versionCommits(of name: ArtifactName) -> [ObjectID] {
    artifact(name).map { Array(Set($0.versions.map(\.commit))) } ?? []
  }
}
