import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// `--if-current` and `rollback`, which GTO does not have.
@Suite(.serialized)
struct ConditionTests {
  /// A remote in which `model` has three versions, v1.0.0 to v3.0.0, on three commits.
  private func remoteWithVersions() throws -> GitFixture {
    let remote = try GitFixture()
    try remote.tag("model@v1.0.0")
    for number in 2...3 {
      try remote.commit(files: ["README": "\(number)\n"], time: 1_700_000_000 + number)
      try remote.tag("model@v\(number).0.0")
    }
    return remote
  }

  @Test func rollback() throws {
    let remote = try remoteWithVersions()
    let worker = try WorkerFixture(["demo": remote.path])
    for version in ["v1.0.0", "v2.0.0"] {
      try worker.ask("assign", "model", "--version", version, "--stage", "prod")
    }
    let plan = try worker.ask("rollback", "model", "--stage", "prod", "--dry-run")
    #expect(plan["version"] == "v1.0.0" && plan["tags"]?[0]?["ref"] == "model#prod#3", "\(plan)")
    let job = try worker.ask("rollback", "model", "--stage", "prod", "--if-current", "v2.0.0")
    #expect(job["version"] == "v1.0.0" && job["action"] == "rollback", "\(job)")
    #expect(
      try remote.git("log", "-1", "--format=%H", "model#prod#3")
        == remote.git("log", "-1", "--format=%H", "model@v1.0.0"))
    #expect(
      try remote.git("tag", "--list", "--format=%(contents:subject)", "model#prod#3")
        == "Rolling back stage prod of artifact model from version v2.0.0 to version v1.0.0")
    // And back again: what held it before is v2.0.0 now.
    #expect(try worker.ask("rollback", "model", "--stage", "prod", "-m", "Oops")["version"] == "v2.0.0")
    #expect(try GTO(cloneOf: remote.path).json("show")["model"]?["stage"]?["prod"] == "v2.0.0")
    try expectRefused(worker, "nothing_to_roll_back_to", "rollback", "model", "--stage", "dev")
    try expectRefused(worker, "unknown_artifact", "rollback", "other", "--stage", "prod")
    #expect(try worker.stagekeeper("rollback", "model").exit == .exited(code: 64))
    try worker.stop()
  }

  @Test("each command that changes a stage takes a condition")
  func conditions() throws {
    let remote = try remoteWithVersions()
    let worker = try WorkerFixture(["demo": remote.path])
    let assign = ["assign", "model", "--version", "v1.0.0", "--stage", "prod", "--if-current"]
    #expect(try worker.stagekeeper(assign + ["v1.0.0"]).exit == .exited(code: 65))
    #expect(try worker.stagekeeper(assign + ["none"]).exit == .success)
    try worker.ask("assign", "model", "--version", "v2.0.0", "--stage", "prod", "--if-current", "v1.0.0")
    for arguments in [
      ["unassign", "model", "v2.0.0", "prod"], ["rollback", "model", "--stage", "prod"],
      ["assign", "model", "--version", "v3.0.0", "--stage", "prod"],
    ] {
      let run = try worker.stagekeeper(arguments + ["--if-current", "v1.0.0", "--json"])
      #expect(run.exit == .exited(code: 65) && run.errorCode == "if_current_mismatch", "\(run)")
    }
    #expect(
      try worker.stagekeeper("assign", "model", "--stage", "prod", "--if-current", "newest").exit
        == .exited(code: 64))
    try worker.ask("unassign", "model", "v2.0.0", "prod", "--if-current", "v2.0.0")
    // An unassigned version gives way to the one before it, which was never unassigned.
    try worker.ask("assign", "model", "--version", "v3.0.0", "--stage", "prod", "--if-current", "v1.0.0")
    try worker.stop()
  }

  /// Two workers share the remote, so that the race is decided by the Git server where it is not decided
  /// within a worker.
  @Test("of jobs that race with the same condition one wins", arguments: [1, 2])
  func races(workers count: Int) throws {
    let remote = try remoteWithVersions()
    let workers = try (0..<count).map { _ in try WorkerFixture(["demo": remote.path]) }
    var holder = "none"
    for round in 1...3 {
      let contenders = ["v1.0.0", "v2.0.0", "v3.0.0"].filter { $0 != holder }
      let runs = try contenders.enumerated().map { index, version in
        try workers[index % count].begin([
          "assign", "model", "--version", version, "--stage", "prod", "--force", "--if-current", holder,
          "--json",
        ])
      }
      let ends = try runs.map { try $0.finish() }
      let winners = zip(contenders, ends).filter { $0.1.exit == .success }
      try #require(winners.count == 1, "\(round): \(ends)")
      #expect(
        ends.filter { $0.text.contains("if_current_mismatch") }.count == contenders.count - 1, "\(ends)")
      holder = winners[0].0
      #expect(try remote.tags().filter { $0.hasPrefix("model#") }.count == round)
    }
    for worker in workers { try worker.stop() }
  }

  @Test("a rollback needs the right to assign in that stage")
  func grants() throws {
    let remote = try remoteWithVersions()
    try remote.tag("model#prod#1", at: "model@v1.0.0^{commit}")
    try remote.tag("model#prod#2", at: "model@v2.0.0^{commit}", time: 1_700_000_200)
    for (actions, stages, status) in [
      ("unassign", "*", 77), ("assign", "dev", 77), ("assign", "prod", 0),
    ] as [(String, String, Int32)] {
      let worker = try WorkerFixture(
        configuration: """
          repositories: { demo: { url: "\(remote.path)" } },
          tenants: { me: { uids: [\(ThisProcess.uid)] } },
          grants: [{ tenants: ["me"], repositories: ["*"], actions: ["\(actions)"], stages: ["\(stages)"] }],
          """)
      let run = try worker.stagekeeper("--repo", "demo", "rollback", "model", "--stage", "prod")
      #expect(run.exit == .exited(code: status), "\(actions) \(stages): \(run)")
      try worker.stop()
    }
    #expect(try remote.tags().contains("model#prod#3"))
  }

  private func expectRefused(
    _ worker: WorkerFixture, _ code: String, _ arguments: String...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let run = try worker.stagekeeper(arguments + ["--json"])
    #expect(
      run.exit == .exited(code: 65) && run.errorCode == code, "\(arguments): \(run)",
      sourceLocation: sourceLocation)
  }
}
