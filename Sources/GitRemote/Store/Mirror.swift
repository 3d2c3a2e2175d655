internal import RemoteURLs
internal import SystemCalls

/// The directory of one repository's mirror: the two stores, the url that they belong to, and a lock.
///
/// It is a cache: whatever can't be used is made anew. The file `url` says that the rest is whole. It is written last
/// and removed first, so that a process that is killed in between leaves nothing that is taken for a mirror.
final class Mirror {
  let contents: ObjectStore
  let history: HistoryStore
  private let lock: FileDescriptor
  private let directory: String

  /// Opens the mirror, or makes it.
  ///
  /// - Throws: ``GitRemoteError/Code/locked`` while another process has it open,
  ///   ``GitRemoteError/Code/mirrorUnusable`` where it can't be made.
  init(_ directory: String, for url: RemoteURL) throws(GitRemoteError) {
    self.directory = directory
    let wanted = Array(url.description.utf8)
    do throws(GitRemoteError) {
      lock = try Self.lock(directory)
      if let stores = Self.existing(directory, wanted) {
        (contents, history) = stores
        for store in [contents, history.objects] { Self.removeUnfinished(store) }
      } else {
        (contents, history) = try Self.make(directory, wanted)
      }
    } catch {
      throw error.ofUnusableMirror(directory)
    }
  }

  /// Has whoever opens the mirror next make it anew.
  ///
  /// - Throws: ``GitRemoteError/Code/mirrorUnusable`` where nobody could.
  func condemn() throws(GitRemoteError) {
    do throws(SystemCallError) {
      try Files.remove(Self.marker(directory))
    } catch {
      throw GitRemoteError(Self.operation, error).ofUnusableMirror(directory)
    }
  }

  private static let operation = "open the mirror"
  private static func marker(_ directory: String) -> String { "\(directory)/url" }
  private static func contentsPath(_ directory: String) -> String { "\(directory)/contents.git" }
  private static func historyPath(_ directory: String) -> String { "\(directory)/history.git" }

  private static func lock(_ directory: String) throws(GitRemoteError) -> FileDescriptor {
    do throws(SystemCallError) {
      try Files.makeDirectories(directory)
      if let lock = try Files.lock("\(directory)/lock") { return lock }
    } catch {
      throw GitRemoteError(operation, error)
    }
    throw GitRemoteError(.locked, operation, "another process uses \(directory)")
  }

  /// Nil where there is no mirror of this url, or none that can be opened.
  private static func existing(_ directory: String, _ url: [UInt8]) -> (ObjectStore, HistoryStore)? {
    guard let found = try? Files.read(marker(directory), limit: 8192), found == url else { return nil }
    guard let stores = try? open(directory), stores.0.takesPacks, stores.1.objects.takesPacks else {
      return nil
    }
    return stores
  }

  /// Packs whose download was interrupted. Source: `git_indexer_new` makes `pack_git2_` and something random.
  private static func removeUnfinished(_ store: ObjectStore) {
    for name in (try? Files.names(in: store.packDirectory)) ?? [] where name.hasPrefix("pack_git2_") {
      try? Files.remove("\(store.packDirectory)/\(name)")
    }
  }

  private static func open(_ directory: String) throws(GitRemoteError) -> (ObjectStore, HistoryStore) {
    (
      try ObjectStore(directory: contentsPath(directory), inMemory: true),
      try HistoryStore(directory: historyPath(directory))
    )
  }

  private static func make(
    _ directory: String, _ url: [UInt8]
  ) throws(GitRemoteError) -> (ObjectStore, HistoryStore) {
    do throws(SystemCallError) {
      try Files.remove(marker(directory))
      for path in [contentsPath(directory), historyPath(directory)] { try Files.removeTree(path) }
    } catch {
      throw GitRemoteError(operation, error)
    }
    for path in [contentsPath(directory), historyPath(directory)] { try ObjectStore.make(path) }
    let stores = try open(directory)
    do throws(SystemCallError) {
      try Files.replace(marker(directory), with: url)
    } catch {
      throw GitRemoteError(operation, error)
    }
    return stores
  }
}
