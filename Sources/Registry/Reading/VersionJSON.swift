import StrictJSON

extension StageHistory {
  /// Source: GTO, base.py, `VStage.dict_state`.
  var jsonValue: JSONValue {
    var members: Members = [
      ("artifact", .text((assignments.first ?? unassignments.first)?.artifact.text)),
      ("commit_hexsha", .string(commit.description)), ("version", .string(version.description)),
      ("stage", .string(stage.text)), ("assignments", list(assignments)),
      ("unassignments", list(unassignments)),
    ]
    if let assigned = assignments.last {
      members += Authorship(assigned).members(
        isActive: isActive, activatedAt: isActive ? assigned.time : nil)
    }
    return .members(members)
  }

  private func list(_ events: [Event]) -> JSONValue {
    .array(events.map { .members($0.members(version: version) + [("event", .string($0.kind.rawValue))]) })
  }
}

extension ArtifactVersion {
  /// Source: GTO, base.py, `Version.dict_state`.
  func jsonValue(
    of artifact: ArtifactName, stages: [StageHistory], annotation: ArtifactAnnotation?
  ) -> JSONValue {
    let members: Members = [
      ("artifact", .string(artifact.text)), ("commit_hexsha", .string(commit.description)),
      ("version", .string(label.description)),
      ("enrichments", enrichments(of: artifact, annotation)),
      ("registrations", list(registrations)), ("deregistrations", list(deregistrations)),
      ("stages", .array(stages.map(\.jsonValue))),
    ]
    let authored = authorship?.members(isActive: isActive, activatedAt: activatedAt) ?? []
    return .members(members + authored + [("discovered", .bool(isDiscovered))])
  }

  private func list(_ events: [Event]) -> JSONValue {
    .array(events.map { .members($0.members(version: label)) })
  }

  /// What GTO calls enrichments: the commit, and what the files say of the artifact there.
  private func enrichments(of artifact: ArtifactName, _ annotation: ArtifactAnnotation?) -> JSONValue {
    guard let record = commitRecord else { return [] }
    let information: [JSONValue] = annotation.map { [["source": "gto", "artifact": $0.jsonValue]] } ?? []
    return [
      .members([
        ("priority", 0), ("addition", true), ("artifact", .string(artifact.text)),
        ("created_at", .string(record.committer.time.isoFormat)), ("author", .string(record.author.name)),
        ("author_email", .string(record.author.email)), ("message", .string(record.message)),
        ("commit_hexsha", .string(commit.description)), ("version", .string(label.description)),
        ("enrichments", .array(information)), ("committer", .string(record.committer.name)),
        ("committer_email", .string(record.committer.email)),
      ])
    ]
  }
}
