package import StagekeeperClient
internal import SystemCalls

/// One run of a command: what it was given and where it prints.
package struct Invocation: Sendable {
  package let arguments: ParsedArguments
  package let console: Console

  package init(_ arguments: ParsedArguments, _ console: Console) {
    self.arguments = arguments
    self.console = console
  }

  /// A client for the socket that `--socket` or the environment names.
  package var client: StagekeeperClient { StagekeeperClient(socketPath: arguments.value("--socket")) }

  /// Whether `--json` was given.
  package var wantsJSON: Bool { arguments.has("--json") }

  /// `--plain` as a table's style.
  package var tableStyle: Table.Style { arguments.has("--plain") ? .plain : .boxed }

  /// `--timeout`; nil: as long as it takes.
  package var timeout: Duration? {
    get throws(UsageError) { try arguments.seconds("--timeout") }
  }

  /// The repository that `--repo` or `STAGEKEEPER_REPO` names.
  var namedRepository: String? {
    let id = arguments.value("--repo") ?? ThisProcess.environment("STAGEKEEPER_REPO")
    return id == "" ? nil : id
  }

  /// The repository that is named, or the only one that the caller may use.
  func repository(_ client: StagekeeperClient) async throws -> String {
    if let id = namedRepository { return id }
    let answer = try await client.whoami(timeout: timeout)
    let known = (answer["repositories"]?.arrayValue ?? []).compactMap { $0["repository"]?.stringValue }
    if let only = known.first, known.count == 1 { return only }
    if known.isEmpty {
      throw Failure(
        status: 77, "no repository is open to this user",
        hint: "'stagekeeper whoami' shows who the worker takes you for.")
    }
    throw UsageError(
      "no repository was named",
      hint: "Give --repo ID or set STAGEKEEPER_REPO; one of: \(known.joined(separator: ", ")).")
  }
}

/// Options that many commands share.
package enum CommonOption {
  package static let socket = OptionSpec(
    "--socket", value: "PATH",
    help: "The worker's socket [STAGEKEEPER_SOCKET; default: $XDG_RUNTIME_DIR/stagekeeper/worker.sock, "
      + "else /run/stagekeeper/worker.sock].")
  static let repo = OptionSpec(
    "--repo", "-r", value: "ID",
    help: "The repository's id at the worker [STAGEKEEPER_REPO; default: the only one there is].")
  /// For commands that list what several repositories have.
  static let onlyRepo = OptionSpec(
    "--repo", "-r", value: "ID", help: "Only of that repository [STAGEKEEPER_REPO; default: of all].")
  package static let json = OptionSpec("--json", help: "Print JSON, for programs.")
  package static let plain = OptionSpec("--plain", help: "Print the table without lines, for grep.")
  package static let timeout = OptionSpec(
    "--timeout", value: "SECONDS",
    help: "How long to wait for the answer; an accepted job goes on after [default: as long as it takes].")
  static let fresh = OptionSpec(
    "--fresh", help: "Have the worker ask the Git server first, instead of answering from memory.")
}
