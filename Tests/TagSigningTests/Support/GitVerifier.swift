import TagSigning

/// The real `git verify-tag`, in a repository of its own.
struct GitVerifier {
  let folder: TemporaryFolder
  private let git: Tool
  private let repository: String

  init(environment: [String: String] = [:]) throws {
    folder = try TemporaryFolder()
    git = Tool(folder: folder, environment: environment)
    repository = "\(folder.path)/repository"
    try git.expect("git", ["init", "-q", repository])
  }

  /// Trusts these allowed signers from now on, and revokes these keys.
  func trust(allowedSigners: String, revoked: String? = nil) throws {
    let file = try folder.write("allowed_signers", allowedSigners)
    try run(["config", "gpg.format", "ssh"])
    try run(["config", "gpg.ssh.allowedSignersFile", file])
    if let revoked {
      try run(["config", "gpg.ssh.revocationFile", try folder.write("revoked", revoked)])
    } else {
      _ = try git.run("git", ["-C", repository, "config", "--unset", "gpg.ssh.revocationFile"])
    }
  }

  /// Stores the object as it is, also one that isn't a well-formed tag.
  func store(_ tag: [UInt8]) throws -> String {
    let result = try run(["hash-object", "-t", "tag", "-w", "--literally", "--stdin"], input: tag)
    return String(result.text.dropLast())
  }

  func verify(_ tag: [UInt8]) throws -> Tool.Result {
    try git.run("git", ["-C", repository, "verify-tag", "--raw", try store(tag)])
  }

  @discardableResult
  func run(_ arguments: [String], input: [UInt8] = []) throws -> Tool.Result {
    try git.expect("git", ["-C", repository] + arguments, input: input)
  }
}
