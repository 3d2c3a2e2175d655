internal import CLibgit2
internal import Synchronization
internal import SystemCalls

/// libgit2's process-wide state.
enum LibGit2 {
  /// Initialises the library once, and takes every configuration file of the machine and the account away
  /// from it: what a repository's mirror does may not depend on who runs it. Packs are durable before they are
  /// taken to be there.
  static func start() throws(GitRemoteError) {
    try check("start libgit2") { git_libgit2_init() }
    let levels = [
      GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL,
    ]
    for level in levels {
      try check("empty libgit2's search paths") { stagekeeper_git_set_search_path(level, "") }
    }
    try check("have libgit2 synchronize files") { stagekeeper_git_set_synchronization(1) }
    ThisProcess.ignoreBrokenPipes()
  }

  /// Has libgit2 trust the authorities in this file, and no others, in the whole process.
  static func trust(_ file: String) throws(GitRemoteError) {
    try trusted.withLock { (current) throws(GitRemoteError) in
      if current == file { return }
      try check("read the certificate authorities in \(file)") { stagekeeper_git_set_certificate_file(file) }
      current = file
    }
  }

  private static let trusted = Mutex<String?>(nil)

  /// Runs a call of libgit2 that returns a negative number on failure.
  ///
  /// - Throws: ``GitRemoteError`` with the library's last message, read on this thread before anything can
  ///   overwrite it.
  @discardableResult
  static func check(_ operation: String, _ call: () -> Int32) throws(GitRemoteError) -> Int32 {
    let result = call()
    if result >= 0 { return result }
    throw error(operation, result)
  }

  /// The same for what is done with the mirror: any failure but that of an exhausted machine means that it is damaged.
  @discardableResult
  static func checkMirror(_ operation: String, _ call: () -> Int32) throws(GitRemoteError) -> Int32 {
    do throws(GitRemoteError) { return try check(operation, call) } catch { throw error.ofMirror }
  }

  /// Whether a file of this machine is to blame for what failed last on this thread, and not the bytes that were given.
  /// Not every failed rename leaves an error. C: `git_error_last`.
  static var lastFailureIsOfFile: Bool {
    guard let last = git_error_last() else { return true }
    return last.pointee.klass == Int32(GIT_ERROR_OS.rawValue)
      || last.pointee.klass == Int32(GIT_ERROR_FILESYSTEM.rawValue)
  }

  static func error(_ operation: String, _ result: Int32) -> GitRemoteError {
    guard let words = git_error_last().map({ String(cString: $0.pointee.message) }) else {
      return GitRemoteError(.io, operation, "libgit2 error \(result)")
    }
    let message = ServerText.sanitized(words.utf8)
    // Where a system call failed, the message ends with what `strerror` says of it.
    if let errno = Errno.exhaustions.first(where: { message.hasSuffix(": \($0)") }) {
      return GitRemoteError(exhausted: errno, operation, message)
    }
    return GitRemoteError(result == GIT_ENOTFOUND.rawValue ? .notFound : .io, operation, message)
  }
}

extension ObjectID {
  init(_ oid: git_oid) {
    self = withUnsafeBytes(of: oid) { ObjectID(bytes: $0) }
  }

  var oid: git_oid {
    var oid = git_oid()
    withUnsafeMutableBytes(of: &oid) { $0.copyBytes(from: bytes) }
    return oid
  }
}
