extension RemoteRepository {
  /// Asks the remote for its branches and tags, and downloads nothing else.
  public func advertisement() throws(GitRemoteError) -> RefList {
    let conversation = try converse(.uploadPack, "list the refs")
    conversation.endWithoutRequest()
    return conversation.advertisement.refs
  }

  /// Asks the remote for its branches and tags, and downloads the tag objects that are not here yet,
  /// without what they point to: the cost follows the new tags, not the size of the repository.
  ///
  /// On return ``readTag(_:)`` works for each annotated tag of the list.
  public func fetchTags() throws(GitRemoteError) -> RefList {
    while true {
      let conversation = try converse(.uploadPack, "fetch the tags")
      let refs = conversation.advertisement.refs
      let missing = missingTags(refs)
      if missing.isEmpty {
        conversation.endWithoutRequest()
        return refs
      }
      let part = missing.prefix(transport.wantsPerRequest)
      // Claiming to have what the tags point to keeps the server from sending it.
      let request = FetchRequest(
        wants: part.map(\.id), haves: Set(part.compactMap(\.peeled)).sorted())
      try proceed { () throws(GitRemoteError) in try conversation.fetch(request, into: contents) }
      guard part.allSatisfy({ contents.contains($0.id) }) else {
        throw GitRemoteError(
          .protocolViolation, "fetch the tags", "the server did not send what it advertised")
      }
      if part.count == missing.count { return refs }
    }
  }

  private func missingTags(_ refs: RefList) -> [AdvertisedRef] {
    let indices = refs.indices(under: "refs/tags/").filter { index in
      let entry = refs.entries[index]
      return !entry.peeled.isZero && !contents.contains(entry.id)
    }
    var seen: Set<ObjectID> = []
    return indices.map { refs[$0] }.filter { seen.insert($0.id).inserted }
  }

  /// Downloads a commit's tree and files of bounded size, without its ancestors, if it is not here.
  ///
  /// - Throws: ``GitRemoteError/Code/notFound`` when the remote does not have it.
  func fetchContents(of commit: ObjectID) throws(GitRemoteError) {
    if contents.contains(commit) { return }
    let operation = "fetch the files of \(commit)"
    let conversation = try converse(.uploadPack, operation)
    guard let request = contentsRequest(for: commit, conversation) else {
      conversation.endWithoutRequest()
      return try fetchAllContents(operation, commit)
    }
    try proceed { () throws(GitRemoteError) in try conversation.fetch(request, into: contents) }
    guard contents.contains(commit) else {
      throw GitRemoteError(.notFound, operation, "the remote has no such commit")
    }
    try rememberContents(commit)
  }

  /// Downloads the same of several commits in one conversation, as far as the server gives them. What is not here then can
  /// still be asked for one by one.
  public func fetchContents(of commits: [ObjectID]) throws(GitRemoteError) {
    let missing = commits.filter { !contents.contains($0) }
    if missing.count < 2 { return }
    let conversation = try converse(.uploadPack, "fetch the files of \(missing.count) commits")
    let wants = Set(missing.compactMap { want(for: $0, conversation) })
    if wants.isEmpty { return conversation.endWithoutRequest() }
    let here = contentCommits
    let request = FetchRequest(
      wants: wants.sorted(), haves: here, filter: contentsFilter, depth: 1, shallow: here)
    try proceed { () throws(GitRemoteError) in try conversation.fetch(request, into: contents) }
    for commit in missing.suffix(Self.rememberedContents) where contents.contains(commit) {
      try rememberContents(commit)
    }
  }

  /// Servers give only what a ref points to, unless they say that any id may be asked for.
  private func contentsRequest(for commit: ObjectID, _ conversation: Conversation) -> FetchRequest? {
    guard let want = want(for: commit, conversation) else { return nil }
    let here = contentCommits
    return FetchRequest(wants: [want], haves: here, filter: contentsFilter, depth: 1, shallow: here)
  }

  private func want(for commit: ObjectID, _ conversation: Conversation) -> ObjectID? {
    let refs = conversation.advertisement.refs
    let ref = refs.entries.first { $0.id == commit || $0.peeled == commit }
    return ref?.id ?? (conversation.allowsWant(commit) ? commit : nil)
  }

  private var contentsFilter: String { "blob:limit=\(configuration.limits.file + 1)" }

  /// The way that always works: everything.
  private func fetchAllContents(_ operation: String, _ commit: ObjectID) throws(GitRemoteError) {
    let conversation = try converse(.uploadPack, operation)
    let wants = conversation.advertisement.refs.tipIDs
    guard !wants.isEmpty else { throw GitRemoteError(.notFound, operation, "the remote is empty") }
    let request = FetchRequest(wants: wants, filter: contentsFilter)
    try proceed { () throws(GitRemoteError) in try conversation.fetch(request, into: contents) }
    guard contents.contains(commit) else {
      throw GitRemoteError(.notFound, operation, "the remote has no such commit")
    }
  }

  /// Downloads the commits of all branches and tags that are not here yet.
  func fetchHistory() throws(GitRemoteError) -> RefList {
    let operation = "fetch the history"
    var conversation = try converse(.uploadPack, operation)
    var refs = conversation.advertisement.refs
    let branches = Set(refs.refs(under: "refs/heads/").map(\.id)).filter { !history.contains($0) }
    if !branches.isEmpty {
      try fetchHistory(wants: branches.sorted(), conversation)
      try history.setTips(Set(refs.refs(under: "refs/heads/").map(\.id)).sorted())
      conversation = try converse(.uploadPack, operation)
      refs = conversation.advertisement.refs
    }
    var tags: Set<ObjectID> = []
    for ref in refs.refs(under: "refs/tags/") where !history.contains(ref.target) {
      if try mayBeCommit(ref) { tags.insert(ref.id) }
    }
    if tags.isEmpty {
      conversation.endWithoutRequest()
    } else {
      try fetchHistory(wants: tags.sorted(), conversation)
    }
    return refs
  }

  private func fetchHistory(wants: [ObjectID], _ conversation: Conversation) throws(GitRemoteError) {
    let request = FetchRequest(wants: wants, haves: history.tips, filter: "tree:0")
    try proceed { () throws(GitRemoteError) in try conversation.fetch(request, into: history.objects) }
  }
}

extension RefList {
  /// The distinct ids of branches and tags.
  var tipIDs: [ObjectID] { Set(entries.map(\.id)).sorted() }
}
