internal import CLibgit2
internal import SystemCalls

/// Commits with all their ancestors. Assumes: packs are added only by fetches whose "haves" are
/// ``tips``; so where a commit is, its ancestors are.
final class HistoryStore {
  let objects: ObjectStore
  private let tipsFile: String
  /// What was fetched last, whose ancestors are all here.
  private(set) var tips: [ObjectID]

  init(directory: String) throws(GitRemoteError) {
    objects = try ObjectStore(directory: directory, inMemory: false)
    tipsFile = "\(directory)/stagekeeper-tips"
    let text = (try? Files.read(tipsFile, limit: 16 << 20)) ?? []
    let store = objects
    tips = String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap { ObjectID(hex: $0) }
      .filter { store.contains($0) }
  }

  func contains(_ commit: ObjectID) -> Bool { objects.contains(commit) }

  func isCommit(_ id: ObjectID) throws(GitRemoteError) -> Bool {
    try objects.kind(of: id) == .commit
  }

  func setTips(_ tips: [ObjectID]) throws(GitRemoteError) {
    let text = tips.map { "\($0)\n" }.joined()
    do throws(SystemCallError) {
      try Files.replace(tipsFile, with: Array(text.utf8))
    } catch {
      throw GitRemoteError("store the history", error).ofMirror
    }
    self.tips = tips
  }

  /// Whether one commit is the other or an ancestor of it. C: `git_graph_descendant_of`.
  func isAncestor(_ ancestor: ObjectID, of commit: ObjectID) throws(GitRemoteError) -> Bool {
    if ancestor == commit { return true }
    var ancestor = ancestor.oid
    var commit = commit.oid
    return try LibGit2.checkMirror("compare two commits") {
      git_graph_descendant_of(objects.repository, &commit, &ancestor)
    } == 1
  }

  /// Whether a commit is one of these commits or an ancestor of one; none of them may be missing here. C:
  /// `git_graph_reachable_from_any`.
  func isReachable(_ commit: ObjectID, from tips: [ObjectID]) throws(GitRemoteError) -> Bool {
    if tips.contains(commit) { return true }
    if tips.isEmpty { return false }
    var commit = commit.oid
    let tips = tips.map(\.oid)
    return try LibGit2.checkMirror("compare commits") {
      git_graph_reachable_from_any(objects.repository, &commit, tips, tips.count)
    } == 1
  }

  /// The commits whose id begins so; no more than some. C: `git_odb_foreach`.
  func commits(startingWith prefix: String) throws(GitRemoteError) -> [ObjectID] {
    let search = PrefixSearch(prefix, database: objects.database)
    _ = try withExtendedLifetime(search) { () throws(GitRemoteError) in
      try LibGit2.checkMirror("look up a commit") {
        git_odb_foreach(
          objects.database,
          { oid, payload in
            guard let oid, let payload else { return 0 }
            Unmanaged<PrefixSearch>.fromOpaque(payload).takeUnretainedValue().visit(oid.pointee)
            return 0
          }, Unmanaged.passUnretained(search).toOpaque())
      }
    }
    return search.found
  }

  private final class PrefixSearch {
    private let prefix: [UInt8]
    private let database: OpaquePointer
    var found: [ObjectID] = []

    init(_ prefix: String, database: OpaquePointer) {
      self.prefix = Array(prefix.lowercased().utf8)
      self.database = database
    }

    func visit(_ oid: git_oid) {
      let id = ObjectID(oid)
      guard found.count < 16, id.hexDigits.starts(with: prefix), !found.contains(id) else { return }
      var oid = oid
      var size = 0
      var type = GIT_OBJECT_INVALID
      git_odb_read_header(&size, &type, database, &oid)
      if type == GIT_OBJECT_COMMIT { found.append(id) }
    }
  }
}
