internal import GitRemote
internal import LaneProtocol
internal import Registry
internal import RegistryFiles
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

/// One repository as its lane serves it: what was reported of it, and how tags are made and pushed.
final class LaneRepository {
  let configuration: LaneConfiguration
  let remote: RemoteRepository
  /// Whether another request makes sense; otherwise only a new lane helps.
  private(set) var isUsable = true
  private var signer: RepositorySigner
  /// Whether tags were made that are pushed next.
  private var isPushNext = false
  /// The remote's refs as the parent knows them from the reports; nil before the first.
  var known: RefList?
  /// What the server shows on one side only.
  var hidden = HiddenRefs()
  /// The facts, and the tip that they were read at.
  private var facts: (RepositoryFacts, tip: GitRemote.ObjectID?)?

  init(_ configuration: LaneConfiguration) throws(WireError) {
    self.configuration = configuration
    do throws(GitRemoteError) {
      remote = try RemoteRepository(try RemoteConfiguration(configuration))
    } catch {
      throw WireError(error)
    }
    signer = RepositorySigner(configuration.signing)
  }

  /// Keys and trust files that can't be used.
  var keyProblems: [KeyProblem] { [KeyProblem](signer: signer, configuration) }

  func close() { remote.close() }

  /// To be called when the parent has its answer: while it journals what it means to push, the server is reached.
  func getReady() { if isPushNext { remote.beginPush() } }

  func answer(_ request: LaneRequest, report: (TagDelta) -> Void) throws(WireError) -> JSONValue {
    isPushNext = false
    switch request {
    case .prepare(let drafts):
      let tags = try prepare(drafts)
      isPushNext = known != nil
      return ["tags": .array(tags.map(\.json))]
    case .verify(let tags): return try verify(tags).json
    case .exportSigningKey(let form):
      return ["text": .string(try signer.export(form, identity: configuration.taggerEmail))]
    default: return try reporting { () throws(GitRemoteError) in try answerFromRemote(request, report) }
    }
  }

  /// Makes the Git layer's errors the protocol's.
  func reporting<Value>(_ body: () throws(GitRemoteError) -> Value) throws(WireError) -> Value {
    do throws(GitRemoteError) {
      return try body()
    } catch {
      throw WireError(error.code == .mirrorDamaged ? giveUpMirror(error) : error)
    }
  }

  /// Has the next lane make the mirror anew; where it could not, that is the error.
  private func giveUpMirror(_ error: GitRemoteError) -> GitRemoteError {
    isUsable = false
    do throws(GitRemoteError) {
      try remote.condemnMirror()
      return error
    } catch let unusable {
      return GitRemoteError(
        unusable.code, unusable.operation, unusable.message, outcomeUnknown: error.outcomeUnknown)
    }
  }

  private func answerFromRemote(
    _ request: LaneRequest, _ report: (TagDelta) -> Void
  ) throws(GitRemoteError) -> JSONValue {
    switch request {
    case .open, .checkKeys, .prepare, .verify, .exportSigningKey: return [:]
    case .synchronize: return try synchronize(report).json
    case .resolve(let refs): return ["refs": .array(try refs.map(resolve).map(\.json))]
    case .branches:
      return [
        "branches": .array(
          try currentRefs().refs(under: Self.branchPrefix).map { .string(Self.branchName($0)) })
      ]
    case .branchContaining(let commit, let branches):
      let branch = try branch(containing: try remoteID(commit), among: branches)
      return ["branch": branch.map { .string($0) } ?? .null]
    case .commits(let ids):
      let records = try commits(ids)
      return try Self.fitting("commits", ids.count) { index throws(GitRemoteError) in
        records.first { $0.id == ids[index] }?.jsonValue
      }
    case .annotations(let ids):
      // Only faster: whatever fails here is asked for again below, one by one.
      try? remote.fetchContents(of: try ids.map(remoteID))
      return try Self.fitting("annotations", ids.count) { index throws(GitRemoteError) in
        try annotations(ids[index]).json
      }
    case .push(let tags, let branches, let evenIfChanged):
      return try push(tags, branches, evenIfChanged: evenIfChanged, report).json
    }
  }

  /// What one answer takes before the rest has to be asked for again, in bytes: with one more element of the greatest
  /// size it stays within a frame.
  private static let answerBytes = 4 << 20

  /// An answer with as many elements as fit, and under `rest` how many were not looked at.
  private static func fitting(
    _ key: String, _ count: Int, _ element: (Int) throws(GitRemoteError) -> JSONValue?
  ) throws(GitRemoteError) -> JSONValue {
    var elements: [JSONValue] = []
    var (index, bytes) = (0, 0)
    while index < count, bytes < answerBytes {
      if let new = try element(index) {
        elements.append(new)
        bytes += new.serializedCount
      }
      index += 1
    }
    return .object(JSONObject([(key, .array(elements)), ("rest", .integer(Int64(count - index)))]))
  }

  // MARK: Reading

  private func synchronize(_ report: (TagDelta) -> Void) throws(GitRemoteError) -> RepositoryFacts {
    let refs = hidden.completed(try remote.fetchTags())
    try reportChanges(to: refs, report)
    let facts = try facts(refs)
    // Only now: after an error the parent forgets the report, and it must come again.
    known = refs
    hidden.noteReported()
    return facts
  }

  private func facts(_ refs: RefList) throws(GitRemoteError) -> RepositoryFacts {
    let branch =
      configuration.defaultBranch ?? refs.headBranch.map { String($0.dropFirst("refs/heads/".count)) }
    let tip = branch.map { refs["refs/heads/" + $0]?.id } ?? refs.head
    if let facts, let tip, facts.tip == tip, facts.0.defaultBranch == branch { return facts.0 }
    var new = RepositoryFacts(defaultBranch: branch, tip: tip.flatMap { Registry.ObjectID($0.description) })
    if let tip {
      try readConfiguration(at: tip, into: &new)
    } else if refs.count > 0 {
      new.fileProblem = Self.missingBranch(branch)
    }
    facts = (new, tip)
    return new
  }

  /// Without the branch, nobody can tell what its `.gto` allows.
  private static func missingBranch(_ branch: String?) -> String {
    guard let branch else { return "the server's HEAD names no branch that exists" }
    return "the default branch '\(branch.escapedForMessage)' does not exist on the server"
  }

  /// Reads `.gto` at the tip of the default branch. A broken file becomes a problem that refuses writes;
  /// it never counts as "anything goes".
  private func readConfiguration(
    at tip: GitRemote.ObjectID, into facts: inout RepositoryFacts
  ) throws(GitRemoteError) {
    let bytes: [UInt8]
    do throws(GitRemoteError) {
      guard let file = try remote.readFile(commit: tip, path: ".gto") else { return }
      bytes = file
    } catch {
      guard error.isOfFile else { throw error }
      facts.fileProblem = ".gto: \(error.message); mend it on branch \(facts.defaultBranch ?? "HEAD")"
      return
    }
    do throws(RegistryFileError) {
      let file = try GTOFile(parsing: bytes)
      facts.stages = file.stages
      facts.types = file.types
    } catch {
      facts.fileProblem = "\(error); mend it on branch \(facts.defaultBranch ?? "HEAD")"
    }
  }

  private func resolve(_ ref: String) throws(GitRemoteError) -> ResolvedRef {
    let refs = try currentRefs()
    do throws(GitRemoteError) {
      let commit = try remote.resolve(ref, in: refs)
      return ResolvedRef(
        ref: ref, commit: commit.flatMap { Registry.ObjectID($0.description) }, branch: branch(ref, refs))
    } catch {
      guard error.code == .invalid else { throw error }
      return ResolvedRef(ref: ref, commit: nil, problem: error.message)
    }
  }

  /// The remote's refs as the parent knows them, or as they are now.
  private func currentRefs() throws(GitRemoteError) -> RefList {
    if let known { return known }
    return try remote.advertisement()
  }

  private static let branchPrefix = "refs/heads/"

  private static func branchName(_ ref: AdvertisedRef) -> String {
    String(ref.name.dropFirst(branchPrefix.count))
  }

  /// Tips first, so that history is only downloaded where it is needed.
  private func branch(
    containing commit: GitRemote.ObjectID, among names: [String]
  ) throws(GitRemoteError) -> String? {
    let refs = try currentRefs()
    let tips = names.compactMap { name in refs[Self.branchPrefix + name].map { (name, $0.id) } }
    if let tip = tips.first(where: { $0.1 == commit }) { return tip.0 }
    for (name, tip) in tips {
      do throws(GitRemoteError) {
        if try remote.isAncestor(commit, of: tip) { return name }
      } catch {
        // The commit is in no branch at all.
        if error.code != .notFound { throw error }
      }
    }
    return nil
  }

  /// The branch that the text means, in the order in which ``RemoteRepository/resolve(_:in:)`` looks.
  private func branch(_ text: String, _ refs: RefList) -> String? {
    if text == "HEAD" { return refs.headBranch.map { String($0.dropFirst("refs/heads/".count)) } }
    if text.hasPrefix("refs/heads/") { return String(text.dropFirst("refs/heads/".count)) }
    return refs["refs/tags/" + text] == nil && refs["refs/heads/" + text] != nil ? text : nil
  }

  // MARK: Making and sending tags

  private func prepare(_ drafts: [TagDraft]) throws(WireError) -> [PreparedTag] {
    var prepared: [PreparedTag] = []
    for draft in drafts {
      var bytes = try reporting { () throws(GitRemoteError) in try compose(draft) }
      bytes += try signer.signature(of: bytes, taggerTime: draft.time.seconds)
      let id = try reporting { () throws(GitRemoteError) in try registryID(try remote.writeTag(bytes)) }
      prepared.append(PreparedTag(name: draft.name, objectID: id, object: bytes))
    }
    return prepared
  }

  private func compose(_ draft: TagDraft) throws(GitRemoteError) -> [UInt8] {
    let tagger = TagObject.Tagger(
      name: configuration.taggerName, email: configuration.taggerEmail, seconds: draft.time.seconds,
      zone: draft.time.zoneText)
    return try TagText.compose(
      name: draft.name, commit: try remoteID(draft.target), tagger: tagger, message: draft.message)
  }

  private func push(
    _ tags: [PreparedTag], _ branches: [String], evenIfChanged: Bool, _ report: (TagDelta) -> Void
  ) throws(GitRemoteError) -> PushReply {
    // A lane that took the place of one that ended does not know what the plan was made on.
    if !evenIfChanged, known == nil { return .changed(try synchronize(report)) }
    let refs = try tags.map(pushedRef)
    let watched = Set(branches + [facts?.0.defaultBranch].compactMap { $0 }).map { "refs/heads/" + $0 }
    switch try remote.push(refs, known: evenIfChanged ? nil : known, watched: watched) {
    case .changed(let advertised):
      hidden.update(from: advertised)
      if let known { remote.hiddenRefs.formUnion(hidden.confirm(advertised, known)) }
      let facts = try synchronize(report)
      if let known { hidden.suspect(advertised, known) }
      return .changed(facts)
    case .done(let result):
      hidden.dismissSuspects()
      do throws(GitRemoteError) {
        return .done(try conclude(tags, refs, result, isRepeated: evenIfChanged, report))
      } catch {
        throw GitRemoteError(error.code, error.operation, error.message, outcomeUnknown: true)
      }
    }
  }

  private func pushedRef(_ tag: PreparedTag) throws(GitRemoteError) -> PushedRef {
    guard let object = tag.object else {
      return PushedRef(
        deleting: "refs/tags/" + tag.name, at: try remoteID(tag.objectID), group: tag.group)
    }
    let id = try remote.writeTag(object)
    guard id.description == tag.objectID.description else {
      throw GitRemoteError(
        .invalid, "push", "the object of tag \(tag.name) is not the one that was journalled")
    }
    return PushedRef(name: "refs/tags/" + tag.name, id: id, group: tag.group)
  }

  /// - Parameter isRepeated: whether the same was sent before, and the server may be at work on that still.
  private func conclude(
    _ tags: [PreparedTag], _ refs: [PushedRef], _ result: PushReport, isRepeated: Bool,
    _ report: (TagDelta) -> Void
  ) throws(GitRemoteError) -> [PushedTag] {
    let outcomes = try settleRaces(refs, result, isRepeated: isRepeated)
    var delta = TagDelta()
    var pushed: [PushedTag] = []
    for (tag, ref) in zip(tags, refs) {
      let end = PushedTag(tag, outcomes[ref.name], serverWords: result.serverWords)
      if end.outcome == .accepted || end.outcome == .alreadyThere { try note(ref, tag.name, in: &delta) }
      pushed.append(end)
    }
    if known != nil, !delta.tags.isEmpty || !delta.removed.isEmpty { report(delta) }
    return pushed
  }

  /// Takes over that a ref is in the remote as it was pushed.
  private func note(_ ref: PushedRef, _ name: String, in delta: inout TagDelta) throws(GitRemoteError) {
    if ref.isDeletion {
      known?.remove(ref.name)
      delta.removed.append(name)
      return
    }
    let object = try remote.readTag(ref.id)
    known?.set(ref.name, to: ref.id, peeled: object?.commit)
    if let record = TagRecord(name: name, id: ref.id, object: object) { delta.tags.append(record) }
  }

  /// A server says "failed to update ref" to whoever lost a race; what is there now tells it from a refusal. Where it is
  /// neither, the server's words stay.
  private func settleRaces(
    _ refs: [PushedRef], _ result: PushReport, isRepeated: Bool
  ) throws(GitRemoteError) -> [String: PushOutcome] {
    var outcomes = result.outcomes
    let doubtful = refs.filter { ref in
      if case .rejected(let reason) = outcomes[ref.name] { return RefUpdateWords.mayBeRace(reason) }
      return false
    }
    if doubtful.isEmpty { return outcomes }
    let states = try remote.settle(doubtful)
    // The others are only told that all go or none.
    let isRefused = outcomes.values.contains(where: RefUpdateWords.isOfRule)
    for ref in doubtful {
      let state = states[ref.name] ?? .absent
      let isAsBefore = state == (ref.isDeletion ? .same : .absent)
      if isRefused, isAsBefore {
        outcomes[ref.name] = .unsent
        continue
      }
      if isRepeated, isAsBefore {
        // It may be the first one that holds the lock: what it comes to is this one's end too.
        throw GitRemoteError(
          .remoteHungUp, "push",
          "the server has not finished with an earlier push of \(ref.name), or kept its lock: \(result.serverWords)"
        )
      }
      switch state {
      case .other(let id): outcomes[ref.name] = .taken(id)
      case .same where !ref.isDeletion, .absent where ref.isDeletion: outcomes[ref.name] = .alreadyThere
      // As it was: somebody else is at it, or was and left a lock, or the server may not write there.
      case .same, .absent: break
      }
    }
    return outcomes
  }

  func registryID(_ id: GitRemote.ObjectID) throws(GitRemoteError) -> Registry.ObjectID {
    guard let converted = Registry.ObjectID(id.description) else {
      throw GitRemoteError(.invalid, "read an object id", "\(id)")
    }
    return converted
  }

  func remoteID(_ id: Registry.ObjectID) throws(GitRemoteError) -> GitRemote.ObjectID {
    guard let converted = GitRemote.ObjectID(hex: id.description) else {
      throw GitRemoteError(.unsupported, "read an object id", "\(id) is not a SHA-1")
    }
    return converted
  }
}

/// How servers word it that a ref could not be changed.
enum RefUpdateWords {
  /// The words of Git and JGit where a ref could not be made or deleted because somebody else changed it, or is about to, or
  /// because another one of the same push could not be.
  static func mayBeRace(_ reason: String) -> Bool {
    [
      "failed to update ref", "failed to delete", "failed to lock", "cannot lock ref", "already exists",
      "atomic", "transaction aborted",
    ]
    .contains { reason.utf8Contains($0) }
  }

  /// Whether the server does not want it, whatever anybody else does.
  static func isOfRule(_ outcome: PushOutcome) -> Bool {
    if case .rejected(let reason) = outcome { !mayBeRace(reason) } else { false }
  }
}

extension String {
  fileprivate func utf8Contains(_ other: String) -> Bool { firstRange(of: other) != nil }
}

extension PushedTag {
  fileprivate init(_ tag: PreparedTag, _ outcome: PushOutcome?, serverWords: String) {
    switch outcome {
    case .accepted: self.init(name: tag.name, outcome: .accepted)
    case .alreadyThere: self.init(name: tag.name, outcome: .alreadyThere)
    case .taken: self.init(name: tag.name, outcome: .taken)
    case .unsent: self.init(name: tag.name, outcome: .unsent)
    case .pending: self.init(name: tag.name, outcome: .pending)
    case .unanswered(let error):
      self.init(name: tag.name, outcome: .unanswered, reason: error.message)
    case .rejected(let reason):
      self.init(
        name: tag.name, outcome: RefUpdateWords.mayBeRace(reason) ? .locked : .rejected,
        reason: serverWords.isEmpty ? reason : "\(reason): \(serverWords)")
    case nil: self.init(name: tag.name, outcome: .rejected, reason: "the server did not say why")
    }
  }
}
