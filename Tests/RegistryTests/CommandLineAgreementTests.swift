import Registry
import StrictJSON
import TestSupport
import Testing

/// What `stagekeeper --json` prints about generated repositories that a real worker serves, and what GTO
/// says of them.
@Suite(.serialized) struct CommandLineAgreementTests {
  /// Many repositories, GTO asked through its API in one process.
  @Test func answersAsGTO() throws {
    let served = try ServedRepositories(seeds: Array(100..<100 + seedCount(12)))
    for (generated, repository) in served.repositories {
      let ask = { (operation: String, members: [(key: String, value: JSONValue)]) throws -> JSONValue in
        try served.driver.ask(operation, [("dir", .string(repository.path))] + members)
      }
      let all: [(key: String, value: JSONValue)] = [("av", -1), ("vs", 1)]
      let prints = { (arguments: [String]) throws -> JSONValue in
        try served.json(arguments, of: generated)
      }
      try expectEqual(prints(["show"]), ask("show", all), generated, "show")
      try expectEqual(prints(["history"]), ask("history", []), generated, "history")
      try expectEqual(prints(["stages"]), ask("stages", []), generated, "stages")
      for name in generated.artifacts where repository.state.artifact(try ArtifactName(name)) != nil {
        try expectEqual(
          prints(["show", name]).withoutRepeatedStageEvents,
          ask("show", [("name", .string(name))] + all).mergedCommits, generated, "show \(name)")
      }
      for ref in generated.refs.sorted().prefix(8) {
        var theirs = try ask("check-ref", [("ref", .string(ref))]).arrayValue?.first?.objectValue
        theirs?["sentence"] = nil
        try expectEqual(
          prints(["check-ref", ref]),
          theirs.map { .object(try annotated($0, ref, repository)) } ?? .null, generated, "check-ref \(ref)")
      }
    }
    try served.worker.stop()
  }

  /// Byte for byte what the program `gto` prints.
  @Test func printsAsGTO() throws {
    let seeds = (200..<260).filter { !GeneratedRepository(seed: $0).hasUnversionedStages }
    let served = try ServedRepositories(seeds: Array(seeds.prefix(2)))
    for (generated, repository) in served.repositories {
      let name = try #require(
        try generated.artifacts.first { repository.state.artifact(try ArtifactName($0)) != nil })
      var questions = [["show"], ["show", name], ["history"], ["history", name, "--ascending"], ["stages"]]
      // Without annotations, which GTO does not print here.
      let refs = try generated.refs.sorted().filter { try annotated(JSONObject(), $0, repository).isEmpty }
      questions += refs.prefix(3).map { ["check-ref", $0] }
      for question in questions {
        let theirs = try Program.check(
          BuiltProgram.gto(), question + ["--json", "--repo", repository.path],
          environment: ["GTO_NO_ANALYTICS=1", "ITERATIVE_DO_NOT_TRACK=1"])
        let ours = try served.text(question, of: generated)
        #expect(ours == theirs, "seed \(generated.seed): \(question)")
      }
    }
    try served.worker.stop()
  }

  /// GTO's JSON of an event with what ours adds: type and path of the artifact where it is annotated.
  private func annotated(
    _ event: JSONObject, _ ref: String, _ repository: ReadRepository
  ) throws -> JSONObject {
    var event = event
    guard let checked = try repository.state.check(ref: "refs/tags/" + ref)?.event else { return event }
    let annotation = repository.state.annotation(of: checked.artifact, at: checked.commit)
    event["type"] = annotation?.type.map { .string($0) }
    event["path"] = annotation?.path.map { .string($0) }
    return event
  }

  private func expectEqual(
    _ ours: JSONValue, _ theirs: JSONValue, _ generated: GeneratedRepository, _ question: String
  ) throws {
    #expect(
      ours.text(indentation: 1) == theirs.text(indentation: 1), "seed \(generated.seed): \(question)")
  }
}

/// One worker that serves generated repositories, each under its seed.
private struct ServedRepositories {
  let driver: GTODriver
  let repositories: [(GeneratedRepository, ReadRepository)]
  let worker: WorkerFixture

  init(seeds: [Int]) throws {
    let driver = try GTODriver()
    self.driver = driver
    repositories = try seeds.map { seed in
      let generated = GeneratedRepository(seed: seed)
      return (generated, try ReadRepository(generated, driver))
    }
    worker = try WorkerFixture(
      options: repositories.flatMap { ["--repo", "seed-\($0.0.seed)=\($0.1.path)"] })
    try worker.start()
  }

  func text(_ question: [String], of generated: GeneratedRepository) throws -> String {
    try Program.check(
      BuiltProgram.path("stagekeeper"),
      ["--socket", worker.clientSocket, "--repo", "seed-\(generated.seed)", "--json"] + question)
  }

  /// Null where nothing was printed.
  func json(_ question: [String], of generated: GeneratedRepository) throws -> JSONValue {
    let text = try text(question, of: generated)
    return text.isEmpty ? .null : try JSONValue(parsing: Array(text.utf8), maximumDepth: 64)
  }
}
