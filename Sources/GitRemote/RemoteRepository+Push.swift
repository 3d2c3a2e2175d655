internal import SystemCalls

/// What became of one ref of a push.
public enum PushOutcome: Equatable, Sendable {
  /// The server made or deleted it.
  case accepted
  /// It was there already, at exactly this object, or was to be deleted and is not there; nothing was sent for it.
  case alreadyThere
  /// It is there, at another object; nothing was sent for it.
  case taken(ObjectID)
  /// The server refused: by a rule, by a hook, or because somebody else was faster.
  ///
  /// - Parameter reason: the server's words about this ref, such as `hook declined`.
  case rejected(reason: String)
  /// Nothing was sent for it: another one of its group is taken, or the server takes refs one by one, and one before it
  /// was not made or deleted.
  case unsent
  /// The same, but an earlier push of it may be under way: the server takes refs one by one.
  case pending
  /// The server takes refs one by one, took those before it, and did not answer for this one.
  case unanswered(GitRemoteError)
}

extension PushOutcome {
  fileprivate var isTaken: Bool { if case .taken = self { true } else { false } }
}

/// What a push came to.
public struct PushReport: Equatable, Sendable {
  /// The outcome of each ref that was given.
  public var outcomes: [String: PushOutcome]
  /// What the server's hooks said, for people; bounded, without control characters and secrets.
  public var serverWords: String
}

public enum PushResult: Equatable, Sendable {
  /// The remote's tags or the watched branches are not what the caller knew; nothing was sent. Without
  /// peeled ids.
  case changed(RefList)
  case done(PushReport)
}

/// What a remote has at the name of a ref that was to be made.
public enum SettledState: Equatable, Sendable {
  case absent
  /// At exactly the object id asked about.
  case same
  case other(ObjectID)
}

extension RemoteRepository {
  /// Creates and deletes refs on the remote, over one connection; never moves one.
  ///
  /// The server compares and sets: each ref is asked to be made from nothing, or to be deleted at one object, so of
  /// two pushers one wins. Where it can't take all or none (`atomic`), each is pushed by itself, in the order given, until
  /// one is not taken. Of a group whose name somebody else has taken nothing is sent.
  ///
  /// - Parameter refs: the objects must have been made by ``writeTag(_:)``, or be on the remote already.
  /// - Parameter known: what the caller planned with; nil: the same was pushed before, push whatever else has changed. A
  ///   ref that was to be deleted and is there at another object has been deleted since then.
  /// - Parameter watched: branches in full (`refs/heads/main`) that must stand where `known` has them.
  /// - Throws: ``GitRemoteError`` whose ``GitRemoteError/outcomeUnknown`` says whether to ask with
  ///   ``settle(_:)``. Where it is false, nothing was changed.
  public func push(
    _ refs: [PushedRef], known: RefList?, watched: [String] = []
  ) throws(GitRemoteError) -> PushResult {
    let pack = try checkedPack(refs)
    let conversation = try converse(.receivePack, Self.push, goingOn: known != nil)
    let advertised = conversation.advertisement.refs
    if let known, !isUnchanged(advertised, known, watched) {
      conversation.endWithoutRequest()
      return .changed(advertised)
    }
    var report = PushReport(outcomes: [:], serverWords: "")
    let deletes = conversation.advertisement.capabilities.contains("delete-refs")
    let isAtomic = conversation.advertisement.capabilities.contains("atomic")
    for ref in refs {
      report.outcomes[ref.name] = ref.outcome(
        at: advertised[ref.name]?.id, serverDeletes: deletes, isRepeated: known == nil)
    }
    let taken = Set(refs.filter { report.outcomes[$0.name]?.isTaken ?? false }.compactMap(\.group))
    for ref in refs where report.outcomes[ref.name] == nil {
      if let group = ref.group, taken.contains(group) {
        report.outcomes[ref.name] = isAtomic || known != nil ? .unsent : .pending
      }
    }
    let free = refs.filter { report.outcomes[$0.name] == nil }
    if free.isEmpty {
      conversation.endWithoutRequest()
      return .done(report)
    }
    if free.count == 1 || isAtomic {
      let content = free.count == refs.count ? pack : try self.pack(free)
      try send(free, content, conversation, &report)
    } else {
      try sendOneByOne(free, conversation, &report)
    }
    try? contents.flush(atLeast: 1024)
    return .done(report)
  }

  private func send(
    _ refs: [PushedRef], _ pack: [UInt8], _ conversation: Conversation, _ report: inout PushReport
  ) throws(GitRemoteError) {
    let answer = try proceed { () throws(GitRemoteError) in try conversation.push(refs, pack: pack) }
    try include(answer, of: refs, in: &report)
  }

  private func sendOneByOne(
    _ refs: [PushedRef], _ first: Conversation, _ report: inout PushReport
  ) throws(GitRemoteError) {
    var next: Conversation? = first
    // What is left then goes with another push, that has as much time.
    let pause = MonotonicTime.after(seconds: configuration.timeouts.total / 2)
    for (index, ref) in refs.enumerated() {
      if index > 0, pause.hasPassed {
        for other in refs[index...] { report.outcomes[other.name] = .unsent }
        return
      }
      do throws(GitRemoteError) {
        let conversation = if let next { next } else { try converse(.receivePack, Self.push) }
        next = nil
        try send([ref], try pack([ref]), conversation, &report)
      } catch {
        if index == 0 { throw error }
        report.outcomes[ref.name] = .unanswered(error)
      }
      guard report.outcomes[ref.name] == .accepted else {
        for other in refs[(index + 1)...] { report.outcomes[other.name] = .unsent }
        return
      }
    }
  }

  /// Asks the remote what it has at these names.
  public func settle(_ refs: [PushedRef]) throws(GitRemoteError) -> [String: SettledState] {
    let conversation = try converse(.receivePack, "settle a push")
    conversation.endWithoutRequest()
    var states: [String: SettledState] = [:]
    for ref in refs {
      let there = conversation.advertisement.refs[ref.name]
      states[ref.name] = there.map { $0.id == ref.id ? .same : .other($0.id) } ?? .absent
    }
    return states
  }

  private func checkedPack(_ refs: [PushedRef]) throws(GitRemoteError) -> [UInt8] {
    for ref in refs where !ref.isDeletion && !RefName.isCreatable(ref.name) {
      throw GitRemoteError(.invalid, "push", "Git forbids the name \(ref.name)")
    }
    guard Set(refs.map(\.name)).count == refs.count else {
      throw GitRemoteError(.invalid, "push", "one name was given twice")
    }
    return try pack(refs)
  }

  /// The objects that were made here; others are on the remote. Nothing at all where refs are only deleted.
  private func pack(_ refs: [PushedRef]) throws(GitRemoteError) -> [UInt8] {
    let refs = refs.filter { !$0.isDeletion }
    if refs.isEmpty { return [] }
    return try contents.pack(Set(refs.map(\.id)).filter { contents.contains($0) }.sorted())
  }

  private func isUnchanged(_ advertised: RefList, _ known: RefList, _ watched: [String]) -> Bool {
    // What both lists have is hidden no longer.
    hiddenRefs = hiddenRefs.filter { (advertised[$0] == nil) != (known[$0] == nil) }
    let watched = watched.filter { !hiddenRefs.contains($0) }
    return advertised.without(hiddenRefs).hasSameRefs(under: "refs/tags/", as: known.without(hiddenRefs))
      && watched.allSatisfy { advertised[$0]?.id == known[$0]?.id }
  }

  private func include(
    _ answer: PushAnswer, of refs: [PushedRef], in report: inout PushReport
  ) throws(GitRemoteError) {
    report.serverWords = ServerText.sanitized(answer.words, limit: configuration.limits.sidebandText)
    try checkUnpacked(answer, saying: report.serverWords)
    for ref in refs {
      if let reason = answer.refs[ref.name] {
        report.outcomes[ref.name] = reason.map { .rejected(reason: answer.completed($0)) } ?? .accepted
      } else if answer.unpack != "ok" {
        report.outcomes[ref.name] = .rejected(reason: answer.unpack)
      } else {
        throw GitRemoteError(
          .protocolViolation, "push", "the server said nothing about \(ref.name)", outcomeUnknown: true)
      }
    }
  }

  /// A server whose disk is to blame takes the same another time. It has made no ref then.
  private func checkUnpacked(_ answer: PushAnswer, saying words: String) throws(GitRemoteError) {
    guard answer.unpack != "ok", answer.refs.values.allSatisfy({ $0 != nil }),
      ServerRefusal.isOfDisk(answer.unpack + "\n" + words)
    else { return }
    throw GitRemoteError(
      .serverDisk, Self.push,
      "the server can't store the tag: \(answer.unpack)\(words.isEmpty ? "" : ": \(words)")")
  }
}

extension PushedRef {
  /// What can be said before anything is sent; nil where the server has to be asked.
  fileprivate func outcome(at there: ObjectID?, serverDeletes: Bool, isRepeated: Bool) -> PushOutcome? {
    guard isDeletion else { return there.map { $0 == id ? .alreadyThere : .taken($0) } }
    guard let there else { return .alreadyThere }
    if there != id { return isRepeated ? .alreadyThere : .taken(there) }
    return serverDeletes ? nil : .rejected(reason: "the server deletes no refs")
  }
}
