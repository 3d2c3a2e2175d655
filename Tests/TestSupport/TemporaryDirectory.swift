internal import SystemCalls

/// A directory of a test's own, removed at the end.
public final class TemporaryDirectory: Sendable {
  /// Absolute and short, so that socket paths fit under it.
  public let path: String

  /// - Parameter mode: permission bits.
  public init(mode: UInt32 = 0o755) throws {
    let name = try ThisProcess.randomBytes(6).map { String($0, radix: 36) }.joined()
    path = "/tmp/sk-\(name)"
    try Files.makeDirectories(path, mode: mode)
  }

  deinit { try? Files.removeTree(path) }

  /// A path in it.
  public func appending(_ name: String) -> String { "\(path)/\(name)" }

  /// Makes a directory in it.
  public func makeDirectory(_ name: String, mode: UInt32 = 0o755) throws -> String {
    try Files.makeDirectories(appending(name), mode: mode)
    return appending(name)
  }

  /// Writes a file in it.
  @discardableResult
  public func write(_ name: String, _ text: String, mode: UInt32 = 0o644) throws -> String {
    try Files.replace(appending(name), with: Array(text.utf8), mode: mode)
    return appending(name)
  }
}
