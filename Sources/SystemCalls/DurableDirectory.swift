internal import Glibc

/// A directory whose files must survive a crash. Names are of files directly in it.
public struct DurableDirectory: Sendable {
  public let path: String
  private let faults: (any FileFaults)?

  /// Makes the directory where there is none, with its parents, for its owner only, and makes the entries of those
  /// that it makes durable.
  ///
  /// - Parameter faults: for tests.
  public init(_ path: String, faults: (any FileFaults)? = nil) throws(SystemCallError) {
    self.path = path
    self.faults = faults
    if try Files.kind(of: path) == nil {
      for made in try Files.makeDirectories(path, mode: 0o700) {
        try Self.synchronize(Files.parent(of: made), faults: faults)
      }
    }
  }

  public func path(of name: String) -> String { "\(path)/\(name)" }

  /// The names in it, in byte order.
  public func names() throws(SystemCallError) -> [String] {
    try Files.names(in: path).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Opens a file for writing, which must be there. C: `open`.
  public func open(_ name: String) throws(SystemCallError) -> DurableFile {
    try open(name, flags: O_WRONLY, creates: false)
  }

  /// Makes an empty file, in place of what has that name. Its entry is not durable yet. C: `open`.
  public func create(_ name: String) throws(SystemCallError) -> DurableFile {
    try open(name, flags: O_WRONLY | O_CREAT | O_TRUNC, creates: true)
  }

  private func open(_ name: String, flags: Int32, creates: Bool) throws(SystemCallError) -> DurableFile {
    let path = path(of: name)
    let number = try systemCall(
      "open \"\(path)\"", FileCall(.open, path, creates: creates), faults: faults
    ) { _ in
      Int(Glibc.open(path, flags | O_CLOEXEC, 0o600))
    }
    return DurableFile(FileDescriptor(takingOwnership: Int32(number)), path: path, faults: faults)
  }

  /// The whole content of a file.
  ///
  /// - Parameter limit: the largest size accepted, in bytes; a larger file throws `EFBIG`.
  public func read(_ name: String, limit: Int) throws(SystemCallError) -> [UInt8] {
    let path = path(of: name)
    try systemCall("read \"\(path)\"", FileCall(.read, path), faults: faults) { _ in 0 }
    return try Files.read(path, limit: limit)
  }

  /// Takes an exclusive lock on a file, which it makes, for as long as the descriptor is open. C: `flock`.
  ///
  /// - Returns: nil when somebody else holds it.
  public func lock(_ name: String) throws(SystemCallError) -> FileDescriptor? {
    let path = path(of: name)
    try systemCall("lock \"\(path)\"", FileCall(.lock, path), faults: faults) { _ in 0 }
    return try Files.lock(path)
  }

  /// Gives a file another name, in place of what has that name; durable after ``synchronize()``. C: `rename`.
  public func rename(_ old: String, to new: String) throws(SystemCallError) {
    let source = path(of: old)
    let target = path(of: new)
    try systemCall(
      "rename to \"\(target)\"", FileCall(.rename, source, target: target), faults: faults
    ) { _ in
      Int(Glibc.rename(source, target))
    }
  }

  /// Removes a file; durable after ``synchronize()``. C: `unlink`.
  public func remove(_ name: String) throws(SystemCallError) {
    let path = path(of: name)
    try systemCall("unlink \"\(path)\"", FileCall(.remove, path), faults: faults) { _ in
      Int(unlink(path))
    }
  }

  /// Makes the names durable. C: `fsync` of the directory.
  public func synchronize() throws(SystemCallError) { try Self.synchronize(path, faults: faults) }

  private static func synchronize(
    _ path: String, faults: (any FileFaults)?
  ) throws(SystemCallError) {
    let directory = try Files.open(path, flags: O_RDONLY | O_DIRECTORY)
    let number = directory.rawValue
    try systemCall("fsync \"\(path)\"", FileCall(.syncDirectory, path), faults: faults) { _ in
      Int(fsync(number))
    }
  }
}
