internal import Glibc

/// Why a file with a secret, or one that says whom to trust, is not used: which file, why, and what mends it.
public struct SecretFileError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Kinds may be added.
  public struct Code: Hashable, Sendable {
    private enum Kind { case unreadable, unsafe }
    private let kind: Kind

    /// It isn't there, can't be opened, isn't a regular file or is too large.
    public static let unreadable = Code(kind: .unreadable)
    /// People can read or change it who must not.
    public static let unsafe = Code(kind: .unsafe)
  }

  public let code: Code
  public let path: String
  /// With the command that mends it where there is one; never with the content.
  public let message: String

  public var description: String { "reading \(path): \(message)" }
}

/// Reads files that hold secrets or decide who is trusted, and refuses those that the wrong people can read or
/// change.
///
/// What is looked at is the open file, so that what was checked is what is read. C: `open`, `fstat`, `read`.
public enum SecretFile {
  /// The largest private key, passphrase or token file, in bytes.
  public static let maximumSecretSize = 64 * 1024
  /// The largest certificate, bundle of authorities or list of keys, in bytes.
  public static let maximumPublicSize = 8 * 1024 * 1024

  /// Reads a private key, a passphrase or a token.
  ///
  /// The file has to belong to this process's user or to root, and others must not be able to read or write
  /// it. Its group may read it only where root owns it, which is how systemd hands over credentials.
  public static func readSecret(_ path: String) throws(SecretFileError) -> SecretBytes {
    try OpenFile(path, maximumSize: maximumSecretSize, check: checkSecret).readSecret()
  }

  /// Reads a file that anybody may read, but nobody except its owner, root and its group may write.
  public static func readPublic(_ path: String) throws(SecretFileError) -> [UInt8] {
    try OpenFile(path, maximumSize: maximumPublicSize, check: checkPublic).readPublic()
  }

  /// Whether ``readSecret(_:)`` would read it; for files that another program reads.
  public static func check(secret path: String) throws(SecretFileError) {
    _ = try OpenFile(path, maximumSize: maximumSecretSize, check: checkSecret)
  }

  /// Whether ``readPublic(_:)`` would read it; for files that another program reads.
  public static func check(public path: String) throws(SecretFileError) {
    _ = try OpenFile(path, maximumSize: maximumPublicSize, check: checkPublic)
  }

  // MARK: Checks

  private static func checkSecret(_ status: stat) -> String? {
    if let problem = ownerProblem(status) { return problem }
    if status.st_mode & S_IRWXO != 0 { return "everybody can read or write it (chmod 600)" }
    let group = status.st_mode & S_IRWXG
    let isAllowed = status.st_uid == 0 ? group & ~S_IRGRP == 0 : group == 0
    return isAllowed ? nil : "its group can read or write it (chmod 600)"
  }

  private static func checkPublic(_ status: stat) -> String? {
    if let problem = ownerProblem(status) { return problem }
    return status.st_mode & S_IWOTH == 0 ? nil : "everybody can write it (chmod o-w)"
  }

  private static func ownerProblem(_ status: stat) -> String? {
    if status.st_uid == geteuid() || status.st_uid == 0 { return nil }
    let own = geteuid()
    return
      "it belongs to user \(status.st_uid), neither to user \(own), who runs this, nor to root (chown \(own))"
  }
}

/// A regular file that passed the checks.
private struct OpenFile: ~Copyable {
  private let descriptor: FileDescriptor
  private let size: Int
  private let path: String

  init(_ path: String, maximumSize: Int, check: (stat) -> String?) throws(SecretFileError) {
    let file: FileDescriptor
    do throws(SystemCallError) {
      // Non-blocking, or opening a named pipe would wait for a writer.
      file = try Files.open(path, flags: O_RDONLY | O_NOCTTY | O_NONBLOCK)
    } catch {
      // Whoever looks into it is often another user than the one who may not read it.
      let who = error.errno == .permissionDenied ? " for user \(geteuid())" : ""
      throw SecretFileError(code: .unreadable, path: path, message: "\(error.errno)\(who)")
    }
    var status = stat()
    let unreadable: String? =
      if fstat(file.rawValue, &status) != 0 {
        "\(Errno.current)"
      } else if status.st_mode & S_IFMT != S_IFREG {
        "it is not a regular file"
      } else if status.st_size > maximumSize {
        "it is larger than \(maximumSize) bytes"
      } else {
        nil
      }
    if let unreadable { throw SecretFileError(code: .unreadable, path: path, message: unreadable) }
    if let problem = check(status) { throw SecretFileError(code: .unsafe, path: path, message: problem) }
    descriptor = file
    size = Int(status.st_size)
    self.path = path
  }

  func readSecret() throws(SecretFileError) -> SecretBytes {
    do throws(SystemCallError) {
      return try SecretBytes(capacity: size) { memory throws(SystemCallError) in try fill(memory) }
    } catch {
      throw SecretFileError(code: .unreadable, path: path, message: "\(error.errno)")
    }
  }

  func readPublic() throws(SecretFileError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: size)
    let result = bytes.withUnsafeMutableBytes { memory in
      Result { () throws(SystemCallError) in try fill(memory) }
    }
    switch result {
    case .success(let count): return Array(bytes.prefix(count))
    case .failure(let error):
      throw SecretFileError(code: .unreadable, path: path, message: "\(error.errno)")
    }
  }

  private func fill(_ memory: UnsafeMutableRawBufferPointer) throws(SystemCallError) -> Int {
    var filled = 0
    while filled < memory.count {
      let count = try descriptor.read(into: UnsafeMutableRawBufferPointer(rebasing: memory[filled...]))
      if count == 0 { break }
      filled += count
    }
    return filled
  }
}
