extension Planner {
  /// GTO, registry.py, `unassign`.
  mutating func planUnassign() throws(Refusal) -> Plan {
    guard let stage = request.stage else { throw Refusal(.invalidRequest, "unassign needs a stage") }
    guard artifact != nil else { throw unknownArtifact() }
    try checkIfCurrent(stage)
    let found = try namedVersion()
    // As in GTO, a stage that was unassigned already may be unassigned again.
    if !request.force, !found.stages.contains(where: { $0.stage == stage }) {
      throw Refusal(
        .notAssigned,
        "Stage '\(stage)' is not assigned to a version '\(found.label)' of '\(name)'\(stageHint(found))")
    }
    if request.delete {
      return try deleting(
        found.stages.filter { $0.stage == stage }.flatMap(\.events), found.label, found.commit)
    }
    let name = self.name
    try add(
      simple: request.simple ?? false, at: found.commit, message: request.message.nonBlank,
      default: "Unassigning stage '\(stage)' to artifact '\(name)' version '\(found.label)'"
    ) { .unassignment(of: name, from: stage, counter: $0) }
    return finished(found.label, found.commit)
  }

  /// GTO, registry.py, `deregister`.
  mutating func planDeregister() throws(Refusal) -> Plan {
    let found = try namedVersion()
    guard let version = found.label.name else { throw Refusal(.notRegistered, "there is no version there") }
    if !request.force { try checkRegistered(found, version) }
    if request.delete { return try deleting(found.events, found.label, found.commit) }
    let name = self.name
    try add(
      simple: request.simple ?? true, at: found.commit, message: request.message.nonBlank,
      default: "Deregistering artifact \(name) version \(version)"
    ) { .deregistration(of: name, version, counter: $0) }
    return finished(found.label, found.commit)
  }

  /// GTO, registry.py, `deprecate`.
  mutating func planDeprecate() throws(Refusal) -> Plan {
    if !request.force {
      guard let artifact else { throw unknownArtifact() }
      if !artifact.isActive {
        throw Refusal(
          .alreadyDeprecated,
          "Artifact '\(name)' was deprecated already. Use the '--force' flag to create a new Git tag nevertheless."
        )
      }
    }
    if request.delete {
      guard let artifact else { throw unknownArtifact() }
      let commit = if let known = artifact.newestEventCommit { known } else { try commitOrTip() }
      return try deleting(artifact.events, nil, commit)
    }
    let known = request.commit ?? artifact?.newestEventCommit
    let commit = if let known { known } else { try commitOrTip() }
    let name = self.name
    try add(
      simple: request.force ? false : request.simple ?? true, at: commit, message: request.message.nonBlank,
      default: "Deprecating artifact '\(name)'"
    ) { .deprecation(of: name, counter: $0) }
    return finished(nil, commit)
  }

  /// GTO, registry.py, `_delete_tags`: the tags of all these events, oldest first.
  private func deleting(
    _ events: [Event], _ version: VersionLabel?, _ commit: ObjectID
  ) throws(Refusal) -> Plan {
    if events.isEmpty { throw Refusal(.nothingToDelete, "there is no tag to delete") }
    if events.count > Plan.maximumDeletions {
      throw Refusal(
        .tooManyTags,
        "that are \(events.count) tags, and one request deletes \(Plan.maximumDeletions) at most; delete version by version"
      )
    }
    return finished(version, commit, deleting: events.sorted { $0.precedes($1) })
  }

  private func checkRegistered(_ found: ArtifactVersion, _ version: VersionName) throws(Refusal) {
    if !found.isRegistered {
      throw Refusal(
        .notRegistered, "The version '\(version)' at commit \(found.commit.abbreviated) is not registered")
    }
    if !found.isActive {
      throw Refusal(
        .alreadyDeregistered,
        "The version '\(version)' at commit \(found.commit.abbreviated) was deregistered already. Use the '--force' flag to create a new Git tag nevertheless."
      )
    }
  }

  private func stageHint(_ found: ArtifactVersion) -> String {
    let stages = found.activeStages.map(\.stage.text)
    return stages.isEmpty ? "; it is in no stage" : "; it is in " + stages.joined(separator: ", ")
  }
}
