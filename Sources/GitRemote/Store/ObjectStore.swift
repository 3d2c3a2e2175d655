internal import CLibgit2
internal import SystemCalls

/// The kinds of Git objects.
public enum ObjectKind: String, Sendable {
  case commit, tree, blob, tag

  init?(_ type: git_object_t) {
    switch type {
    case GIT_OBJECT_COMMIT: self = .commit
    case GIT_OBJECT_TREE: self = .tree
    case GIT_OBJECT_BLOB: self = .blob
    case GIT_OBJECT_TAG: self = .tag
    default: return nil
    }
  }
}

/// A bare repository on disk that holds objects and no refs.
final class ObjectStore {
  let repository: OpaquePointer
  let database: OpaquePointer
  private let directory: String
  /// New objects stay in memory until ``flush()``; nil: they go to files.
  private var memory: UnsafeMutablePointer<git_odb_backend>?
  private var unflushed: [ObjectID] = []

  /// Opens the repository.
  ///
  /// - Parameter inMemory: written objects stay in memory first, which saves a file for each.
  init(directory: String, inMemory: Bool) throws(GitRemoteError) {
    let operation = "open the mirror"
    var repository: OpaquePointer?
    try LibGit2.check(operation) { git_repository_open_bare(&repository, directory) }
    var database: OpaquePointer?
    try LibGit2.check(operation) { git_repository_odb(&database, repository) }
    guard let repository, let database else { throw GitRemoteError(.io, operation, "no object database") }
    self.repository = repository
    self.database = database
    self.directory = directory
    if inMemory { try addMemory() }
  }

  /// Makes an empty repository. C: `git_repository_init`.
  static func make(_ directory: String) throws(GitRemoteError) {
    var repository: OpaquePointer?
    try LibGit2.check("make the mirror") { git_repository_init(&repository, directory, 1) }
    git_repository_free(repository)
  }

  deinit {
    git_odb_free(database)
    git_repository_free(repository)
  }

  private func addMemory() throws(GitRemoteError) {
    try LibGit2.check("open the mirror") { git_mempack_new(&memory) }
    // A higher priority than the files': objects are written to it.
    try LibGit2.check("open the mirror") { git_odb_add_backend(database, memory, 999) }
  }

  func contains(_ id: ObjectID) -> Bool {
    var oid = id.oid
    return git_odb_exists_ext(database, &oid, UInt32(GIT_ODB_LOOKUP_NO_REFRESH.rawValue)) == 1
  }

  /// The kind of an object; nil where it is not here.
  func kind(of id: ObjectID) throws(GitRemoteError) -> ObjectKind? {
    var oid = id.oid
    var size = 0
    var type = GIT_OBJECT_INVALID
    let result = git_odb_read_header(&size, &type, database, &oid)
    if result == GIT_ENOTFOUND.rawValue { return nil }
    try LibGit2.checkMirror("read object \(id)") { result }
    return ObjectKind(type)
  }

  /// The content of an object; nil where it is not here.
  ///
  /// - Parameter kept: bytes beyond which the content is cut off.
  /// - Throws: ``GitRemoteError/Code/tooLarge`` where it is greater than the limit, in bytes.
  func read(
    _ id: ObjectID, limit: Int, kept: Int = .max
  ) throws(GitRemoteError) -> (kind: ObjectKind, content: [UInt8])? {
    var oid = id.oid
    var object: OpaquePointer?
    guard contains(id) else { return nil }
    try checkSize(id, limit)
    let result = git_odb_read(&object, database, &oid)
    if result == GIT_ENOTFOUND.rawValue { return nil }
    try LibGit2.checkMirror("read object \(id)") { result }
    defer { git_odb_object_free(object) }
    guard let kind = ObjectKind(git_odb_object_type(object)) else { return nil }
    let count = min(git_odb_object_size(object), kept)
    let bytes = UnsafeRawBufferPointer(start: git_odb_object_data(object), count: count)
    return (kind, Array(bytes))
  }

  private func checkSize(_ id: ObjectID, _ limit: Int) throws(GitRemoteError) {
    var oid = id.oid
    var size = 0
    var type = GIT_OBJECT_INVALID
    guard git_odb_read_header(&size, &type, database, &oid) == 0 else { return }
    if size > limit { throw GitRemoteError(.tooLarge, "read object \(id)", "it has \(size) bytes") }
  }

  /// Keeps a tag object; not durable.
  func writeTag(_ content: [UInt8]) throws(GitRemoteError) -> ObjectID {
    var oid = git_oid()
    try LibGit2.checkMirror("write a tag object") {
      git_odb_write(&oid, database, content, content.count, GIT_OBJECT_TAG)
    }
    unflushed.append(ObjectID(oid))
    return ObjectID(oid)
  }

  /// A pack of just these objects, whatever they refer to.
  func pack(_ ids: [ObjectID]) throws(GitRemoteError) -> [UInt8] {
    let operation = "pack the tag objects"
    var builder: OpaquePointer?
    try LibGit2.checkMirror(operation) { git_packbuilder_new(&builder, repository) }
    defer { git_packbuilder_free(builder) }
    git_packbuilder_set_threads(builder, 1)
    for id in ids {
      var oid = id.oid
      try LibGit2.checkMirror(operation) { git_packbuilder_insert(builder, &oid, nil) }
    }
    var buffer = git_buf()
    try LibGit2.checkMirror(operation) { git_packbuilder_write_buf(&buffer, builder) }
    defer { git_buf_dispose(&buffer) }
    return Array(UnsafeRawBufferPointer(start: buffer.ptr, count: buffer.size))
  }

  /// Moves objects from memory to the disk, once there are so many.
  func flush(atLeast threshold: Int = 1) throws(GitRemoteError) {
    guard let memory, unflushed.count >= threshold else { return }
    // Not `git_mempack_dump`, which packs commits and what belongs to them, and no tags.
    let pack = try pack(unflushed)
    let indexer = try PackIndexer(self, operation: "store the tag objects", limit: .max)
    try pack.withUnsafeBytes { bytes in
      Result { () throws(GitRemoteError) in try indexer.append(bytes) }
    }.get()
    try indexer.finish()
    try LibGit2.checkMirror("store the tag objects") { git_mempack_reset(memory) }
    unflushed = []
  }

  var packDirectory: String { "\(directory)/objects/pack" }

  /// Git makes that folder with every repository, and libgit2's indexer needs it.
  var takesPacks: Bool { (try? Files.kind(of: packDirectory)) == .directory }

  /// Finds packs that were added.
  func refresh() throws(GitRemoteError) {
    try LibGit2.checkMirror("read the mirror") { git_odb_refresh(database) }
  }
}

/// Takes a pack piece by piece and adds it to a store.
final class PackIndexer {
  private let store: ObjectStore
  private let operation: String
  private let indexer: OpaquePointer
  private var progress = git_indexer_progress()
  private let limit: Int
  private(set) var received = 0
  /// The pack's first bytes, as far as they have come.
  private var header: [UInt8] = []

  /// Of what comes before the objects: a mark, a version, how many objects follow (gitformat-pack).
  private static let headerLength = 12
  /// Of the smallest object: its kind with its length, and nothing, deflated.
  private static let objectLength = 9

  /// - Parameter limit: bytes that a pack may have.
  init(_ store: ObjectStore, operation: String, limit: Int) throws(GitRemoteError) {
    var options = git_indexer_options()
    git_indexer_options_init(&options, UInt32(GIT_INDEXER_OPTIONS_VERSION))
    var indexer: OpaquePointer?
    try LibGit2.checkMirror(operation) {
      git_indexer_new(&indexer, store.packDirectory, 0, store.database, &options)
    }
    guard let indexer else { throw GitRemoteError(.io, operation, "no indexer") }
    self.indexer = indexer
    self.store = store
    self.operation = operation
    self.limit = limit
  }

  deinit { git_indexer_free(indexer) }

  func append(_ bytes: UnsafeRawBufferPointer) throws(GitRemoteError) {
    received += bytes.count
    if received > limit { throw tooLarge() }
    try checkHeader(bytes)
    try checkPack { git_indexer_append(indexer, bytes.baseAddress, bytes.count, &progress) }
  }

  /// Adds the pack to the store, if it holds anything.
  func finish() throws(GitRemoteError) {
    try checkPack { git_indexer_commit(indexer, &progress) }
    try store.refresh()
  }

  /// libgit2 sets memory aside for as many objects as the pack announces.
  private func checkHeader(_ bytes: UnsafeRawBufferPointer) throws(GitRemoteError) {
    if header.count == Self.headerLength { return }
    header += bytes.prefix(Self.headerLength - header.count)
    let announced = header.dropFirst(8).reduce(0) { $0 << 8 | Int($1) }
    if header.count == Self.headerLength, announced > limit / Self.objectLength { throw tooLarge() }
  }

  private func tooLarge() -> GitRemoteError {
    GitRemoteError(.tooLarge, operation, "the pack is greater than the configured limit")
  }

  private func checkPack(_ call: () -> Int32) throws(GitRemoteError) {
    git_error_clear()
    let result = call()
    if result >= 0 { return }
    let isOfFile = LibGit2.lastFailureIsOfFile
    let error = LibGit2.error(operation, result)
    if isOfFile || error.code == .exhausted { throw error.ofMirror }
    throw GitRemoteError(.protocolViolation, operation, "the pack is damaged: \(error.message)")
  }
}
