import SystemCalls

/// What the package builds, and where its files are.
enum Products {
  /// The path of an executable of this package: it stands beside the running test program.
  static func path(_ name: String) throws -> String {
    let own = try ThisProcess.executablePath()
    let directory = own.lastIndex(of: "/").map { own[..<$0] } ?? ""
    let path = "\(directory)/\(name)"
    if try Files.kind(of: path) == .file { return path }
    throw Missing(description: "\(path) is not built: run 'swift build' first")
  }

  /// A file of the repository.
  static func file(_ name: String) -> String {
    let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    return parts.dropLast(4).joined(separator: "/") + "/" + name
  }

  static func text(_ name: String) throws -> String {
    String(decoding: try Files.read(file(name), limit: 1 << 24), as: UTF8.self)
  }
}

/// Something that a test needs is not there.
struct Missing: Error, CustomStringConvertible {
  let description: String
}
