public import StrictJSON

/// The answer to `check-ref`: the event that a tag made. Source: GTO, registry.py and cli.py,
/// `check_ref`.
public struct CheckedRef: Sendable {
  public let event: Event
  /// What the event is about; nil for deprecations.
  public let version: VersionLabel?
}

extension RegistryState {
  /// - Parameter ref: a tag's name, with or without `refs/tags/`.
  /// - Returns: nil where there is no such tag, or it is none of GTO's, or has no effect.
  /// - Throws: ``ReadError`` with ``ReadError/Code/ambiguousTag`` where several tags call themselves so.
  public func check(ref: String) throws(ReadError) -> CheckedRef? {
    let prefix = "refs/tags/"
    let tag = ref.hasPrefix(prefix) ? String(ref.dropFirst(prefix.count)) : ref
    guard contains(ref: tag), let name = try? TagName(parsing: tag),
      let artifact = artifact(name.artifact)
    else { return nil }
    let events = artifact.events.filter { $0.tag.hasSameBytes(as: tag) }
    if events.count > 1 {
      let refs = events.map(\.ref).joined(separator: ", ")
      throw ReadError(
        code: .ambiguousTag, message: "several tags call themselves '\(tag)': \(refs); doctor says more")
    }
    return events.first.map { CheckedRef(event: $0, version: artifact.label(of: $0)) }
  }
}

extension Artifact {
  /// The version that an event is about; nil for deprecations.
  func label(of event: Event) -> VersionLabel? {
    if let version = event.name.version { return .name(version) }
    guard let stage = event.name.stage else { return nil }
    return versions.first { version in
      version.commit == event.commit
        && version.stages.contains { history in
          history.stage == stage
            && (history.assignments + history.unassignments).contains { $0.ref.hasSameBytes(as: event.ref) }
        }
    }?.label
  }
}

extension CheckedRef {
  /// GTO's JSON of the event.
  public var jsonValue: JSONValue {
    let members = event.members(version: version).filter { $0.key != "priority" && $0.key != "addition" }
    return .members(members + [("event", .string(event.kind.rawValue))])
  }

  /// What `--name` prints.
  public var name: String { event.artifact.text }
  /// What `--version` prints; nil prints nothing.
  public var versionText: String? { version?.description }
  /// What `--stage` prints; nil prints nothing.
  public var stage: String? { event.name.stage?.text }

  /// The sentence that is printed without a switch.
  public var sentence: String {
    let version = versionText ?? ""
    let stage = stage ?? ""
    return switch event.kind {
    case .creation: "Artifact \"\(name)\" was created"
    case .deprecation: "Artifact \"\(name)\" was deprecated"
    case .registration: "Version \"\(version)\" of artifact \"\(name)\" was registered"
    case .deregistration: "Version \"\(version)\" of artifact \"\(name)\" was deregistered"
    case .assignment: "Stage \"\(stage)\" was assigned to version \"\(version)\" of artifact \"\(name)\""
    case .unassignment:
      "Stage \"\(stage)\" was unassigned from version \"\(version)\" of artifact \"\(name)\""
    }
  }
}
