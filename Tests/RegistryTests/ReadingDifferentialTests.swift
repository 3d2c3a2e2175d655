import Foundation
import Registry
import StrictJSON
import Testing

@testable import CommandLineTool

/// What `gto` 1.10.1 answers about generated repositories and what this module answers, compared as JSON
/// text: the same keys and values in the same order; and the tables that the command line makes of that.
@Suite struct ReadingDifferentialTests {
  @Test func answersAsGTO() throws {
    let driver = try GTODriver()
    for seed in 0..<seedCount(60) {
      let generated = GeneratedRepository(seed: seed)
      let repository = try ReadRepository(generated, driver)
      var comparison = Comparison(driver: driver, repository: repository, generated: generated)
      try comparison.compareAll()
      if Issue.hasFailed(comparison) { return }
    }
  }
}

extension Issue {
  /// Stops a long loop at the first seed that fails.
  fileprivate static func hasFailed(_ comparison: Comparison) -> Bool { comparison.failed }
}

/// All questions about one repository.
private struct Comparison {
  let driver: GTODriver
  let repository: ReadRepository
  let generated: GeneratedRepository
  var failed = false

  var state: RegistryState { repository.state }

  mutating func compareAll() throws {
    try compareRegistry()
    try compareHistory()
    for name in generated.artifacts + ["only-annotated"] {
      let name = try ArtifactName(name)
      if state.artifact(name) != nil { try compareArtifact(name) }
    }
    try compareStages()
    for ref in generated.refs.sorted().prefix(12) { try compareRef(ref) }
  }

  // MARK: Questions

  private mutating func compareRegistry() throws {
    for options in optionSets {
      let asked = gtoOptions(options)
      let ours = state.summary(options)
      expect("show \(asked)", ours.jsonValue, try ask("show", asked))
    }
    let table = try ask("show", [("table", true)])
    compareTable("show", untruncated(Table(shown: state.summary().jsonValue)), table)
  }

  private mutating func compareArtifact(_ name: ArtifactName) throws {
    for options in optionSets {
      let asked = [(key: "name", value: JSONValue.string(name.text))] + gtoOptions(options)
      let ours = try state.summary(of: ArtifactReference(artifact: name), options).jsonValue
      let theirs = try ask("show", asked)
      expect("show \(asked)", ours.withoutRepeatedStageEvents, theirs.mergedCommits)
    }
    for selection in try selections() {
      let reference = ArtifactReference(artifact: name, selection: selection)
      let ours = try state.summary(of: reference).jsonValue
      let theirs = try ask("show", [("name", .string(reference.description))])
      expect("show \(reference)", ours.withoutRepeatedStageEvents, theirs.mergedCommits)
    }
    let ours = state.history(of: name, ascending: true)
    expect(
      "history \(name)", ours.jsonValue,
      try ask("history", [("name", .string(name.text)), ("ascending", true)]))
    try compareArtifactTable(name)
  }

  private mutating func compareArtifactTable(_ name: ArtifactName) throws {
    let summary = try state.summary(of: ArtifactReference(artifact: name))
    // GTO's table fails on a version that was registered twice, and repeats unversioned commits.
    if generated.hasUnversionedStages
      || summary.versions.contains(where: { $0.version.registrations.count > 1 })
    {
      return
    }
    let table = try ask("show", [("name", .string(name.text)), ("table", true)])
    // The command line asks whether there are tags, and marks what has none.
    let mark = state.artifact(name)?.isRegistered == true ? "" : "*"
    let ours = Table(shown: summary.jsonValue)
    let marked = ours.rows.map { row in ["\(mark)\(name)"] + row.dropFirst() }
    compareTable("show \(name)", Table(ours.headings, marked), table)
  }

  private mutating func compareHistory() throws {
    expect("history", state.history().jsonValue, try ask("history"))
    expect(
      "history ascending", state.history(ascending: true).jsonValue, try ask("history", [("ascending", true)])
    )
    compareTable("history", Table(history: state.history().jsonValue), try ask("history", [("table", true)]))
  }

  private mutating func compareStages() throws {
    let ours = JSONValue.array(state.usedStages().map { .string($0.text) })
    expect("stages", ours, try ask("stages"))
    expect("stages --used", ours, try ask("stages", [("used", true)]))
  }

  private mutating func compareRef(_ ref: String) throws {
    let theirs = try ask("check-ref", [("ref", .string(ref))]).arrayValue ?? []
    let ours = try state.check(ref: "refs/tags/" + ref)
    var expected = theirs.first?.objectValue
    let sentence = expected?["sentence"]?.stringValue
    expected?["sentence"] = nil
    expect("check-ref \(ref)", ours?.jsonValue ?? .null, expected.map { .object($0) } ?? .null)
    expect("check-ref \(ref)", .array([.string(ours?.sentence ?? "")]), .array([.string(sentence ?? "")]))
  }

  // MARK: Options

  private var optionSets: [ShowOptions] {
    var sets = [
      ShowOptions(), ShowOptions(includeDeprecated: true),
      ShowOptions(stages: StageOptions(registeredOnly: true)),
      ShowOptions(stages: StageOptions(versionsPerStage: nil)),
      ShowOptions(stages: StageOptions(sort: .semver)),
      ShowOptions(stages: StageOptions(versionsPerStage: 2, sort: .semver), includeDeprecated: true),
    ]
    if !generated.hasUnversionedStages {
      sets.append(ShowOptions(stages: StageOptions(assignmentsPerVersion: 1, versionsPerStage: nil)))
      sets.append(ShowOptions(stages: StageOptions(assignmentsPerVersion: 2, versionsPerStage: 0)))
    }
    return sets
  }

  private func gtoOptions(_ options: ShowOptions) -> [(key: String, value: JSONValue)] {
    [
      ("registeredOnly", .bool(options.stages.registeredOnly)),
      ("deprecated", .bool(options.includeDeprecated)),
      ("av", .integer(Int64(options.stages.assignmentsPerVersion ?? -1))),
      ("vs", .integer(Int64(options.stages.versionsPerStage ?? -1))),
      ("sort", .string(options.stages.sort.rawValue)),
    ]
  }

  private func selections() throws -> [ArtifactReference.Selection] {
    try [.latest, .version(VersionName("v1.0.0")), .version(VersionName("v0.0.1"))]
      + generated.stages.map { .stage(try StageName($0)) }
  }

  // MARK: Comparing

  private func ask(_ operation: String, _ members: [(key: String, value: JSONValue)] = []) throws -> JSONValue
  {
    try driver.ask(operation, [("dir", .string(repository.path))] + members)
  }

  private mutating func expect(_ question: String, _ ours: JSONValue, _ theirs: JSONValue) {
    let (ours, theirs) = (ours.text(indentation: 1), theirs.text(indentation: 1))
    #expect(ours == theirs, "seed \(generated.seed): \(question)")
    if ours != theirs { failed = true }
  }

  private mutating func compareTable(_ question: String, _ ours: Table, _ theirs: JSONValue) {
    let rows = ours.rows.map { row in JSONValue.array(row.map { $0.map { .string($0) } ?? .null }) }
    let columns = ours.headings.map { JSONValue.string($0) }
    // Without rows GTO has no columns either.
    expect(
      "\(question) as a table", ["columns": .array(rows.isEmpty ? [] : columns), "rows": .array(rows)], theirs
    )
  }

  /// GTO's registry table cuts every version to seven characters; ours only commits.
  private func untruncated(_ table: Table) -> Table {
    Table(
      table.headings,
      table.rows.map { row in
        [row[0]]
          + row.dropFirst().map { cell in
            cell?.replacing(", ", with: ",").split(separator: ",").map { $0.prefix(7) }.joined(
              separator: ", ")
          }
      })
  }
}

extension JSONValue {
  /// GTO lists a commit without a version twice for each of its stage tags; the row that was made last
  /// says what a single one would.
  var mergedCommits: JSONValue {
    var seen: [String: Int] = [:]
    var merged: [JSONValue] = []
    for row in arrayValue ?? [] {
      guard let version = row["version"]?.stringValue, version.count == 40 else {
        merged.append(row)
        continue
      }
      if let index = seen[version] {
        merged[index] = merged[index].merged(with: row)
      } else {
        seen[version] = merged.count
        merged.append(row)
      }
    }
    return JSONValue.array(merged).withoutRepeatedStageEvents
  }

  /// Of two rows about one commit the newer, activated when the first was.
  private func merged(with other: JSONValue) -> JSONValue {
    let isNewer = (other["created_at"]?.instant ?? 0) > (self["created_at"]?.instant ?? 0)
    let earlier = [self, other].min {
      ($0["activated_at"]?.instant ?? 0) < ($1["activated_at"]?.instant ?? 0)
    }
    var row = (isNewer ? other : self).objectValue ?? JSONObject()
    row["activated_at"] = earlier?["activated_at"]
    return .object(row)
  }

  /// With only the last assignment of each stage of a commit without a version, the stages by name: GTO
  /// keeps them apart, and so has another order.
  var withoutRepeatedStageEvents: JSONValue {
    .array(
      (arrayValue ?? []).map { row in
        guard row["version"]?.stringValue?.count == 40, var object = row.objectValue else { return row }
        let stages = (row["stages"]?.arrayValue ?? []).sorted { $0.stageName < $1.stageName }
        object["stages"] = .array(
          stages.map { stage in
            var stage = stage.objectValue ?? JSONObject()
            stage["assignments"] = .array(stage["assignments"]?.arrayValue?.suffix(1) ?? [])
            return .object(stage)
          })
        return .object(object)
      })
  }

  private var stageName: String { self["stage"]?.stringValue ?? "" }

  private var instant: Double? {
    stringValue.flatMap { text in
      (try? Date(text, strategy: .iso8601))?.timeIntervalSince1970
    }
  }
}
