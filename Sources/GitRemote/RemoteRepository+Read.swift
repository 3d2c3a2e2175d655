internal import CLibgit2

extension RemoteRepository {
  /// Makes a tag object from its complete content, such as ``TagText/compose(name:commit:tagger:message:)``
  /// with a signature appended. It stays in this process's memory and later on its disk, not durably: who
  /// needs the same object after a crash keeps the content.
  public func writeTag(_ content: [UInt8]) throws(GitRemoteError) -> ObjectID {
    try contents.writeTag(content)
  }

  /// Reads a tag object that ``fetchTags()`` or ``writeTag(_:)`` brought here; nil where it is not here or is no tag.
  /// One that somebody has made large must not keep the others from being read: its message is cut off, and of one
  /// beyond all bounds only that is known (``TagObject/isTooLarge``).
  public func readTag(_ id: ObjectID) throws(GitRemoteError) -> TagObject? {
    guard var tag = try tagObject(id) else { return nil }
    tag.commit = try commit(of: tag)
    return tag
  }

  private func tagObject(_ id: ObjectID) throws(GitRemoteError) -> TagObject? {
    let limits = configuration.limits
    do throws(GitRemoteError) {
      guard let object = try contents.read(id, limit: limits.wholeTag, kept: limits.tag), object.kind == .tag
      else { return nil }
      return TagObject(id: id, content: object.content, isCut: object.content.count == limits.tag)
    } catch {
      guard error.code == .tooLarge else { throw error }
      return try contents.kind(of: id) == .tag ? TagObject(tooLarge: id) : nil
    }
  }

  /// Follows tags of tags, a few of them.
  private func commit(of tag: TagObject) throws(GitRemoteError) -> ObjectID? {
    var current = tag
    for _ in 0..<8 where current.targetKind == .tag {
      guard let target = current.target, let next = try tagObject(target) else { return nil }
      current = next
    }
    return current.commit
  }

  /// Reads a file of a commit, which is downloaded first if it is not here; nil where the commit has nothing at
  /// that path.
  ///
  /// - Throws: ``GitRemoteError/Code/tooLarge`` where it exceeds the limit for files,
  ///   ``GitRemoteError/Code/notRegularFile`` where it is none.
  public func readFile(commit: ObjectID, path: String) throws(GitRemoteError) -> [UInt8]? {
    try fetchContents(of: commit)
    let tree = try contents.tree(ofCommit: commit)
    guard let blob = try tree.file(path) else { return nil }
    guard let object = try contents.read(blob, limit: configuration.limits.file) else {
      throw GitRemoteError(
        .tooLarge, "read the file \(path)", "it has more than \(configuration.limits.file) bytes")
    }
    return object.content
  }

  /// The paths of a commit's regular files that have this name, in whatever folder, in Git's order.
  ///
  /// - Throws: ``GitRemoteError/Code/tooLarge`` where the tree has more than a million entries.
  public func listFiles(commit: ObjectID, named name: String) throws(GitRemoteError) -> [String] {
    try fetchContents(of: commit)
    return try contents.tree(ofCommit: commit).files(named: name, limit: 1_000_000)
  }

  /// What a person means by a branch, a tag or a commit id of the remote.
  ///
  /// In this order: a full ref name, `HEAD` (or nothing), forty digits, a tag, a branch, and an abbreviated
  /// commit id of at least seven digits. Ids that no ref points to are looked for in the history of all
  /// branches and tags, which is downloaded then.
  ///
  /// - Parameter refs: the remote's refs as they were last fetched.
  /// - Returns: the commit; nil where there is none of that name.
  /// - Throws: ``GitRemoteError/Code/invalid`` where an abbreviation fits several commits.
  public func resolve(_ text: String, in refs: RefList) throws(GitRemoteError) -> ObjectID? {
    if text.isEmpty || text == "HEAD" || text == "@" { return refs.head }
    if text.hasPrefix("refs/") {
      guard let ref = refs[text] else { return nil }
      return try commit(of: ref)
    }
    if let id = ObjectID(hex: text) { return try isReachable(id, refs) ? id : nil }
    if let ref = refs["refs/tags/\(text)"] ?? refs["refs/heads/\(text)"] { return try commit(of: ref) }
    let isAbbreviation = (7..<40).contains(text.utf8.count) && text.utf8.allSatisfy { hexValue($0) < 16 }
    return isAbbreviation ? try expand(text, refs) : nil
  }

  /// Where a ref leads; nil where that is no commit: a tag may stand for any object.
  private func commit(of ref: AdvertisedRef) throws(GitRemoteError) -> ObjectID? {
    if ref.isBranch { return ref.id }
    if ref.peeled != nil, let tag = try readTag(ref.id), !tag.isTooLarge { return tag.commit }
    return try isCommit(ref.target) ? ref.target : nil
  }

  private func isReachable(_ id: ObjectID, _ refs: RefList) throws(GitRemoteError) -> Bool {
    // Stands for the ids that refs of commits do not peel to.
    if id.isZero { return false }
    for index in refs.entries.indices where refs.entries[index].id == id || refs.entries[index].peeled == id {
      if try commit(of: refs[index]) == id { return true }
    }
    return try isInHistory(id, refs)
  }

  /// Whether a branch or a tag contains the commit, and not only the mirror, which remembers what was dropped.
  private func isInHistory(_ id: ObjectID, _ refs: RefList) throws(GitRemoteError) -> Bool {
    if history.contains(id), try history.isCommit(id), try isContained(id, refs) { return true }
    // It may be in what is new.
    let now = try fetchHistory()
    guard history.contains(id), try history.isCommit(id) else { return false }
    return try isContained(id, now)
  }

  /// Branches first: they contain nearly all, and there are fewer of them.
  private func isContained(_ id: ObjectID, _ refs: RefList) throws(GitRemoteError) -> Bool {
    for prefix in ["refs/heads/", "refs/tags/"] {
      var tips: Set<ObjectID> = []
      for index in refs.indices(under: prefix) {
        let entry = refs.entries[index]
        let tip = entry.peeled.isZero ? entry.id : entry.peeled
        if history.contains(tip), try history.isCommit(tip) { tips.insert(tip) }
      }
      if try history.isReachable(id, from: tips.sorted()) { return true }
    }
    return false
  }

  private func isHistoryMissing(_ refs: RefList) throws(GitRemoteError) -> Bool {
    for index in 0..<refs.count where !history.contains(refs[index].target) {
      if try mayBeCommit(refs[index]) { return true }
    }
    return false
  }

  /// As far as what is here tells.
  func mayBeCommit(_ ref: AdvertisedRef) throws(GitRemoteError) -> Bool {
    guard ref.peeled != nil, let tag = try readTag(ref.id), !tag.isTooLarge else { return true }
    return tag.commit != nil
  }

  /// Whether it is a commit of the remote's history, which is downloaded as far as it is not here.
  private func isCommit(_ id: ObjectID) throws(GitRemoteError) -> Bool {
    if !history.contains(id) { _ = try fetchHistory() }
    return history.contains(id) ? try history.isCommit(id) : false
  }

  private func expand(_ prefix: String, _ refs: RefList) throws(GitRemoteError) -> ObjectID? {
    if try isHistoryMissing(refs) { _ = try fetchHistory() }
    var found: [ObjectID] = []
    for commit in try history.commits(startingWith: prefix) where try isContained(commit, refs) {
      found.append(commit)
    }
    if found.count > 1 {
      throw GitRemoteError(.invalid, "look up \(prefix)", "several commits have ids that begin so")
    }
    return found.first
  }

  /// Whether one commit is the other or an ancestor of it. Downloads history if need be.
  ///
  /// - Throws: ``GitRemoteError/Code/notFound`` where one of them is in no branch or tag of the remote.
  public func isAncestor(_ ancestor: ObjectID, of commit: ObjectID) throws(GitRemoteError) -> Bool {
    if !history.contains(commit) || !history.contains(ancestor) { _ = try fetchHistory() }
    for id in [ancestor, commit] where !history.contains(id) {
      throw GitRemoteError(.notFound, "compare two commits", "no branch or tag of the remote contains \(id)")
    }
    return try history.isAncestor(ancestor, of: commit)
  }
}

extension AdvertisedRef {
  /// Then it is at a commit: Git makes no other.
  fileprivate var isBranch: Bool { name.hasPrefix("refs/heads/") }
}
