import StrictJSON

extension Planner {
  /// Refuses options that contradict each other, as GTO does with `WrongArgs`.
  func checkOptions() throws(Refusal) {
    let action = request.action.rawValue
    if request.action.needsStage, request.stage == nil {
      throw Refusal(.invalidRequest, "\(action) needs a stage")
    }
    if !request.action.needsStage, request.stage != nil {
      throw Refusal(.invalidRequest, "\(action) takes no stage")
    }
    if request.ifCurrent != nil, !request.action.needsStage {
      throw Refusal(.invalidRequest, "\(action) changes no stage, so it can't depend on who holds one")
    }
    if request.bump != nil, request.action != .register {
      throw Refusal(.invalidRequest, "\(action) raises no version; bump goes with register")
    }
    if request.skipRegistration, request.action != .assign {
      throw Refusal(.invalidRequest, "skip-registration goes with assign")
    }
    switch request.action {
    case .unassign, .deregister:
      if (request.version == nil) == (request.commit == nil) {
        throw Refusal(.invalidRequest, "\(action) needs either a version or a ref, and not both")
      }
    case .deprecate:
      if request.version != nil {
        throw Refusal(
          .invalidRequest, "an artifact is deprecated as a whole; to end a version, deregister it")
      }
      if request.force, request.simple == true {
        throw Refusal(.invalidRequest, "Can't use 'force' with 'simple=True'")
      }
    case .register, .assign, .rollback: break
    }
    if request.delete, !request.action.isRemoval {
      throw Refusal(
        .invalidRequest, "\(action) makes tags; delete goes with unassign, deregister and deprecate")
    }
  }

  /// A tag that can't be read may be what decides which version is meant or holds a stage.
  func checkReadable() throws(Refusal) {
    guard let ref = draft.state.tooLargeTag(of: name) else { return }
    throw Refusal(
      .tagTooLarge,
      "tag '\(ref)' is too large to be read, so nobody can tell what '\(name)' has; delete it in the remote and tag again with a shorter message"
    )
  }

  /// `.gto`'s list binds what is assigned from now on. GTO also refuses to unassign from a stage that
  /// left the list, so that such a stage could never be emptied.
  func checkStage(_ stage: StageName) throws(Refusal) {
    guard let allowed = context.allowedStages, !allowed.contains(stage) else { return }
    let list = allowed.isEmpty ? "none" : allowed.map(\.text).joined(separator: ", ")
    let hint = nearest(to: stage.text, among: allowed.map(\.text)).map { "; did you mean '\($0)'?" } ?? ""
    throw Refusal(
      .stageNotAllowed,
      "stage '\(stage)' is not allowed by .gto on the default branch; allowed: \(list)\(hint)")
  }

  func checkIfCurrent(_ stage: StageName) throws(Refusal) {
    guard let expected = request.ifCurrent else { return }
    let holder = artifact?.holder(of: stage)?.version
    switch (expected, holder) {
    case (.nobody, nil): return
    case (.version(let label), let holder?) where label == holder: return
    default:
      let found = holder.map { "version \($0) holds it" } ?? "nobody holds it"
      throw Refusal(
        .ifCurrentMismatch,
        "stage '\(stage)' of '\(name)' is not held as expected (\(expected)): \(found); look again and decide anew"
      )
    }
  }

  /// The commit to act on: the caller's, or the default branch's tip.
  func commitOrTip() throws(Refusal) -> ObjectID {
    if let commit = request.commit { return commit }
    guard let tip = context.defaultBranchTip else {
      throw Refusal(.noCommit, "the repository's default branch has no commit; name a ref")
    }
    return tip
  }

  /// The version that explicit tags made at a commit; nil where there is none.
  func version(at commit: ObjectID) throws(Refusal) -> ArtifactVersion? {
    try single(artifact?.versions(at: commit) ?? [], "at commit \(commit.abbreviated)")
  }

  /// The version of that name; nil where there is none.
  func version(named version: VersionName) throws(Refusal) -> ArtifactVersion? {
    try single(artifact?.versions(named: version) ?? [], "called \(version)")
  }

  /// The version that the request names, by name or by commit; see ``checkOptions()``.
  func namedVersion() throws(Refusal) -> ArtifactVersion {
    if let version = request.version {
      if let found = try self.version(named: version) { return found }
      throw Refusal(.unknownVersion, "No versions found for '\(name)' called \(version)\(knownVersions)")
    }
    let commit = try commitOrTip()
    if let found = try self.version(at: commit) { return found }
    throw Refusal(
      .noVersionAtCommit, "No versions found for '\(name)' at commit \(commit.abbreviated)\(knownVersions)")
  }

  /// For messages: what versions there are.
  var knownVersions: String {
    let filter = Artifact.VersionFilter(activeOnly: false)
    let known = (artifact?.sortedVersions(filter) ?? []).filter { !$0.isDiscovered }.map(\.label.description)
    if known.isEmpty { return "; it has no versions" }
    return "; it has " + known.prefix(5).joined(separator: ", ") + (known.count > 5 ? " and more" : "")
  }

  func unknownArtifact() -> Refusal {
    Refusal(.unknownArtifact, draft.state.unknownArtifact(name).message)
  }

  private func single(_ found: [ArtifactVersion], _ place: String) throws(Refusal) -> ArtifactVersion? {
    guard found.count > 1 else { return found.first }
    let all = found.map { "\($0.label) at \($0.commit.abbreviated)" }.joined(separator: ", ")
    throw Refusal(
      .ambiguousVersion, "'\(name)' has several versions \(place): \(all); delete the tags of all but one")
  }
}
