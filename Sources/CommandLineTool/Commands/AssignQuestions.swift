internal import StagekeeperClient
internal import SystemCalls

/// `assign` without a name on a terminal: asks for what was not given, one after the other, with what there
/// is to choose from.
struct AssignQuestions {
  private let invocation: Invocation
  private let client: StagekeeperClient
  private let repository: String

  /// Whether somebody is there to answer.
  static func canAsk(_ invocation: Invocation) -> Bool {
    ThisProcess.isTerminal(0) && invocation.console.errorIsTerminal && !invocation.wantsJSON
  }

  init(_ invocation: Invocation) async throws {
    self.invocation = invocation
    client = invocation.client
    repository = try await invocation.repository(client)
  }

  /// The request that the answers come to, and the message.
  func ask() async throws -> WriteRequest {
    let arguments = invocation.arguments
    let registry = try await read(ShowRequest(repository: repository))
    let artifact = try question("Artifact", choices(registry), isClosed: true)
    let holders = registry[artifact]?["stage"]
    let version = try await version(of: artifact, in: holders)
    let stage =
      if let given = arguments.value("--stage") { given } else { try await stage(heldBy: holders) }
    var request = WriteRequest(
      .assign, repository: "", artifact: artifact, version: version, stage: stage,
      skipRegistration: arguments.has("--skip-registration"), ifCurrent: arguments.value("--if-current"))
    request.message = try arguments.value("--message") ?? message()
    return request
  }

  // MARK: The questions

  private func choices(_ registry: JSONValue) throws -> [Choice] {
    let artifacts = registry.objectValue?.members ?? []
    if artifacts.isEmpty {
      throw UsageError(
        "the repository has no artifact yet",
        hint: "'stagekeeper register NAME' registers the first version of one.")
    }
    return artifacts.map { name, row in Choice(name, row["version"]?.cell.map { "latest \($0)" }) }
  }

  /// Nil where the artifact has none: then one is registered.
  private func version(of artifact: String, in holders: JSONValue?) async throws -> String? {
    if let given = invocation.arguments.value("--version") { return given }
    let rows = try await read(ShowRequest(repository: repository, name: artifact)).arrayValue ?? []
    let versions = rows.compactMap { row -> Choice? in
      guard let version = row["version"]?.stringValue, version.hasPrefix("v") else { return nil }
      let stages = holders?.objectValue?.members.filter { $0.value.stringValue == version }.map(\.key) ?? []
      return Choice(version, stages.isEmpty ? nil : "in " + stages.joined(separator: ", "))
    }
    if versions.isEmpty {
      invocation.console.note(
        "'\(artifact.escapedForTerminal)' has no version; one is registered at the default branch's tip.")
      return nil
    }
    return try question("Version", versions, usual: versions[0].name, isClosed: true)
  }

  private func stage(heldBy holders: JSONValue?) async throws -> String {
    var request = StagesRequest(repository: repository)
    request.allowed = true
    let allowed = try await names(request)
    request.allowed = false
    let known = allowed.isEmpty ? try await names(request) : allowed
    let choices = known.map { stage in Choice(stage, holders?[stage]?.cell.map { "holds \($0)" }) }
    return try question("Stage", choices, isClosed: !allowed.isEmpty)
  }

  private func message() throws -> String? {
    let text = try answer("Message (empty: GTO's own): ")
    return text.isEmpty ? nil : text
  }

  private func names(_ request: StagesRequest) async throws -> [String] {
    try await read(request).arrayValue?.compactMap(\.stringValue) ?? []
  }

  private func read(_ request: some ReadRequest) async throws -> JSONValue {
    try await client.read(request, timeout: invocation.timeout).value
  }

  // MARK: Asking

  private struct Choice {
    let name: String
    let remark: String?

    init(_ name: String, _ remark: String?) {
      self.name = name
      self.remark = remark.flatMap { $0.isEmpty ? nil : $0 }
    }
  }

  /// Asks until one of the choices was named, by its name or its number.
  ///
  /// - Parameters:
  ///   - usual: what an empty answer means; nil: empty answers are asked again.
  ///   - isClosed: whether there is nothing but the choices.
  private func question(
    _ what: String, _ choices: [Choice], usual: String? = nil, isClosed: Bool
  ) throws -> String {
    for (index, choice) in choices.enumerated() {
      let remark = choice.remark.map { "  (\($0))" } ?? ""
      invocation.console.note("  \(index + 1)  \(choice.name)\(remark)".escapedForTerminal)
    }
    while true {
      let text = try answer(usual.map { "\(what) [\($0.escapedForTerminal)]: " } ?? "\(what): ")
      if text.isEmpty {
        if let usual { return usual }
      } else if choices.contains(where: { $0.name.utf8.elementsEqual(text.utf8) }) {
        return text
      } else if let number = Int(text), choices.indices.contains(number - 1) {
        return choices[number - 1].name
      } else if !isClosed {
        return text
      } else {
        invocation.console.note("'\(text.escapedForTerminal)' is none of them: give a name or a number.")
      }
    }
  }

  private func answer(_ prompt: String) throws -> String {
    invocation.console.progress(prompt)
    guard let line = readLine() else {
      throw UsageError("assign: the input ended before every question was answered")
    }
    let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
    return String(line.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
  }
}
