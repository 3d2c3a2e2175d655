internal import CLibgit2

/// The files of one commit.
final class Tree {
  private let tree: OpaquePointer

  fileprivate init(takingOwnership tree: OpaquePointer) { self.tree = tree }

  deinit { git_tree_free(tree) }

  /// The blob of the regular file at a path; nil where there is nothing.
  ///
  /// - Throws: ``GitRemoteError/Code/notRegularFile`` where there is something else.
  func file(_ path: String) throws(GitRemoteError) -> ObjectID? {
    var entry: OpaquePointer?
    let result = git_tree_entry_bypath(&entry, tree, path)
    if result == GIT_ENOTFOUND.rawValue { return nil }
    try LibGit2.checkMirror("find the file \(path)") { result }
    defer { git_tree_entry_free(entry) }
    guard Self.isFile(entry) else {
      throw GitRemoteError(
        .notRegularFile, "read the file \(path)", "it is \(Self.kind(of: entry)) and not a regular file")
    }
    return Self.id(entry)
  }

  /// The paths of the regular files of that name.
  ///
  /// - Parameter limit: of the entries that are looked at.
  func files(named name: String, limit: Int) throws(GitRemoteError) -> [String] {
    let search = FileSearch(name, limit: limit)
    let result = withExtendedLifetime(search) {
      git_tree_walk(
        tree, GIT_TREEWALK_PRE,
        { root, entry, payload in
          guard let root, let entry, let payload else { return 0 }
          return Unmanaged<FileSearch>.fromOpaque(payload).takeUnretainedValue().visit(root, entry)
        }, Unmanaged.passUnretained(search).toOpaque())
    }
    if search.seen > limit {
      throw GitRemoteError(
        .tooLarge, "look for files named \(name)", "the tree has more than \(limit) entries")
    }
    try LibGit2.checkMirror("look for files named \(name)") { result }
    return search.found
  }

  private final class FileSearch {
    private let name: String
    private let limit: Int
    var seen = 0
    var found: [String] = []

    init(_ name: String, limit: Int) {
      self.name = name
      self.limit = limit
    }

    func visit(_ root: UnsafePointer<CChar>, _ entry: OpaquePointer) -> Int32 {
      seen += 1
      if seen > limit { return -1 }
      if Tree.isFile(entry), let entryName = git_tree_entry_name(entry), String(cString: entryName) == name {
        found.append(String(cString: root) + name)
      }
      return 0
    }
  }

  fileprivate static func isFile(_ entry: OpaquePointer?) -> Bool {
    let mode = git_tree_entry_filemode(entry)
    return mode == GIT_FILEMODE_BLOB || mode == GIT_FILEMODE_BLOB_EXECUTABLE
  }

  /// What an entry that is no regular file is, for messages.
  private static func kind(of entry: OpaquePointer?) -> String {
    switch git_tree_entry_filemode(entry) {
    case GIT_FILEMODE_TREE: "a folder"
    case GIT_FILEMODE_LINK: "a symbolic link"
    default: "a submodule"
    }
  }

  private static func id(_ entry: OpaquePointer?) -> ObjectID? {
    git_tree_entry_id(entry).map { ObjectID($0.pointee) }
  }
}

extension ObjectStore {
  /// The tree of a commit that is here.
  func tree(ofCommit id: ObjectID) throws(GitRemoteError) -> Tree {
    let operation = "read the commit \(id)"
    if let kind = try kind(of: id), kind != .commit {
      // What a damaged pack says of an object's kind, only its checksum tells.
      _ = try read(id, limit: 64 << 20)
      throw GitRemoteError(.notFound, operation, "it is no commit")
    }
    var oid = id.oid
    var commit: OpaquePointer?
    try LibGit2.checkMirror(operation) { git_commit_lookup(&commit, repository, &oid) }
    defer { git_commit_free(commit) }
    var tree: OpaquePointer?
    try LibGit2.checkMirror(operation) { git_commit_tree(&tree, commit) }
    guard let tree else { throw GitRemoteError(.mirrorDamaged, operation, "no tree") }
    return Tree(takingOwnership: tree)
  }
}
