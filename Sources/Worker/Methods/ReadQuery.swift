internal import LaneProtocol
internal import Registry
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

/// The parameters of one read. Source: proto-spec/protocol.md, "Reading".
struct ReadQuery {
  let method: ReadMethod
  let repository: String
  /// Compare with the remote first.
  let fresh: Bool
  /// `NAME`, `NAME@latest`, `NAME@v1.0.0` or `NAME#stage`; for `checkRef` the ref.
  let name: String?
  let options: ShowOptions
  let ascending: Bool
  private let stages: StageQuestion
  /// The commit at which `describe` looks; nil: that of the version which a shortcut means, or the tip of the
  /// default branch.
  let revision: String?
  /// Say of each row whether it is signed.
  let signed: Bool
  let page: Page

  init(
    _ method: ReadMethod, _ params: JSONValue, _ reader: inout ObjectReader
  ) throws(JSONShapeError) {
    self.method = method
    repository = try reader.string("repository")
    fresh = try reader.optionalBool("fresh") ?? false
    var options = ShowOptions()
    var ascending = false
    var stages = StageQuestion.either
    var name: String?
    switch method {
    case .show:
      name = try reader.optionalString("name")
      options = try ShowOptions(&reader)
    case .history:
      name = try reader.optionalString("name")
      ascending = try reader.optionalBool("ascending") ?? false
    case .stages:
      stages = try StageQuestion(&reader)
    case .checkRef: name = try reader.string("ref")
    case .describe: name = try reader.string("name")
    case .doctor: break
    }
    revision = method == .describe ? try reader.optionalString("rev") : nil
    page = method.hasPages ? try Page(of: method, params, &reader) : Page()
    signed = method == .show || method == .history ? try reader.optionalBool("signed") ?? false : false
    self.name = name
    self.options = options
    self.ascending = ascending
    self.stages = stages
    if method == .history, let name {
      try Self.check(name, reader) { name throws(InvalidName) in _ = try ArtifactName(name) }
    }
    if method == .show || method == .describe, let name {
      try Self.check(name, reader) { name throws(InvalidName) in
        _ = try ArtifactReference(name)
      }
    }
    if revision != nil, let name, (try? ArtifactReference(name))?.selection != .all {
      throw reader.error("rev", "does not go with a shortcut such as NAME#STAGE: give one of them")
    }
  }

  /// The artifact that the question is about, where it is about one.
  var artifact: String? {
    guard let name else { return nil }
    switch method {
    case .show, .describe: return (try? ArtifactReference(name))?.artifact.text
    case .history: return name
    case .checkRef: return (try? TagName(parsing: Self.tagName(of: name)))?.artifact.text
    case .stages, .doctor: return nil
    }
  }

  /// The commits of which the annotations must be known for the answer.
  func commits(in state: RegistryState, _ revision: ObjectID?) -> [ObjectID] {
    guard let artifact, let name = try? ArtifactName(artifact) else { return [] }
    switch method {
    case .show: return state.versionCommits(of: name)
    case .describe: return [revision ?? describedCommit(in: state)].compactMap { $0 }
    case .checkRef: return [(try? state.check(ref: self.name ?? ""))?.event.commit].compactMap { $0 }
    case .history, .stages, .doctor: return []
    }
  }

  /// The tip of the default branch for a plain `NAME`; for `NAME#stage` and the like the commit of the version that is
  /// meant, and nil where there is none: what the tip says would pass for what was promoted.
  private func describedCommit(in state: RegistryState) -> ObjectID? {
    guard let name, let reference = try? ArtifactReference(name) else { return nil }
    if reference.selection == .all { return state.head }
    return (try? state.summary(of: reference))?.versions.first?.version.commit
  }

  /// Whether it is about something that is not there as far as is known: somebody may have made it since.
  func isOfUnknown(in state: RegistryState) -> Bool {
    guard let name else { return false }
    switch method {
    case .checkRef: return (try? state.check(ref: name)) == nil
    case .history: return (try? ArtifactName(name)).flatMap(state.artifact) == nil
    case .show, .describe:
      guard let reference = try? ArtifactReference(name) else { return false }
      if reference.selection == .all { return state.artifact(reference.artifact) == nil }
      return (try? state.summary(of: reference))?.versions.isEmpty ?? true
    case .stages, .doctor: return false
    }
  }

  private static func tagName(of ref: String) -> String {
    ref.hasPrefix("refs/tags/") ? String(ref.dropFirst("refs/tags/".count)) : ref
  }

  private static func check(
    _ name: String, _ reader: ObjectReader, _ parse: (String) throws(InvalidName) -> Void
  ) throws(JSONShapeError) {
    do throws(InvalidName) { try parse(name) } catch { throw reader.error("name", "\(error)") }
  }

  // MARK: Answers

  /// - Parameters:
  ///   - isVisible: whether the caller may read of an artifact.
  ///   - unsigned: what `doctor` says of tags that lack a good signature.
  func answer(
    _ snapshot: RegistrySnapshot, _ revision: ObjectID?, _ isVisible: (ArtifactName) -> Bool,
    unsigned: [JSONValue]
  ) throws(WireError) -> JSONObject {
    switch method {
    case .show: return try show(snapshot, isVisible)
    case .history: return try history(snapshot, isVisible)
    case .stages: return try stages(snapshot, isVisible)
    case .checkRef: return try checkRef(snapshot, isVisible)
    case .describe: return try describe(snapshot, revision)
    case .doctor: return doctor(snapshot, isVisible, unsigned)
    }
  }

  private func show(
    _ snapshot: RegistrySnapshot, _ isVisible: (ArtifactName) -> Bool
  ) throws(WireError) -> JSONObject {
    if let name {
      do {
        let summary = try snapshot.state.summary(of: try ArtifactReference(name), options)
        return page.answer(summary.versions) { summary.part($0).jsonValue }
      } catch {
        throw WireError(.unknownArtifact, category: .refused, "\(error)")
      }
    }
    let summary = snapshot.state.summary(
      options, allowedStages: snapshot.facts.allowedStages, isVisible: isVisible)
    return page.answer(summary.artifacts) { summary.part($0).jsonValue }
  }

  private func history(
    _ snapshot: RegistrySnapshot, _ isVisible: (ArtifactName) -> Bool
  ) throws(WireError) -> JSONObject {
    let artifact = name.flatMap { try? ArtifactName($0) }
    let history = snapshot.state.history(of: artifact, ascending: ascending).filtered(isVisible)
    return page.answer(history.entries) { history.part($0).jsonValue }
  }

  private func stages(
    _ snapshot: RegistrySnapshot, _ isVisible: (ArtifactName) -> Bool
  ) throws(WireError) -> JSONObject {
    if self.stages != .used, let problem = snapshot.facts.fileProblem {
      throw WireError(.repositoryFileInvalid, category: .refused, problem)
    }
    let allowed = snapshot.facts.allowedStages
    let stages =
      switch self.stages {
      case .allowed: allowed
      case .used: snapshot.state.usedStages(isVisible: isVisible)
      case .either: allowed ?? snapshot.state.usedStages(isVisible: isVisible)
      }
    return JSONObject([("value", stages.map { .array($0.map { .string($0.text) }) } ?? .null)])
  }

  /// GTO's JSON of the event, and `type` and `path` where the repository's files name them: what a job that
  /// deploys has to know.
  private func checkRef(
    _ snapshot: RegistrySnapshot, _ isVisible: (ArtifactName) -> Bool
  ) throws(WireError) -> JSONObject {
    do throws(ReadError) {
      // The tag's own name may be of another artifact than the ref's.
      guard let checked = try snapshot.state.check(ref: name ?? ""), isVisible(checked.event.artifact) else {
        return JSONObject([("value", [:])])
      }
      var value = checked.jsonValue.objectValue ?? JSONObject()
      let annotation = snapshot.state.annotation(of: checked.event.artifact, at: checked.event.commit)
      value["type"] = annotation?.type.map { .string($0) }
      value["path"] = annotation?.path.map { .string($0) }
      return JSONObject([("value", .object(value))])
    } catch {
      throw WireError(.ambiguousTag, category: .refused, "\(error)")
    }
  }

  /// GTO's JSON: the annotation, or an empty object where the files say nothing.
  ///
  /// - Throws: `repository_file_invalid` where they can't be understood.
  private func describe(_ snapshot: RegistrySnapshot, _ revision: ObjectID?) throws(WireError) -> JSONObject {
    let nothing = JSONObject([("value", [:])])
    guard let reference = name.flatMap({ try? ArtifactReference($0) }) else { return nothing }
    guard let commit = commits(in: snapshot.state, revision).first else {
      // A shortcut means no version; a plain name is looked up at the tip of a branch that is not there.
      guard reference.selection == .all, let problem = snapshot.facts.fileProblem else { return nothing }
      throw WireError(.repositoryFileInvalid, category: .refused, problem)
    }
    let annotation = snapshot.state.annotation(of: reference.artifact, at: commit)
    if annotation == nil, let problems = snapshot.fileProblems[commit] {
      throw WireError(
        .repositoryFileInvalid, category: .refused,
        "at commit \(commit.abbreviated): \(problems.joined(separator: "; "))")
    }
    return JSONObject([("value", annotation?.jsonValue ?? [:])])
  }

  private func doctor(
    _ snapshot: RegistrySnapshot, _ isVisible: (ArtifactName) -> Bool, _ unsigned: [JSONValue]
  ) -> JSONObject {
    let problems = snapshot.state.doctor(now: WallClock.seconds, allowedStages: snapshot.facts.allowedStages)
      .filter { problem in
        problem.refs.allSatisfy { ref in (try? TagName(parsing: ref)).map { isVisible($0.artifact) } ?? true }
      }
    let findings =
      (problems.map(\.json) + snapshot.fileFindings + snapshot.typeFindings(isVisible) + unsigned).map(
        Finding.init)
    return page.answer(findings, as: "findings") { .array(findings[$0].map(\.json)) }
  }
}

/// Which stages are asked for. Source: GTO, registry.py, `get_stages`.
private enum StageQuestion {
  case allowed, used
  /// Those that `.gto` lists; where it lists none, so that any is allowed, those in use.
  case either

  init(_ reader: inout ObjectReader) throws(JSONShapeError) {
    switch (try reader.optionalBool("allowed") ?? false, try reader.optionalBool("used") ?? false) {
    case (true, true): throw reader.error("used", "does not go with allowed: give one of them")
    case (true, false): self = .allowed
    case (false, true): self = .used
    case (false, false): self = .either
    }
  }
}

extension ShowOptions {
  fileprivate init(_ reader: inout ObjectReader) throws(JSONShapeError) {
    let stages = StageOptions(
      registeredOnly: try reader.optionalBool("registeredOnly") ?? false,
      assignmentsPerVersion: try Self.count("assignmentsPerVersion", -1, &reader),
      versionsPerStage: try Self.count("versionsPerStage", 1, &reader),
      sort: try reader.optionalChoice("sort", VersionSort.self) ?? .timestamp)
    self.init(stages: stages, includeDeprecated: try reader.optionalBool("deprecated") ?? false)
  }

  /// As in GTO, -1 means all.
  private static func count(
    _ key: String, _ usual: Int64, _ reader: inout ObjectReader
  ) throws(JSONShapeError) -> Int? {
    let count = try reader.optionalInteger(key, in: -1...1_000_000) ?? usual
    return count == -1 ? nil : Int(count)
  }
}

/// One thing that `doctor` found.
private struct Finding: PageRow {
  let json: JSONValue

  /// Nothing is found twice in the same words about the same tags.
  var pageID: String {
    let words = ([json["code"], json["message"]] + (json["refs"]?.arrayValue ?? [])).compactMap {
      $0?.stringValue
    }
    return String(words.joined(separator: " ").map { $0.isNewline ? " " : $0 })
  }
}

extension TagProblem {
  /// As `doctor` reports it.
  fileprivate var json: JSONValue {
    .object(
      JSONObject(present: [
        ("code", .string(code.description.snakeCased)), ("ref", refs.first.map { .string($0) }),
        ("refs", .array(refs.map { .string($0) })), ("message", .string(message)),
        ("advice", .string(advice)),
      ]))
  }
}

extension RegistrySnapshot {
  /// What is wrong with the default branch, with `.gto` and with the files that annotate.
  fileprivate var fileFindings: [JSONValue] {
    let atTip = facts.tip.flatMap { fileProblems[$0] } ?? []
    let advice: JSONValue =
      facts.tip == nil
      ? "push that branch, or name another as defaultBranch in the worker's configuration"
      : "mend the file on the default branch"
    return ([facts.fileProblem].compactMap { $0 } + atTip).map {
      Self.finding("repository_file", $0, advice: advice)
    }
  }

  /// Artifacts that are annotated with a type that `.gto` does not list.
  fileprivate func typeFindings(_ isVisible: (ArtifactName) -> Bool) -> [JSONValue] {
    guard let allowed = facts.types else { return [] }
    let list = allowed.isEmpty ? "none" : allowed.joined(separator: ", ")
    return state.currentAnnotations.filter { isVisible($0.name) }.compactMap { name, annotation in
      guard let type = annotation.type, !allowed.contains(where: { $0.utf8.elementsEqual(type.utf8) }) else {
        return nil
      }
      return Self.finding(
        "type_not_allowed",
        "artifact '\(name)' is annotated with type '\(type)', which .gto does not list; allowed: \(list)",
        advice: "annotate it with an allowed type, or add the type to .gto")
    }
  }

  /// One that is about no tag.
  private static func finding(_ code: JSONValue, _ message: String, advice: JSONValue) -> JSONValue {
    ["code": code, "refs": [], "message": .string(message), "advice": advice]
  }
}
