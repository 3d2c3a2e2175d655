extension RegistrySummary {
  /// Some of the artifacts, by their places.
  public func part(_ range: Range<Int>) -> RegistrySummary {
    RegistrySummary(stages: stages, artifacts: Array(artifacts[range]))
  }
}

extension ArtifactSummary {
  /// Some of the versions, by their places.
  public func part(_ range: Range<Int>) -> ArtifactSummary {
    ArtifactSummary(name: name, versions: Array(versions[range]))
  }
}

extension RegistryHistory {
  /// The same without the artifacts that the caller may not see; each artifact is asked about once.
  public func filtered(_ isVisible: (ArtifactName) -> Bool) -> RegistryHistory {
    var known: [ArtifactName: Bool] = [:]
    func isKnownVisible(_ name: ArtifactName) -> Bool {
      if let answer = known[name] { return answer }
      let answer = isVisible(name)
      known[name] = answer
      return answer
    }
    if entries.allSatisfy({ isKnownVisible($0.event.artifact) }) { return self }
    return RegistryHistory(entries: entries.filter { isKnownVisible($0.event.artifact) })
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
