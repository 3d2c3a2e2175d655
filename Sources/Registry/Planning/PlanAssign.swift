extension Planner {
  /// GTO, registry.py, `assign`.
  mutating func planAssign() throws(Refusal) -> Plan {
    guard let stage = request.stage else { throw Refusal(.invalidRequest, "assign needs a stage") }
    try checkStage(stage)
    try checkIfCurrent(stage)
    let (label, commit) = try versionToAssign(stage)
    try addAssignment(
      of: label, at: commit, to: stage,
      default: "Assigning stage \(stage) to artifact \(name) version \(label)")
    return finished(label, commit)
  }

  mutating func addAssignment(
    of label: VersionLabel, at commit: ObjectID, to stage: StageName, default message: String
  ) throws(Refusal) {
    let name = self.name
    try add(
      simple: request.simple ?? false, at: commit, message: request.message.nonBlank, default: message
    ) { .assignment(of: name, to: stage, counter: $0) }
    if let holder = artifact?.holder(of: stage), holder.version != label {
      reasons.append("version \(label) takes the place of \(holder.version) in stage '\(stage)'")
    }
  }

  /// The version that is meant; where there is none at the commit, one is registered.
  private mutating func versionToAssign(_ stage: StageName) throws(Refusal) -> (VersionLabel, ObjectID) {
    if request.skipRegistration, request.version != nil, request.commit != nil {
      throw Refusal(.invalidRequest, "You either need to supply version name or skip registration")
    }
    guard request.commit == nil, let version = request.version else {
      return try versionToAssign(stage, at: try commitOrTip())
    }
    guard let found = try self.version(named: version) else {
      throw Refusal(.unknownVersion, "Version '\(version)' of '\(name)' is not registered\(knownVersions)")
    }
    try checkNotInStage(found, stage)
    return (found.label, found.commit)
  }

  private mutating func versionToAssign(
    _ stage: StageName, at commit: ObjectID
  ) throws(Refusal) -> (VersionLabel, ObjectID) {
    if let found = try version(at: commit) {
      if let version = request.version {
        throw Refusal(
          found.label.name == version ? .alreadyRegistered : .otherVersionAtCommit,
          "Can't register '\(version)', since '\(found.label)' is registered already at this ref; leave the version out to assign that one"
        )
      }
      try checkNotInStage(found, stage)
      return (found.label, commit)
    }
    if request.skipRegistration {
      reasons.append("commit \(commit.abbreviated) has no version and gets none")
      return (.commit(commit), commit)
    }
    reasons.append("commit \(commit.abbreviated) has no version of '\(name)', so one is registered first")
    let version = try addRegistration(
      at: commit, version: request.version, bump: nil, message: nil, simple: true, force: false)
    return (.name(version), commit)
  }

  private func checkNotInStage(_ version: ArtifactVersion, _ stage: StageName) throws(Refusal) {
    guard !request.force, version.isInStage(stage) else { return }
    let holder = artifact?.holder(of: stage)?.version
    let detail =
      holder == version.label || holder == nil
      ? "" : "; version \(holder?.description ?? "") has taken its place, but it was never unassigned"
    throw Refusal(
      .alreadyInStage,
      "Version '\(version.label)' is already in stage '\(stage)'\(detail). Use the '--force' flag to create a new Git tag nevertheless."
    )
  }
}
