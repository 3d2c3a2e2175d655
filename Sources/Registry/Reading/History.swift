public import StrictJSON

/// The answer to `history`: what happened, newest first unless asked otherwise.
/// Source: GTO, api.py, `history`.
public struct RegistryHistory: Sendable {
  public let entries: [Entry]

  public struct Entry: Sendable {
    public let event: Event
    /// What the event is about; nil for deprecations.
    public let version: VersionLabel?
  }
}

extension RegistryState {
  /// - Parameter name: only this artifact's events; none where it is not known, as in GTO.
  public func history(of name: ArtifactName? = nil, ascending: Bool = false) -> RegistryHistory {
    let newestFirst =
      if let name { artifact(name)?.entries.newestFirst ?? [] } else {
        chronology.get { artifacts.values.flatMap { $0.artifact(commits).entries }.newestFirst }
      }
    return RegistryHistory(entries: ascending ? newestFirst.reversed() : newestFirst)
  }
}

extension [RegistryHistory.Entry] {
  /// Sorts places and not entries, which are large.
  fileprivate var newestFirst: Self {
    indices.sorted { self[$1].event.precedes(self[$0].event) }.map { self[$0] }
  }
}

extension Artifact {
  fileprivate var entries: [RegistryHistory.Entry] {
    let versions = versions.flatMap { version in
      (version.registrations + version.deregistrations
        + version.stages.flatMap { $0.assignments + $0.unassignments })
        .map { RegistryHistory.Entry(event: $0, version: version.label) }
    }
    return versions + deprecations.map { RegistryHistory.Entry(event: $0, version: nil) }
  }
}

extension RegistryHistory {
  /// GTO's JSON: an array of events.
  public var jsonValue: JSONValue { .array(entries.map(\.jsonValue)) }
}

extension RegistryHistory.Entry {
  fileprivate var jsonValue: JSONValue {
    .members([
      ("timestamp", .string(event.time.isoFormat)), ("artifact", .string(event.artifact.text)),
      ("event", .string(event.kind.rawValue)), ("priority", .integer(Int64(event.kind.priority))),
      ("version", .text(version?.description)), ("stage", .text(event.name.stage?.text)),
      ("commit", .string(event.commit.description)), ("author", .string(event.tagger.name)),
      ("author_email", .string(event.tagger.email)), ("message", .string(event.message)),
      ("ref", .string(event.tag)),
    ])
  }
}
