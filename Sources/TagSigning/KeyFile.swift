internal import Glibc

/// Reads the files that signing and verifying need, and refuses those that the wrong people can read or change.
public enum KeyFile {
  /// The largest private key or passphrase file, in bytes.
  public static let maximumSecretSize = 64 * 1024
  /// The largest certificate, CA bundle or list of keys, in bytes.
  public static let maximumPublicSize = 8 * 1024 * 1024

  /// Reads a private key or a passphrase.
  ///
  /// The file has to belong to this process's user or to root, and others must not be able to read or write
  /// it. Its group may read it only where root owns it, which is how systemd hands over credentials.
  ///
  /// - Throws: ``SigningError`` with `unreadableFile` or `unsafePermissions`; never with the content.
  public static func readSecret(_ path: String) throws(SigningError) -> SecretBytes {
    let descriptor = try openRegularFile(path, maximumSize: maximumSecretSize)
    defer { _ = close(descriptor.number) }
    try checkSecret(descriptor.status, path)
    return try readAll(descriptor, path)
  }

  /// Reads a file that decides who is trusted, or a certificate: anybody may read it, but nobody except its
  /// owner, root and its group may write it.
  public static func readPublic(_ path: String) throws(SigningError) -> [UInt8] {
    let descriptor = try openRegularFile(path, maximumSize: maximumPublicSize)
    defer { _ = close(descriptor.number) }
    try checkOwner(descriptor.status, path)
    if descriptor.status.st_mode & S_IWOTH != 0 {
      throw unsafe(path, "everybody can write it (chmod o-w)")
    }
    return try readAll(descriptor, path).withUnsafeBytes { Array($0) }
  }

  // MARK: Checks

  private static func checkSecret(_ status: stat, _ path: String) throws(SigningError) {
    try checkOwner(status, path)
    if status.st_mode & S_IRWXO != 0 {
      throw unsafe(path, "everybody can read or write it (chmod 600)")
    }
    let groupMay = status.st_mode & S_IRWXG
    let allowed = status.st_uid == 0 ? groupMay & ~S_IRGRP == 0 : groupMay == 0
    if !allowed { throw unsafe(path, "its group can read or write it (chmod 600)") }
  }

  private static func checkOwner(_ status: stat, _ path: String) throws(SigningError) {
    if status.st_uid != geteuid(), status.st_uid != 0 {
      throw unsafe(path, "it belongs to user \(status.st_uid), not to this process's user or root")
    }
  }

  private static func unsafe(_ path: String, _ why: String) -> SigningError {
    SigningError(.unsafePermissions, "reading \(path)", why)
  }

  // MARK: Reading

  /// Opens first and looks at the open file, so that what was checked is what is read.
  private static func openRegularFile(
    _ path: String, maximumSize: Int
  ) throws(SigningError) -> (number: Int32, status: stat) {
    // Non-blocking, or opening a named pipe would wait for a writer.
    let number = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
    if number < 0 { throw unreadable(path, errorText(errno)) }
    var status = stat()
    let problem: String? =
      if fstat(number, &status) != 0 {
        errorText(errno)
      } else if status.st_mode & S_IFMT != S_IFREG {
        "it is not a regular file"
      } else if status.st_size > maximumSize {
        "it is larger than \(maximumSize) bytes"
      } else {
        nil
      }
    if let problem {
      _ = close(number)
      throw unreadable(path, problem)
    }
    return (number, status)
  }

  private static func readAll(
    _ file: (number: Int32, status: stat), _ path: String
  ) throws(SigningError) -> SecretBytes {
    let size = Int(file.status.st_size)
    return try SecretBytes(capacity: size) { (memory) throws(SigningError) in
      try readAll(file.number, into: memory, count: size, path)
    }
  }

  private static func readAll(
    _ descriptor: Int32, into memory: UnsafeMutableRawBufferPointer, count: Int, _ path: String
  ) throws(SigningError) -> Int {
    var filled = 0
    while filled < count {
      let got = read(descriptor, memory.baseAddress?.advanced(by: filled), count - filled)
      if got < 0, errno == EINTR { continue }
      if got < 0 { throw unreadable(path, errorText(errno)) }
      if got == 0 { break }
      filled += got
    }
    return filled
  }

  private static func unreadable(_ path: String, _ why: String) -> SigningError {
    SigningError(.unreadableFile, "reading \(path)", why)
  }

  private static func errorText(_ number: Int32) -> String {
    String(cString: strerror(number))
  }
}
