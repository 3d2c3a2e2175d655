import StagekeeperClient
import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// The programs against a real worker and a real remote.
@Suite struct RealWorkerTests {
  @Test func assignMakesTheTagAndSaysSo() async throws {
    let worker = try await RealWorker()
    let output = try worker.stagekeeper("assign", "churn", "--version", "v1.0.0", "--stage", "prod")
    #expect(output.exit == .exited(code: 0))
    #expect(
      output.text == """
        Created git tag 'churn#prod#1' that assigns stage to version 'v1.0.0'
        Pushed to repository 'demo' (job 1)

        """)
    #expect(output.errorText.isEmpty)
    #expect(try worker.remote.tags() == ["churn#prod#1", "churn@v1.0.0"])
  }

  @Test func jsonHasWhatProgramsNeed() async throws {
    let worker = try await RealWorker()
    let output = try worker.stagekeeper(
      "--repo", "demo", "register", "spam", "--version", "v0.1.0", "-m", "für alle", "--json")
    let value = try JSONValue(parsing: output.standardOutput)
    #expect(value["state"] == "succeeded" && value["ref"] == "spam@v0.1.0" && value["version"] == "v0.1.0")
    let objectID = try #require(value["objectId"]?.stringValue)
    #expect(try worker.remote.ref("refs/tags/spam@v0.1.0") == objectID)
    #expect(try worker.remote.git("cat-file", "tag", objectID).contains("für alle"))
    for key in ["job", "commit", "artifact", "stage"] { #expect(value[key] != nil) }
  }

  @Test func exitStatuses() async throws {
    let worker = try await RealWorker()
    let twice = ["assign", "churn", "--version", "v1.0.0", "--stage", "dev"]
    func status(_ arguments: [String]) throws -> Program.Output {
      try Program.run(
        Products.path("stagekeeper"), arguments, environment: ["STAGEKEEPER_SOCKET=\(worker.socket)"])
    }
    #expect(try status(twice).exit == .exited(code: 0))
    let refused = try status(twice)
    #expect(refused.exit == .exited(code: 65))
    #expect(refused.text.isEmpty && refused.errorText.contains("already in stage 'dev'"))
    let json = try JSONValue(parsing: try status(twice + ["--json"]).standardOutput)
    #expect(json["state"] == "rejected" && json["error"]?["code"] == "already_in_stage")
    #expect(try status(["--repo", "other", "show"]).exit == .exited(code: 77))
    #expect(try status(["show", "nobody"]).exit == .exited(code: 65))
    #expect(try status(["assign", "churn", "--stage", "--bad-stage"]).exit == .exited(code: 64))
  }

  /// `gto` and `stagekeeper` print the same about the same remote.
  @Test func readsLookLikeGTO() async throws {
    let gto = try Program.path(ThisProcess.environment("STAGEKEEPER_TEST_GTO") ?? "gto")
    let worker = try await RealWorker()
    func answers(_ arguments: [String]) throws -> (ours: String, theirs: String) {
      (
        try Program.check(
          Products.path("stagekeeper"), arguments, environment: ["STAGEKEEPER_SOCKET=\(worker.socket)"]),
        try Program.check(
          gto, arguments + ["--repo", worker.remote.path], environment: ["TZ=UTC", "COLUMNS=200"])
      )
    }
    for arguments in [
      ["register", "models:spam", "--version", "v0.0.10"], ["assign", "churn", "main", "--stage", "dev"],
      ["assign", "models:spam", "--version", "v0.0.10", "--stage", "prod"],
      ["unassign", "churn", "v1.0.0", "dev"], ["deregister", "models:spam", "v0.0.10"],
    ] {
      _ = try Program.check(
        Products.path("stagekeeper"), arguments, environment: ["STAGEKEEPER_SOCKET=\(worker.socket)"])
    }
    for arguments in [
      ["show"], ["show", "--plain"], ["show", "--json"], ["show", "churn"], ["show", "churn", "--plain"],
      ["show", "models:spam"], ["show", "churn@latest", "--ref"], ["show", "--name"], ["history"],
      ["history", "--plain", "--asc"], ["history", "churn", "--json"], ["stages"], ["stages", "--json"],
      ["check-ref", "churn#dev#1"], ["check-ref", "churn@v1.0.0", "--json"],
      ["check-ref", "churn@v1.0.0", "--version"],
    ] {
      let (ours, theirs) = try answers(arguments)
      #expect(ours == theirs, "\(arguments)")
    }
    let (ours, theirs) = try answers(["show", "churn", "--json"])
    #expect(ours == theirs)
  }

  @Test func aTimeOutNamesTheJobWhichCanBeWaitedFor() async throws {
    let worker = try await RealWorker()
    #expect(try worker.admin("pause", "demo").exit == .exited(code: 0))
    let late = try worker.stagekeeper(
      "assign", "churn", "--version", "v1.0.0", "--stage", "prod", "--timeout", "0.3")
    #expect(late.exit == .exited(code: 75))
    #expect(late.errorText.contains("job 1 is queued"))
    #expect(late.errorText.contains("stagekeeper job wait 1"))
    let queue = try JSONValue(parsing: try worker.admin("queue", "--json").standardOutput)
    #expect(queue["total"] == 1 && queue["jobs"]?.arrayValue?.first?["job"] == "1")
    #expect(try worker.admin("resume", "demo").exit == .exited(code: 0))
    let end = try worker.stagekeeper("job", "wait", "1", "--json")
    #expect(try JSONValue(parsing: end.standardOutput)["ref"] == "churn#prod#1")
    #expect(try worker.stagekeeper("job", "list", "--plain").text.contains("succeeded"))
  }

  @Test func noWaitAndDryRun() async throws {
    let worker = try await RealWorker()
    let dry = try worker.stagekeeper("assign", "churn", "main", "--stage", "dev", "--dry-run")
    #expect(
      dry.exit == .exited(code: 0) && dry.text.hasPrefix("Would create git tag 'churn#dev#1' at commit "))
    #expect(try worker.remote.tags() == ["churn@v1.0.0"])
    let accepted = try worker.stagekeeper("assign", "churn", "main", "--stage", "dev", "--no-wait")
    #expect(accepted.text == "1\n")
    #expect(try worker.stagekeeper("job", "wait", "1").exit == .exited(code: 0))
  }

  @Test func aRequestKeyMakesItOnce() async throws {
    let worker = try await RealWorker()
    let first = try worker.stagekeeper(
      "assign", "churn", "--version", "v1.0.0", "--stage", "prod", "--request-key", "ci-1")
    let second = try worker.stagekeeper(
      "assign", "churn", "--version", "v1.0.0", "--stage", "prod", "--request-key", "ci-1")
    #expect(first.exit == .exited(code: 0) && first.text == second.text)
    let other = try worker.stagekeeper(
      "assign", "churn", "--version", "v1.0.0", "--stage", "dev", "--request-key", "ci-1")
    #expect(other.exit == .exited(code: 65))
  }

  @Test func administration() async throws {
    let worker = try await RealWorker()
    _ = try worker.stagekeeper("assign", "churn", "main", "--stage", "dev")
    #expect(try worker.admin("queue").text == "The queue is empty\n")
    #expect(try worker.admin("repositories", "--plain").text.contains("demo"))
    #expect(try worker.admin("stats").text.contains("jobs.succeeded: 1\n"))
    #expect(try worker.admin("job", "1").text.contains("state: succeeded\n"))
    #expect(try worker.admin("job", "99").exit == .exited(code: 65))
    let repositories = try JSONValue(parsing: try worker.admin("repositories", "--json").standardOutput)
    #expect(repositories["repositories"]?.arrayValue?.first?["tags"] == 2)
  }

  /// The program of docs/client-library.md.
  @Test func theExampleOfTheDocuments() async throws {
    let document = try Products.text("docs/client-library.md")
    let program = try Products.text("Tests/ClientExample/main.swift")
    #expect(document.contains("```swift\n\(program)```"))
    let worker = try await RealWorker()
    let output = try Program.run(
      Products.path("client-example"), ["demo", "churn", "v1.0.0"],
      environment: ["STAGEKEEPER_SOCKET=\(worker.socket)"])
    let commit = try worker.remote.git("rev-parse", "main")
    #expect(output.text.hasSuffix("made churn#prod#1 at commit \(commit)\nin production: v1.0.0\n"))
  }
}
