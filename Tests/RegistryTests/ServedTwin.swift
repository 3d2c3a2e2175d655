import Registry
import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// A bare copy of a repository, served by a real worker over a path: what `stagekeeper` does there.
final class ServedTwin {
  private let directory: TemporaryDirectory
  private let remote: String
  private let worker: WorkerFixture

  init(copyOf path: String) throws {
    directory = try TemporaryDirectory()
    remote = directory.appending("remote.git")
    try Program.check("git", ["clone", "-q", "--bare", path, remote])
    worker = try WorkerFixture(
      configuration: """
        repositories: { demo: { url: "\(remote)", allowDelete: true } },
        tenants: { me: { uids: [\(ThisProcess.uid)] } },
        grants: [{ tenants: ["me"], repositories: ["demo"], actions: ["*"] }],
        """)
  }

  func stop() throws { try worker.stop() }

  /// The names of all tags.
  func tags() throws -> [String] { try git("tag", "--list").split(separator: "\n").map(String.init) }

  /// The tags that were made, as lines of ref, commit and message without trailers; or the code of the refusal.
  func write(_ request: WriteRequest, dryRun: Bool = false) throws -> (lines: [String], refusal: String?) {
    let output = try Program.run(
      BuiltProgram.path("stagekeeper"),
      ["--socket", worker.clientSocket, "--json"] + request.words + (dryRun ? ["--dry-run"] : []))
    // What the command line itself refuses is not sent, and has no JSON.
    if output.standardOutput.isEmpty {
      #expect(output.exit == .exited(code: 64), "\(request.words): \(output.errorText)")
      return ([], Refusal.Code.invalidRequest.wireCode)
    }
    let answer = try JSONValue(parsing: output.standardOutput)
    guard output.exit == .exited(code: 0) else {
      let code = try #require(answer["error"]?["code"]?.stringValue, "\(output.text)\(output.errorText)")
      return ([], code)
    }
    let tags = answer["tags"]?.arrayValue ?? []
    if dryRun {
      let deleted = answer["deletedTags"]?.arrayValue ?? []
      return ((tags + deleted).compactMap { $0["ref"]?.stringValue }, nil)
    }
    let lines = try tags.map { tag in
      let ref = try #require(tag["ref"]?.stringValue)
      let commit = try git("rev-parse", "refs/tags/\(ref)^{commit}")
      #expect(tag["commit"]?.stringValue == commit)
      return "\(ref) → \(commit): \(try message(of: ref))"
    }
    let deleted = (answer["deletedTags"]?.arrayValue ?? []).compactMap { $0["ref"]?.stringValue }
    for ref in deleted { #expect(try !self.tags().contains(ref)) }
    return (lines.sorted() + deleted.map { "\($0) deleted" }, nil)
  }

  private func message(of ref: String) throws -> String {
    let text = try git("cat-file", "tag", "refs/tags/\(ref)")
    let body = try #require(text.firstRange(of: "\n\n")).upperBound
    let trailers = try #require(text.firstRange(of: "\n\nStagekeeper-Job: ")).lowerBound
    return String(text[body..<trailers])
  }

  private func git(_ arguments: String...) throws -> String {
    let text = try Program.check("git", ["-C", remote] + arguments)
    return text.hasSuffix("\n") ? String(text.dropLast()) : text
  }
}

extension WriteRequest {
  /// The same request in the words of the command line.
  fileprivate var words: [String] {
    var words = [action.rawValue, artifact.text]
    if let commit { words += takesRefAsArgument ? [commit.description] : ["--ref", commit.description] }
    if let version { words += ["--version", version.text] }
    if let stage { words += ["--stage", stage.text] }
    if let bump { words += ["--bump-\(bump.rawValue)"] }
    if let message { words += ["--message", message] }
    if let simple { words += ["--simple", simple ? "true" : "false"] }
    if force { words += ["--force"] }
    if delete { words += ["--delete"] }
    if skipRegistration { words += ["--skip-registration"] }
    return words
  }

  private var takesRefAsArgument: Bool { action == .register || action == .assign }
}

extension Refusal.Code {
  /// As it goes over the wire.
  var wireCode: String {
    description.reduce(into: "") { text, character in
      text += character.isUppercase ? "_" + character.lowercased() : String(character)
    }
  }
}
