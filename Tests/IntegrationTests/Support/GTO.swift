import StrictJSON
import SystemCalls
import TestSupport

/// GTO's own view of a repository.
struct GTO {
  private let directory: TemporaryDirectory
  private let clone: String

  /// Clones the remote, as whoever uses GTO does.
  init(cloneOf path: String) throws {
    directory = try TemporaryDirectory()
    clone = directory.appending("clone")
    try Program.check("git", ["clone", "-q", path, clone])
  }

  func json(_ arguments: String...) throws -> JSONValue { try json(arguments) }

  func json(_ arguments: [String]) throws -> JSONValue {
    let text = try Program.check(
      BuiltProgram.gto(), arguments + ["--repo", clone, "--json"],
      environment: ["GTO_NO_ANALYTICS=1", "ITERATIVE_DO_NOT_TRACK=1"])
    return try JSONValue(parsing: Array(text.utf8), maximumDepth: 64)
  }
}
