internal import SystemCalls

/// A bare repository made by plain Git, to stand for a remote.
public final class GitFixture: Sendable {
  /// Absolute path of the bare repository.
  public let path: String
  private let directory: TemporaryDirectory

  /// Makes `name` with one commit on `main` that has these files.
  public init(
    name: String = "remote.git",
    files: [String: String] = [".gto": "stages: [dev, prod]\n", "README": "model\n"]
  ) throws {
    directory = try TemporaryDirectory()
    path = directory.appending(name)
    try Program.check("git", ["init", "-q", "--bare", "-b", "main", path])
    if !files.isEmpty { try commit(files: files) }
  }

  /// Runs Git in the repository and returns its output without the last newline.
  @discardableResult
  public func git(_ arguments: String..., input: String = "") throws -> String {
    let text = try Program.check(
      "git", ["-C", path] + arguments, environment: Self.identity, input: Array(input.utf8))
    return text.hasSuffix("\n") ? String(text.dropLast()) : text
  }

  /// Adds a commit with these files to what the branch has; returns its id.
  @discardableResult
  public func commit(
    files: [String: String], message: String = "Change", branch: String = "main", time: Int = 1_700_000_000
  ) throws -> String {
    let ref = "refs/heads/\(branch)"
    let exists =
      try Program.run("git", ["-C", path, "rev-parse", "-q", "--verify", ref]).exit == .exited(code: 0)
    var stream =
      "commit \(ref)\ncommitter Model Maker <maker@example.com> \(time) +0000\n" + Self.data(message)
    if exists { stream += "from \(ref)^0\n" }
    for (name, content) in files.sorted(by: { $0.key < $1.key }) {
      stream += "M 100644 inline \(Self.quoted(name))\n" + Self.data(content)
    }
    try git("fast-import", "--quiet", input: stream)
    return try git("rev-parse", ref)
  }

  /// Makes an annotated tag; returns the tag object's id.
  @discardableResult
  public func tag(
    _ name: String, at target: String = "main", message: String = "Tag", time: Int = 1_700_000_100
  )
    throws -> String
  {
    let commit = try git("rev-parse", target)
    let kind = try git("cat-file", "-t", commit)
    let content = """
      object \(commit)
      type \(kind)
      tag \(name)
      tagger Tag Maker <tagger@example.com> \(time) +0000

      \(message)

      """
    return try rawTag(name, content)
  }

  /// Makes a tag object of any content, and a ref to it.
  @discardableResult
  public func rawTag(_ name: String, _ content: String) throws -> String {
    let id = try git("hash-object", "-t", "tag", "-w", "--literally", "--stdin", input: content)
    try git("update-ref", "refs/tags/\(name)", id)
    return id
  }

  /// Makes many annotated tags on the tip of `main` at once: `prefix1`, `prefix2`, …
  public func addTags(_ count: Int, prefix: String = "model@v0.0.") throws {
    var stream = ""
    for number in 1...max(1, count) {
      stream += """
        tag \(prefix)\(number)
        from refs/heads/main^0
        tagger Tag Maker <tagger@example.com> \(1_700_000_000 + number) +0000
        \(Self.data("Tag \(number)"))
        """
    }
    try git("fast-import", "--quiet", input: stream)
    try git("pack-refs", "--all")
  }

  /// Makes an executable hook of this shell script.
  public func installHook(_ name: String, _ script: String) throws {
    try Files.makeDirectories("\(path)/hooks")
    try Files.replace("\(path)/hooks/\(name)", with: Array("#!/bin/sh\n\(script)\n".utf8), mode: 0o755)
  }

  /// The id at a ref; nil where there is none.
  public func ref(_ name: String) throws -> String? {
    let output = try Program.run("git", ["-C", path, "rev-parse", "-q", "--verify", name])
    return output.exit == .exited(code: 0) ? String(output.text.dropLast()) : nil
  }

  /// The names of all tags.
  public func tags() throws -> [String] {
    try git("tag", "--list").split(separator: "\n").map(String.init)
  }

  private static let identity = [
    "GIT_AUTHOR_NAME=Model Maker", "GIT_AUTHOR_EMAIL=maker@example.com", "GIT_COMMITTER_NAME=Model Maker",
    "GIT_COMMITTER_EMAIL=maker@example.com",
  ]

  private static func data(_ text: String) -> String { "data \(text.utf8.count)\n\(text)\n" }

  private static func quoted(_ name: String) -> String {
    let escaped = name.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined()
    return "\"\(escaped)\""
  }
}
