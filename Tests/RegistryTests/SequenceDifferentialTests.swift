import Foundation
import Registry
import StrictJSON
import Testing

/// Random operations carried out by `gto` 1.10.1 on a real repository and planned by this module: the same
/// tags at the same commits with the same messages, or a refusal from both.
@Suite(.serialized) struct SequenceDifferentialTests {
  @Test func plansAsGTO() throws {
    let driver = try GTODriver()
    for seed in 0..<seedCount(20) {
      var sequence = try OperationSequence(seed: seed, driver: driver)
      for step in 0..<24 where try !sequence.step(step) { return }
    }
  }

  @Test("through the command line, a worker and a push, GTO's tags and refusals come out too")
  func worksAsGTO() throws {
    let driver = try GTODriver()
    for seed in 500..<500 + seedCount(8) {
      var sequence = try OperationSequence(seed: seed, driver: driver, isServed: true)
      defer { sequence.stop() }
      for step in 0..<24 where try !sequence.step(step) { return }
      try sequence.finish()
    }
  }
}

private struct OperationSequence {
  let seed: Int
  let driver: GTODriver
  let path: String
  let commits: [ObjectID]
  var state: RegistryState
  var random: SeededRandom
  var now: Int64 = 1_700_100_000
  let allowed: [StageName]?
  /// Where each operation is done by a worker as well.
  let twin: ServedTwin?

  init(seed: Int, driver: GTODriver, isServed: Bool = false) throws {
    self.seed = seed
    self.driver = driver
    random = SeededRandom(seed: seed &+ 1_000_000)
    let restricted = random.chance(30)
    allowed = restricted ? try ["dev", "prod"].map { name in try StageName(name) } : nil
    path = driver.directory.appending(path: "sequence-\(seed)").path()
    let stream = (0..<6).map { index in
      "commit refs/heads/main\nmark :\(index + 1)\ncommitter A <a@example.com> \(1_700_000_000 + index) +0000\n"
        + "data 1\nm\n" + (index > 0 ? "from :\(index)\n" : "")
        + (index == 0 && restricted ? "M 100644 inline .gto\ndata 20\nstages: [dev, prod]\n" : "") + "\n"
    }
    let answer = try driver.ask(
      "make",
      [
        ("dir", .string(path)), ("stream", .string(stream.joined())),
        ("config", restricted ? "stages: [dev, prod]\n" : .null),
      ])
    let repository = try ReadRepository(path: path, answer, annotations: [])
    commits = repository.commits.sorted { $0.author.time.seconds < $1.author.time.seconds }.map(\.id)
    state = repository.state
    twin = isServed ? try ServedTwin(copyOf: path) : nil
  }

  /// Whether both repositories have the same tags in the end, and no others.
  func finish() throws {
    let theirs = try driver.ask("records", [("dir", .string(path))])["tags"]?.arrayValue ?? []
    #expect(try twin?.tags().sorted() == theirs.map(\.refText).sorted(), "seed \(seed)")
  }

  /// Ends the worker, however far the sequence came.
  func stop() { #expect(throws: Never.self) { try twin?.stop() } }

  /// Carries out one operation on both sides; false where they differ.
  mutating func step(_ step: Int) throws -> Bool {
    now += Int64.random(in: 2...5000, using: &random)
    let request = try randomRequest()
    let theirs = try driver.ask(
      "write",
      [
        ("dir", .string(path)), ("action", .string(request.action.rawValue)),
        ("arguments", request.gtoArguments), ("now", .integer(now)),
      ])
    let place = Comment("seed \(seed), step \(step): \(request)")
    if isOutsideAllowedStages(request) {
      try expectNoStageRule(request, place)
      return expectStageRefused(theirs, place)
    }
    let served = try twin?.write(request)
    do throws(Refusal) {
      let plan = try state.plan(request, context)
      guard expectSame(plan, theirs, place), expectDone(plan, served, place) else { return false }
      apply(plan)
    } catch {
      guard expectRefused(error, request, served, place) else { return false }
      if error.code == .versionExists, let tags = theirs["tags"]?.arrayValue, !tags.isEmpty {
        return try expectDoubledVersion(request, tags, place)
      }
      guard expectRefused(error, theirs, place) else { return false }
    }
    return true
  }

  private var context: PlanContext {
    PlanContext(
      now: now, allowedStages: allowed, defaultBranchTip: commits.last, trailers: ["Stagekeeper-Job: w/1"])
  }

  // MARK: Deliberate differences

  /// GTO refuses to unassign from a stage that `.gto` does not list; this module lets it be emptied.
  private func isOutsideAllowedStages(_ request: WriteRequest) -> Bool {
    guard let allowed, let stage = request.stage, request.action == .unassign else { return false }
    return !allowed.contains(stage)
  }

  private func expectStageRefused(_ theirs: JSONValue, _ place: Comment) -> Bool {
    let kind = theirs["error"]?["class"]?.stringValue
    #expect(["UnknownStage", "WrongArgs"].contains(kind), place)
    return kind != nil
  }

  /// Where the next version's name was used at another commit before, GTO registers it a second time.
  private func expectDoubledVersion(
    _ request: WriteRequest, _ tags: [JSONValue], _ place: Comment
  ) throws -> Bool {
    let names = tags.compactMap { try? TagName(parsing: $0.refText) }
    let doubled = names.first { $0.kind == .registration }
    let existing = doubled?.version.flatMap { state.artifact(request.artifact)?.versions(named: $0) } ?? []
    #expect(!existing.isEmpty, place)
    _ = try driver.ask(
      "delete", [("dir", .string(path)), ("refs", .array(tags.map { .string($0.refText) }))])
    return !existing.isEmpty
  }

  private func expectNoStageRule(_ request: WriteRequest, _ place: Comment) throws {
    guard let previewed = try twin?.write(request, dryRun: true) else { return }
    let others: [Refusal.Code] = [.unknownArtifact, .unknownVersion, .noVersionAtCommit, .notAssigned]
    #expect(
      previewed.refusal.map { code in others.contains { $0.wireCode == code } } ?? !previewed.lines.isEmpty,
      "\(place): \(previewed)")
  }

  // MARK: Comparing

  private func expectDone(
    _ plan: Plan, _ served: (lines: [String], refusal: String?)?, _ place: Comment
  ) -> Bool {
    guard let served else { return true }
    let planned =
      plan.tags.map { "\($0.ref) → \($0.commit): \($0.messageWithoutTrailers)" }.sorted()
      + plan.deletions.map { "\($0.ref) deleted" }
    #expect(served.refusal == nil && served.lines == planned, place)
    return served.refusal == nil && served.lines == planned
  }

  private func expectRefused(
    _ refusal: Refusal, _ request: WriteRequest, _ served: (lines: [String], refusal: String?)?,
    _ place: Comment
  ) -> Bool {
    guard let served else { return true }
    // What options contradict each other, the command line or the protocol says before there is a job.
    let isContradiction = request.skipRegistration && request.version != nil && request.commit != nil
    let expected =
      refusal.code == .invalidRequest || isContradiction
      ? ["invalid_request", "invalid_parameter"] : [refusal.code.wireCode]
    let isExpected = served.refusal.map(expected.contains) ?? false
    #expect(isExpected, "\(place): \(served)")
    return isExpected
  }

  private func expectSame(_ plan: Plan, _ theirs: JSONValue, _ place: Comment) -> Bool {
    let tags = (theirs["tags"]?.arrayValue ?? []).sorted { $0.refText < $1.refText }
    let ours = plan.tags.sorted { $0.ref < $1.ref }
    let theirLines = tags.map {
      "\($0.refText) → \($0["tag"]?["commit"]?.stringValue ?? "-"): \($0.messageText)"
    }
    let ourLines = ours.map { "\($0.ref) → \($0.commit): \($0.messageWithoutTrailers)" }
    let error = theirs["error"]?["message"]?.stringValue
    let theirDeletions = (theirs["deleted"]?.arrayValue ?? []).compactMap(\.stringValue).sorted()
    let ourDeletions = plan.deletions.map(\.ref).sorted()
    #expect(error == nil, place)
    #expect(ourLines == theirLines, place)
    #expect(ourDeletions == theirDeletions, place)
    return error == nil && ourLines == theirLines && ourDeletions == theirDeletions
  }

  private func expectRefused(_ refusal: Refusal, _ theirs: JSONValue, _ place: Comment) -> Bool {
    // GTO finds nothing to delete, and says nothing.
    if refusal.code == .nothingToDelete {
      #expect(theirs["error"] == .null && theirs["deleted"] == [] && theirs["tags"] == [], place)
      return true
    }
    guard let kind = theirs["error"]?["class"]?.stringValue else {
      Issue.record("gto made \(theirs.text()), refused here: \(refusal.code): \(refusal) — \(place)")
      return false
    }
    var expected = Self.classes[refusal.code] ?? []
    // A commit that is in a stage without a version is a version to GTO, which then misses its tags.
    if refusal.code == .noVersionAtCommit, kind == "WrongArgs" {
      let message = theirs["error"]?["message"]?.stringValue
      if message == "Can't deregister a version that have no git tags" { expected = [kind] }
    }
    #expect(expected.contains(kind), "\(refusal.code) and \(theirs["error"]?.text() ?? ""), \(place)")
    return expected.contains(kind)
  }

  /// What GTO raises where this module refuses.
  private static let classes: [Refusal.Code: Set<String>] = [
    .invalidRequest: ["WrongArgs"], .alreadyRegistered: ["VersionExistsForCommit"],
    .versionExists: ["VersionAlreadyRegistered", "TagExists"], .otherVersionAtCommit: ["WrongArgs"],
    .noVersionToBump: ["WrongArgs"], .unknownArtifact: ["ArtifactNotFound"],
    .unknownVersion: ["WrongArgs", "VersionRequired"], .noVersionAtCommit: ["VersionRequired"],
    .alreadyDeregistered: ["WrongArgs"], .alreadyInStage: ["WrongArgs"], .notAssigned: ["WrongArgs"],
    .alreadyDeprecated: ["WrongArgs"], .stageNotAllowed: ["UnknownStage"],
    .ambiguousVersion: ["ManyVersions"],
    // Before it finds the tag there, GTO finds two versions of one name at one commit.
    .tagExists: ["TagExists", "ManyVersions"],
  ]

  private mutating func apply(_ plan: Plan) {
    for tag in plan.tags {
      let tagger = Signature(name: "GTO", email: "gto@example.com", time: tag.time)
      state.insert(
        TagRecord(
          ref: tag.ref, objectID: tag.commit,
          annotation: .init(name: tag.ref, commit: tag.commit, tagger: tagger, message: tag.message)))
    }
    for deletion in plan.deletions { state.remove(ref: deletion.ref) }
    now = max(now, plan.tags.last?.time.seconds ?? now)
  }

  // MARK: Requests

  private mutating func randomRequest() throws -> WriteRequest {
    let artifact = try ArtifactName(random.pick(["churn", "models:segment"]))
    var request = WriteRequest(randomAction(), artifact)
    request.force = random.chance(15)
    request.simple = random.pick([nil, nil, nil, true, false])
    request.delete = request.action.isRemoval && random.chance(20)
    request.message = random.chance(30) ? random.pick(["Because", "Two\nlines\n", "ß ✓"]) : nil
    switch request.action {
    case .register: try fillRegistration(&request)
    case .assign: try fillAssignment(&request)
    case .deprecate: request.commit = !request.delete && random.chance(30) ? random.pick(commits) : nil
    default:
      if request.action == .unassign { request.stage = try randomStage() }
      if random.chance(50) {
        request.commit = random.pick(commits)
      } else {
        request.version = try randomVersion()
      }
    }
    return request
  }

  private mutating func randomAction() -> WriteAction {
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<25: .register
    case 25..<65: .assign
    case 65..<80: .unassign
    case 80..<90: .deregister
    default: .deprecate
    }
  }

  private mutating func fillRegistration(_ request: inout WriteRequest) throws {
    request.commit = random.chance(80) ? random.pick(commits) : nil
    if random.chance(40) { request.version = try randomVersion() }
    if random.chance(25) { request.bump = random.pick(VersionBump.allCases) }
  }

  private mutating func fillAssignment(_ request: inout WriteRequest) throws {
    request.stage = try randomStage()
    if random.chance(60) { request.commit = random.pick(commits) }
    if random.chance(request.commit == nil ? 70 : 20) { request.version = try randomVersion() }
    request.skipRegistration = random.chance(10)
  }

  private mutating func randomStage() throws -> StageName {
    try StageName(random.pick(["dev", "prod", "qa"]))
  }

  private mutating func randomVersion() throws -> VersionName {
    let known = state.artifactNames.compactMap { state.artifact($0) }.flatMap(\.versions).compactMap(
      \.label.name)
    if !known.isEmpty, random.chance(70) { return random.pick(known) }
    return try VersionName(random.pick(["v0.0.1", "v1.0.0", "v1.0.0-rc.1", "v2.0.0+b", "v0.0.9"]))
  }
}

extension WriteRequest {
  /// The same request in the words of GTO's Python interface, as its command line would put it.
  fileprivate var gtoArguments: JSONValue {
    var arguments = JSONObject()
    arguments["name"] = .string(artifact.text)
    arguments["message"] = message.map { .string($0) }
    arguments["force"] = .bool(force)
    if delete { arguments["delete"] = true }
    arguments["simple"] = simple.map { .bool($0) } ?? .null
    arguments["stage"] = stage.map { .string($0.text) }
    let reference: JSONValue? = commit.map { .string($0.description) }
    let version: JSONValue? = version.map { .string($0.text) }
    switch action {
    case .register:
      arguments["ref"] = reference ?? "HEAD"
      arguments["version"] = version
      if let bump { arguments["bump_\(bump.rawValue)"] = true }
    case .assign:
      arguments["ref"] = reference ?? (version == nil ? "HEAD" : nil)
      arguments[reference == nil ? "version" : "name_version"] = version
      arguments["skip_registration"] = .bool(skipRegistration)
    default:
      arguments["ref"] = reference
      arguments["version"] = version
    }
    return .object(arguments)
  }
}

extension PlannedTag {
  fileprivate var messageWithoutTrailers: String {
    message.replacing("\n\nStagekeeper-Job: w/1\n", with: "")
  }
}

extension JSONValue {
  fileprivate var refText: String { self["ref"]?.stringValue ?? "" }
  fileprivate var messageText: String {
    let message = self["tag"]?["message"]?.stringValue ?? ""
    return String(message.reversed().drop { $0 == "\n" }.reversed())
  }
}
