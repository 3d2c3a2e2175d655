internal import LaneProtocol
internal import Registry
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

/// The methods that read a registry. The raw value is the method's name on the wire.
enum ReadMethod: String, CaseIterable {
  case show, history, stages, checkRef, describe, doctor
}

/// A registry at one moment.
struct RegistrySnapshot: Sendable {
  var state: RegistryState
  var facts: RepositoryFacts
  /// What is wrong with the repository's files at a commit, where they were read.
  var fileProblems: [ObjectID: [String]]
  /// When it was last compared with the remote, in milliseconds since 1970.
  var asOf: Int64
}

extension ClientHandler {
  /// Answers from memory; asks the remote first where it never was asked, or where `fresh` wants it.
  func read(
    _ method: ReadMethod, _ params: JSONValue, _ peer: Peer
  ) async throws(WireError) -> JSONValue {
    let query = try readParameters(params) { reader throws(JSONShapeError) in try ReadQuery(method, &reader) }
    let access = Access(.read, repository: query.repository, artifact: query.artifact)
    let (repository, _) = try worker.authorize(access, for: peer)
    var commit: ObjectID?
    if let revision = query.revision { commit = try await repository.commit(of: revision) }
    let snapshot = try await repository.snapshot(fresh: query.fresh) { query.commits(in: $0, commit) }
    let isVisible: (ArtifactName) -> Bool = { name in
      let access = Access(.read, repository: query.repository, artifact: name.text)
      if case .allowed = worker.policy.decide(access, for: peer) { return true }
      return false
    }
    var answer = try query.answer(snapshot, commit, isVisible)
    try await addSignatures(to: &answer, query, snapshot, repository, isVisible)
    answer["asOf"] = .string(timestamp(milliseconds: snapshot.asOf))
    return .object(answer)
  }
}

extension Repository {
  /// What is known of the remote.
  ///
  /// - Parameter fresh: compares with the remote first. So does the first call of all.
  func snapshot(fresh: Bool) async throws(WireError) -> RegistrySnapshot {
    if contactedAt != nil, !fresh { return snapshotNow }
    await takeTurn()
    defer { passTurn() }
    // Somebody else may have asked while this waited for its turn.
    if fresh || contactedAt == nil {
      try await synchronize()
      await endIdleLaneLater()
    }
    return snapshotNow
  }

  private var snapshotNow: RegistrySnapshot {
    RegistrySnapshot(state: state, facts: facts, fileProblems: fileProblems, asOf: contactedAt ?? 0)
  }

  /// The commit that a branch, a tag or an id means.
  func commit(of ref: String) async throws(WireError) -> ObjectID? {
    await takeTurn()
    defer { passTurn() }
    _ = try await synchronizeIfNew()
    let commit = try await resolve(ref).commit
    await endIdleLaneLater()
    return commit
  }

  /// What a write would do now; nothing is queued and nothing is sent.
  func preview(_ request: WireProtocol.WriteRequest, tenant: String) async throws(WireError) -> JSONValue {
    await takeTurn()
    defer { passTurn() }
    if let deadline = request.deadline, deadline <= WallClock.milliseconds {
      throw WireError(.deadlinePassed, category: .refused, "its deadline has passed")
    }
    try await synchronize()
    let (plan, _) = try await plan(request, on: RegistryDraft(state), trailers: [], tenant: tenant)
    await endIdleLaneLater()
    return plan.preview(
      fulfilled: policy.rules(on: request.access), approvals: policy.approvalRules(request.access))
  }
}

extension RepositoryFacts {
  /// The stages of `.gto`; nil where any name is allowed. The lane reports names that are valid.
  var allowedStages: [StageName]? { stages.map { $0.compactMap { try? StageName($0) } } }
}

extension Plan {
  /// The answer to a dry run.
  ///
  /// - Parameter fulfilled: the conditions that bound it; what is not fulfilled was refused before, but approvals,
  ///   which are waited for.
  fileprivate func preview(fulfilled: [Rule], approvals: [ApprovalRule]) -> JSONValue {
    let fulfilled = fulfilled.filter { !$0.isApproval }.map { "\($0) is fulfilled" }
    let needed = approvals.map { rule in
      let who = rule.approvers.map(\.escapedForMessage).joined(separator: ", ")
      return "it waits for \(rule.required) \(rule.required == 1 ? "approval" : "approvals") by \(who)"
    }
    let tags: [JSONValue] = tags.map { tag in
      [
        "ref": .string(tag.ref), "commit": .string(tag.commit.description),
        "event": .string(tag.kind.rawValue),
        "message": .string(tag.message), "taggerTime": .integer(tag.time.seconds),
      ]
    }
    let preview: JSONValue = [
      "dryRun": true, "artifact": .string(artifact.text),
      "version": version.map { .string($0.description) } ?? .null,
      "stage": stage.map { .string($0.text) } ?? .null, "tags": .array(tags),
      "reasons": .array((reasons + fulfilled + needed).map { .string($0) }),
    ]
    var object = preview.objectValue ?? JSONObject()
    if !deletions.isEmpty { object["deletedTags"] = .array(deletions.map { DeletedTag($0).json }) }
    object["approval"] = ApprovalStatus(approvals)?.json
    return .object(object)
  }
}
