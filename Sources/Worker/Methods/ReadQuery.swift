internal import LaneProtocol
internal import Registry
internal import StrictJSON
internal import WireProtocol

/// The parameters of one read. Source: proto-spec/protocol.md, "Reading".
struct ReadQuery {
  private let method: ReadMethod
  let repository: String
  /// Compare with the remote first.
  let fresh: Bool
  /// `NAME`, `NAME@latest`, `NAME@v1.0.0` or `NAME#stage`; for `checkRef` the ref.
  private let name: String?
  private let options: ShowOptions
  private let ascending: Bool
  private let allowedStages: Bool
  /// Rows for people too.
  private let table: Bool
  private let page: Page

  init(_ method: ReadMethod, _ reader: inout ObjectReader) throws(JSONShapeError) {
    self.method = method
    repository = try reader.string("repository")
    fresh = try reader.optionalBool("fresh") ?? false
    var options = ShowOptions()
    var ascending = false
    var allowedStages = false
    var name: String?
    switch method {
    case .show:
      name = try reader.optionalString("name")
      options = try ShowOptions(&reader)
    case .history:
      name = try reader.optionalString("name")
      ascending = try reader.optionalBool("ascending") ?? false
    case .stages:
      allowedStages = try reader.optionalBool("allowed") ?? false
      if try reader.optionalBool("used") ?? false, allowedStages {
        throw reader.error("used", "does not go with allowed: give one of them")
      }
    case .checkRef: name = try reader.string("ref")
    }
    table = method == .show || method == .history ? try reader.optionalBool("table") ?? false : false
    page = method == .show || method == .history ? try Page(&reader) : Page()
    self.name = name
    self.options = options
    self.ascending = ascending
    self.allowedStages = allowedStages
    if method == .history, let name {
      try Self.check(name, reader) { name throws(InvalidName) in _ = try ArtifactName(name) }
    }
    if method == .show, let name {
      try Self.check(name, reader) { name throws(InvalidName) in
        _ = try ArtifactReference(name)
      }
    }
  }

  /// The artifact that the question is about, where it is about one.
  var artifact: String? {
    guard let name else { return nil }
    switch method {
    case .show: return (try? ArtifactReference(name))?.artifact.text
    case .history: return name
    case .checkRef: return (try? TagName(parsing: Self.tagName(of: name)))?.artifact.text
    case .stages: return nil
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

  /// - Parameter isVisible: whether the caller may read of an artifact.
  func answer(
    _ snapshot: RegistrySnapshot, _ isVisible: (ArtifactName) -> Bool
  ) throws(WireError) -> JSONObject {
    switch method {
    case .show: return try show(snapshot, isVisible)
    case .history: return try history(snapshot, isVisible)
    case .stages: return try stages(snapshot)
    case .checkRef: return try checkRef(snapshot)
    }
  }

  private func show(
    _ snapshot: RegistrySnapshot, _ isVisible: (ArtifactName) -> Bool
  ) throws(WireError) -> JSONObject {
    if let name {
      do {
        let summary = try snapshot.state.summary(of: try ArtifactReference(name), options)
        return answer(summary.jsonValue, table ? summary.table : nil)
      } catch {
        throw WireError(.unknownArtifact, category: .refused, "\(error)")
      }
    }
    let summary = snapshot.state.summary(options, allowedStages: snapshot.facts.allowedStages)
      .filtered(isVisible)
    return answer(summary.jsonValue, table ? summary.table : nil)
  }

  private func history(
    _ snapshot: RegistrySnapshot, _ isVisible: (ArtifactName) -> Bool
  ) throws(WireError) -> JSONObject {
    let artifact = name.flatMap { try? ArtifactName($0) }
    let history = snapshot.state.history(of: artifact, ascending: ascending).filtered(isVisible)
    let (part, next) = page.cut(history.entries.count)
    let shown = history.part(part)
    var answer = answer(shown.jsonValue, table ? shown.table : nil)
    answer["next"] = next.map { .string($0) }
    return answer
  }

  private func stages(_ snapshot: RegistrySnapshot) throws(WireError) -> JSONObject {
    if allowedStages, let problem = snapshot.facts.fileProblem {
      throw WireError(.repositoryFileInvalid, category: .refused, problem)
    }
    let stages = allowedStages ? snapshot.facts.allowedStages ?? [] : snapshot.state.usedStages
    return JSONObject([("value", .array(stages.map { .string($0.text) }))])
  }

  private func checkRef(_ snapshot: RegistrySnapshot) throws(WireError) -> JSONObject {
    do throws(ReadError) {
      guard let checked = try snapshot.state.check(ref: name ?? "") else {
        return JSONObject([("value", .object(JSONObject()))])
      }
      return JSONObject([("value", checked.jsonValue), ("sentence", .string(checked.sentence))])
    } catch {
      throw WireError(.ambiguousTag, category: .refused, "\(error)")
    }
  }

  private func answer(_ value: JSONValue, _ table: Table?) -> JSONObject {
    var answer = JSONObject([("value", value)])
    if let table {
      answer["table"] = [
        "columns": .array(table.columns.map { .string($0) }),
        "rows": .array(table.rows.map { .array($0.map { $0.map { .string($0) } ?? .null }) }),
      ]
    }
    return answer
  }
}

/// A part of a long answer.
private struct Page {
  var limit = 10_000
  var offset = 0

  init() {}

  init(_ reader: inout ObjectReader) throws(JSONShapeError) {
    limit = Int(try reader.optionalInteger("limit", in: 1...100_000) ?? 10_000)
    guard let after = try reader.optionalString("after") else { return }
    guard let offset = Int(after), offset >= 0 else {
      throw reader.error("after", "expected what the answer before gave as next")
    }
    self.offset = offset
  }

  /// The rows of this part, and what asks for the next; nil after the last.
  func cut(_ count: Int) -> (Range<Int>, next: String?) {
    let start = min(offset, count)
    let end = min(start + limit, count)
    return (start..<end, end < count ? String(end) : nil)
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
