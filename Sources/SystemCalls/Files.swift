internal import Glibc

/// Files and directories, by path. Every error names the path.
public enum Files {
  public enum Kind: Sendable {
    case file, directory, socket, other
  }

  /// Permission bits and owner of a file.
  public struct Status: Sendable, Equatable {
    public let kind: Kind
    /// The lower twelve bits of the mode.
    public let mode: UInt32
    public let owner: UInt32
    public let group: UInt32
    /// In bytes.
    public let size: Int64
  }

  /// What is at the path, symbolic links followed; nil when nothing is. C: `stat`.
  public static func kind(of path: String) throws(SystemCallError) -> Kind? {
    try status(of: path)?.kind
  }

  /// What is at the path, symbolic links followed; nil when nothing is. C: `stat`.
  public static func status(of path: String) throws(SystemCallError) -> Status? {
    var status = stat()
    do throws(SystemCallError) {
      try systemCall("stat \"\(path)\"") { stat(path, &status) }
    } catch {
      if error.errno == .noSuchFile { return nil }
      throw error
    }
    return Status(status)
  }

  /// What a descriptor is open at. C: `fstat`.
  public static func status(of file: borrowing FileDescriptor) throws(SystemCallError) -> Status {
    var status = stat()
    let number = file.rawValue
    try systemCall("fstat") { fstat(number, &status) }
    return Status(status)
  }

  /// Which file a path leads to, whatever its content.
  public struct Identity: Sendable, Equatable {
    let device: UInt64
    let number: UInt64
  }

  /// Which file is at the path, symbolic links followed; nil where none can be seen. C: `stat`.
  public static func identity(of path: String) -> Identity? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return Identity(device: UInt64(status.st_dev), number: UInt64(status.st_ino))
  }

  /// Whether an open file has a name still. C: `fstat`.
  static func isLinked(_ file: borrowing FileDescriptor) -> Bool {
    var status = stat()
    return fstat(file.rawValue, &status) == 0 && status.st_nlink > 0
  }

  /// Opens a file, close-on-exec. C: `open`.
  ///
  /// - Parameters:
  ///   - flags: the C constants, such as `O_RDONLY`; `O_CLOEXEC` is added.
  ///   - mode: permission bits of a file that this creates.
  public static func open(
    _ path: String, flags: Int32, mode: UInt32 = 0o600
  ) throws(SystemCallError) -> FileDescriptor {
    FileDescriptor(
      takingOwnership: try systemCall("open \"\(path)\"") { Glibc.open(path, flags | O_CLOEXEC, mode) })
  }

  /// Opens no more than the place of a file, of whatever kind. C: `open` with `O_PATH`.
  public static func openPlace(
    of path: String, followingLinks: Bool
  ) throws(SystemCallError) -> FileDescriptor {
    try open(path, flags: pathOnly | (followingLinks ? 0 : O_NOFOLLOW))
  }

  /// `O_PATH`, which Glibc's module lacks.
  private static let pathOnly: Int32 = 0o10000000

  /// The whole content of a file. C: `open`, `fstat`, `read`.
  ///
  /// - Parameter limit: the largest size accepted, in bytes; a larger file throws `EFBIG`.
  public static func read(_ path: String, limit: Int) throws(SystemCallError) -> [UInt8] {
    let file = try open(path, flags: O_RDONLY)
    // In one piece where the size is known, for large files; those of `/proc` and pipes have none.
    let size = Int(try status(of: file).size)
    if size > limit { throw SystemCallError(.fileTooLarge, "read \"\(path)\"") }
    var content = size > 0 ? try file.read(upTo: size) : []
    while true {
      let part = try file.read(upTo: 65_536)
      if part.isEmpty { return content }
      content += part
      if content.count > limit { throw SystemCallError(.fileTooLarge, "read \"\(path)\"") }
    }
  }

  /// Makes a directory where there is none, with its parents. C: `mkdir`.
  ///
  /// - Parameter mode: permission bits of those that this makes.
  /// - Returns: those that this made, each after its parent.
  @discardableResult
  public static func makeDirectories(_ path: String, mode: UInt32 = 0o700) throws(SystemCallError) -> [String]
  {
    if try kind(of: path) == .directory { return [] }
    var made: [String] = []
    if let slash = path.lastIndex(of: "/"), slash > path.startIndex {
      made = try makeDirectories(String(path[..<slash]), mode: mode)
    }
    do throws(SystemCallError) {
      try systemCall("mkdir \"\(path)\"") { mkdir(path, mode) }
      made.append(path)
    } catch {
      if error.errno != .fileExists { throw error }
    }
    return made
  }

  /// Absolute. C: `getcwd`.
  public static func workingDirectory() throws(SystemCallError) -> String {
    guard let path = getcwd(nil, 0) else { throw SystemCallError(.current, "getcwd") }
    defer { free(path) }
    return String(cString: path)
  }

  /// The names in a directory, without `.` and `..`, in no order. C: `opendir`, `readdir`.
  public static func names(in directory: String) throws(SystemCallError) -> [String] {
    guard let stream = opendir(directory) else {
      throw SystemCallError(.current, "opendir \"\(directory)\"")
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  /// Removes a file; nothing happens where there is none. C: `unlink`.
  public static func remove(_ path: String) throws(SystemCallError) {
    do throws(SystemCallError) {
      try systemCall("unlink \"\(path)\"") { unlink(path) }
    } catch {
      if error.errno != .noSuchFile { throw error }
    }
  }

  /// Removes a file, or a directory with all that is in it, symbolic links themselves; nothing happens where
  /// there is none. C: `lstat`, `unlink`, `rmdir`.
  public static func removeTree(_ path: String) throws(SystemCallError) {
    var status = stat()
    if lstat(path, &status) == -1 {
      if Errno.current == .noSuchFile { return }
      throw SystemCallError(.current, "lstat \"\(path)\"")
    }
    guard status.st_mode & S_IFMT == S_IFDIR else { return try remove(path) }
    for name in try names(in: path) { try removeTree("\(path)/\(name)") }
    try systemCall("rmdir \"\(path)\"") { rmdir(path) }
  }

  /// Replaces a file so that after a crash it holds the old or the new content, never a mixture; durable
  /// on return. C: `open`, `write`, `fsync`, `rename`, `fsync` of the directory.
  public static func replace(_ path: String, with content: [UInt8], mode: UInt32 = 0o600)
    throws(SystemCallError)
  {
    let temporary = "\(path).new"
    let file = try open(temporary, flags: O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
    try file.writeAll(content)
    let number = file.rawValue
    try systemCall("fsync \"\(temporary)\"") { fsync(number) }
    try file.close()
    try systemCall("rename to \"\(path)\"") { rename(temporary, path) }
    try synchronizeDirectory(of: path)
  }

  /// Makes the directory entry of a path durable. C: `fsync` of the directory.
  public static func synchronizeDirectory(of path: String) throws(SystemCallError) {
    let parent = parent(of: path)
    let directory = try open(parent, flags: O_RDONLY | O_DIRECTORY)
    let number = directory.rawValue
    try systemCall("fsync \"\(parent)\"") { fsync(number) }
  }

  /// The directory in which a path's entry is.
  static func parent(of path: String) -> String {
    path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
  }

  /// Takes an exclusive lock on a file, which it makes, for as long as the descriptor is open. C: `flock`.
  ///
  /// A child that is just being started holds copies of all descriptors until it executes its program, so
  /// that a lock that was given back may seem held for a moment: it is tried for half a second.
  ///
  /// - Returns: nil when another process holds it.
  public static func lock(_ path: String) throws(SystemCallError) -> FileDescriptor? {
    let file = try open(path, flags: O_RDWR | O_CREAT)
    let number = file.rawValue
    let deadline = MonotonicTime.after(seconds: 0.5)
    while true {
      do throws(SystemCallError) {
        try systemCall("flock \"\(path)\"") { flock(number, LOCK_EX | LOCK_NB) }
        return file
      } catch {
        guard error.errno == .wouldBlock else { throw error }
        if deadline.hasPassed { return nil }
        usleep(5000)
      }
    }
  }
}

extension Files.Status {
  fileprivate init(_ status: stat) {
    kind =
      switch status.st_mode & S_IFMT {
      case S_IFREG: .file
      case S_IFDIR: .directory
      case S_IFSOCK: .socket
      default: .other
      }
    mode = status.st_mode & 0o7777
    owner = status.st_uid
    group = status.st_gid
    size = Int64(status.st_size)
  }
}
