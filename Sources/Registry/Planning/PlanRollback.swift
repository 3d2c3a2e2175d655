extension Planner {
  /// Assigns the version that held the stage before; not in GTO. The tag is a normal assignment.
  mutating func planRollback() throws(Refusal) -> Plan {
    guard let stage = request.stage else { throw Refusal(.invalidRequest, "rollback needs a stage") }
    if request.version != nil || request.commit != nil {
      throw Refusal(.invalidRequest, "rollback finds the version itself; to choose one, assign it")
    }
    guard let artifact else { throw unknownArtifact() }
    try checkStage(stage)
    try checkIfCurrent(stage)
    let current = artifact.holder(of: stage)?.version
    guard let previous = artifact.previousHolder(of: stage) else {
      throw Refusal(
        .nothingToRollBackTo,
        "no version in effect held stage '\(stage)' of '\(name)' before \(current?.description ?? "")"
          .trimmedAsPython)
    }
    let from = current.map { " from version \($0)" } ?? ""
    reasons.append("version \(previous.label) held stage '\(stage)' before")
    try addAssignment(
      of: previous.label, at: previous.commit, to: stage,
      default: "Rolling back stage \(stage) of artifact \(name)\(from) to version \(previous.label)")
    return finished(previous.label, previous.commit)
  }
}

extension Artifact {
  /// The version, still in effect, that held the stage last before the one that holds it now, and was not taken out of it
  /// since; where nobody holds it now, the last one that did.
  public func previousHolder(of stage: StageName) -> ArtifactVersion? {
    let current = holder(of: stage)?.version
    return formerHolders(of: stage).reversed().first { former in
      former.label != current && former.isActive && (current == nil || former.isInStage(stage))
    }
  }

  /// Who held the stage, one after the other, oldest first.
  private func formerHolders(of stage: StageName) -> [ArtifactVersion] {
    var inStage: [Int] = []
    var holders: [Int] = []
    for (index, event) in stageEvents(stage) {
      inStage.removeAll { $0 == index }
      if event.kind == .assignment { inStage.append(index) }
      if let holder = inStage.last, holder != holders.last { holders.append(holder) }
    }
    return holders.map { versions[$0] }
  }

  /// The events of a stage, oldest first, each with the index of its version.
  private func stageEvents(_ stage: StageName) -> [(index: Int, event: Event)] {
    versions.enumerated().flatMap { index, version in
      version.stages.filter { $0.stage == stage }
        .flatMap { $0.assignments + $0.unassignments }.map { (index: index, event: $0) }
    }.sorted { $0.event.precedes($1.event) }
  }
}
