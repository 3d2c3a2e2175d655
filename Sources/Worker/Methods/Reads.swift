internal import LaneProtocol
internal import Registry
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

/// The methods that read a registry. The raw value is the method's name on the wire.
enum ReadMethod: String, CaseIterable {
  case show, history, stages, checkRef, describe, doctor

  /// Whether the answer may come in parts.
  var hasPages: Bool { [.show, .history, .doctor].contains(self) }
}

/// A registry at one moment.
struct RegistrySnapshot: Sendable {
  var state: RegistryState
  var facts: RepositoryFacts
  /// What is wrong with the repository's files at a commit, where they were read.
  var fileProblems: [ObjectID: [String]]
  /// When it was last compared with the remote, in milliseconds since 1970.
  var asOf: Int64

  /// Whether asking again would hardly show more.
  var isAsGoodAsNew: Bool { WallClock.milliseconds - asOf < 1000 }
}

extension ClientHandler {
  /// Answers from memory; asks the remote first where it never was asked, or where `fresh` wants it.
  func read(
    _ method: ReadMethod, _ params: JSONValue, _ peer: Peer
  ) async throws(WireError) -> JSONValue {
    let query = try readParameters(params) { reader throws(JSONShapeError) in
      try ReadQuery(method, params, &reader)
    }
    let access = Access(.read, repository: query.repository, artifact: query.artifact)
    let (repository, _) = try worker.authorize(access, for: peer)
    var commit: ObjectID?
    if let revision = query.revision {
      try checkRef(revision, access, peer)
      commit = try await repository.commit(of: revision)
    }
    var snapshot = try await repository.snapshot(fresh: query.fresh, isOneOff: commit != nil) {
      query.commits(in: $0, commit)
    }
    if query.isOfUnknown(in: snapshot.state), !snapshot.isAsGoodAsNew {
      // Where the server can't be asked, what is known has to do.
      let newer = try? await repository.snapshot(fresh: true, isOneOff: commit != nil) {
        query.commits(in: $0, commit)
      }
      snapshot = newer ?? snapshot
    }
    let isVisible: (ArtifactName) -> Bool = { name in
      let access = Access(.read, repository: query.repository, artifact: name.text)
      if case .allowed = worker.policy.decide(access, for: peer) { return true }
      return false
    }
    let unsigned = try await signatureFindings(query, snapshot, repository, isVisible)
    var answer = try query.answer(snapshot, commit, isVisible, unsigned: unsigned)
    try await addSignatures(to: &answer, query, snapshot, repository, isVisible)
    answer["asOf"] = .string(timestamp(milliseconds: snapshot.asOf))
    return .object(answer)
  }

  /// A tag of an artifact that the caller may not read is none that could be named.
  private func checkRef(_ ref: String, _ access: Access, _ peer: Peer) throws(WireError) {
    guard let artifact = GTORef.artifact(of: ref) else { return }
    var access = access
    access.artifact = artifact
    if case .denied = worker.policy.decide(access, for: peer) { throw .unknownRef(ref) }
  }
}

/// Refs as clients write them.
enum GTORef {
  /// Of which artifact a tag of that name is; nil where it would be none of GTO's.
  static func artifact(of ref: String) -> String? {
    let name =
      ["refs/tags/", "tags/"].first { ref.hasPrefix($0) }.map { String(ref.dropFirst($0.count)) } ?? ref
    return (try? TagName(parsing: name))?.artifact.text
  }
}

extension Repository {
  /// What is known of the remote.
  ///
  /// - Parameter fresh: compares with the remote first. So does the first call of all.
  func snapshot(fresh: Bool) async throws(WireError) -> RegistrySnapshot {
    if contactedAt != nil, !fresh {
      if !isEnriched { try await withTurn { () throws(WireError) in try await self.enrich() } }
      return snapshotNow
    }
    let mine = comparisons.ask()
    return try await withTurn { () throws(WireError) in
      try await self.compare(for: mine)
      return self.snapshotNow
    }
  }

  /// Compares with the remote, unless that was done while the question waited for its turn.
  private func compare(for question: UInt64) async throws(WireError) {
    if let outcome = comparisons.outcome(of: question) { return try outcome.get() }
    let all = comparisons.asked
    do throws(WireError) {
      try await synchronize()
      try await enrich()
      comparisons.end(all, .success(()))
    } catch {
      comparisons.end(all, .failure(error))
      throw error
    }
  }

  /// Assumes that the remote was asked before.
  var snapshotNow: RegistrySnapshot {
    RegistrySnapshot(state: state, facts: facts, fileProblems: fileProblems, asOf: contactedAt ?? 0)
  }

  /// The commit that a branch, a tag or an id means.
  func commit(of ref: String) async throws(WireError) -> ObjectID? {
    try await withTurn { () throws(WireError) in
      _ = try await self.synchronizeIfNew()
      do throws(WireError) {
        return try await self.resolve(ref).commit
      } catch {
        guard error.code == .unknownRef else { throw error }
        // It may have been made since.
        try await self.synchronize()
        return try await self.resolve(ref).commit
      }
    }
  }

  /// What a write would do now; nothing is queued and nothing is sent.
  func preview(_ request: WireProtocol.WriteRequest, tenant: String) async throws(WireError) -> JSONValue {
    if let deadline = request.deadline, deadline <= WallClock.milliseconds {
      throw WireError(.deadlinePassed, category: .refused, "its deadline has passed")
    }
    let (plan, _) = try await withTurn { () throws(WireError) in
      try await self.synchronize()
      return try await self.plan(request, on: RegistryDraft(self.state), trailers: [], tenant: tenant)
    }
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

/// Questions that want the remote compared first: one comparison answers all that were asked before it began.
struct Comparisons {
  private(set) var asked: UInt64 = 0
  private var answered: UInt64 = 0
  private var lastOutcome: Result<Void, WireError> = .success(())

  /// - Returns: the question's number.
  mutating func ask() -> UInt64 {
    asked += 1
    return asked
  }

  /// Nil where no comparison has begun since the question.
  func outcome(of question: UInt64) -> Result<Void, WireError>? { question <= answered ? lastOutcome : nil }

  /// Nobody has an answer any more: the remote is another one.
  mutating func forget() { answered = 0 }

  /// - Parameter questions: what ``asked`` was when the comparison began.
  mutating func end(_ questions: UInt64, _ outcome: Result<Void, WireError>) {
    answered = questions
    lastOutcome = outcome
  }
}
