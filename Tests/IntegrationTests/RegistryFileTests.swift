import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// `.gto` on the default branch: its stages are enforced, and a broken one refuses writes.
@Suite(.serialized)
struct RegistryFileTests {
  @Test func stages() throws {
    let remote = try GitFixture(files: [".gto": "stages: [dev, prod]\n"])
    try remote.tag("model@v1.0.0")
    let worker = try WorkerFixture(["demo": remote.path])
    let run = try worker.stagekeeper(
      "assign", "model", "--version", "v1.0.0", "--stage", "staging", "--json")
    #expect(run.exit == .exited(code: 65), "\(run)")
    #expect(run.error["message"]?.stringValue?.contains("staging") == true, "\(run)")
    // The file is read again when the branch moves.
    try remote.commit(files: [".gto": "stages: [dev, prod, staging]\n"], time: 1_700_000_500)
    try worker.ask("assign", "model", "--version", "v1.0.0", "--stage", "staging")
    #expect(try remote.tags() == ["model#staging#1", "model@v1.0.0"])
    try worker.stop()
  }

  @Test("a broken file refuses writes until it is mended; reading goes on")
  func broken() throws {
    let remote = try GitFixture(files: [".gto": "stages: [dev, prod\n"])
    try remote.tag("model@v1.0.0")
    let worker = try WorkerFixture(["demo": remote.path])
    let run = try worker.stagekeeper("assign", "model", "--version", "v1.0.0", "--stage", "dev", "--json")
    #expect(run.exit == .exited(code: 65), "\(run)")
    #expect(run.errorCode == "repository_file_invalid", "\(run)")
    #expect(run.error["message"]?.stringValue?.contains(".gto") == true, "\(run)")
    #expect(try worker.ask("show", "model")[0]?["version"] == "v1.0.0")
    try remote.commit(files: [".gto": "stages: [dev, prod]\n"], time: 1_700_000_500)
    try worker.ask("assign", "model", "--version", "v1.0.0", "--stage", "dev")
    #expect(try remote.tags() == ["model#dev#1", "model@v1.0.0"])
    try worker.stop()
  }

  @Test("a default branch that does not exist refuses writes and describe, and doctor says what to do")
  func missingBranch() throws {
    let remote = try GitFixture(files: [".gto": "stages: [dev]\n"])
    let worker = try WorkerFixture(
      configuration:
        "repositories: {demo: {url: \"\(remote.path)\", defaultBranch: \"mian\"}}, \(Self.openPolicy)")
    let run = try worker.stagekeeper("register", "model", "main", "--json")
    #expect(run.exit == .exited(code: 65) && run.errorCode == "repository_file_invalid", "\(run)")
    #expect(run.everything.contains("the default branch 'mian' does not exist on the server"), "\(run)")
    let described = try worker.stagekeeper("describe", "model", "--json")
    #expect(described.errorCode == "repository_file_invalid", "\(described)")
    #expect(try worker.ask("describe", "model", "--rev", "main") == [:])
    let doctor = try worker.stagekeeper("doctor", "--json")
    let finding = doctor.json["findings"]?[0]
    #expect(finding?["code"] == "repository_file", "\(doctor)")
    #expect(finding?["advice"]?.stringValue?.contains("defaultBranch") == true, "\(doctor)")
    #expect(try remote.tags().isEmpty)
    try worker.stop()
  }

  private static let openPolicy = """
    tenants: { ops: { uids: [\(ThisProcess.uid)] } },
    grants: [ { tenants: ["ops"], repositories: ["demo"], actions: ["*"] } ]
    """

  @Test("refusals of the registry's rules, and a dry run, leave nothing behind")
  func refusals() throws {
    let remote = try GitFixture(files: ["README": "x"])
    let worker = try WorkerFixture(["demo": remote.path])
    let plan = try worker.ask("register", "model", "--dry-run")
    #expect(plan["tags"]?[0]?["ref"] == "model@v0.0.1")
    #expect(try remote.tags().isEmpty)
    try worker.ask("register", "model", "--version", "v1.0.0")
    for arguments in [
      ["register", "model", "--version", "v1.0.0"], ["register", "model", "--version", "v2.0.0"],
      ["assign", "model", "--version", "v9.9.9", "--stage", "dev"],
      ["register", "model", "nonexistent-branch"],
    ] {
      let run = try worker.begin(arguments + ["--json"]).finish()
      #expect(run.exit == .exited(code: 65), "\(arguments): \(run)")
    }
    #expect(try remote.tags() == ["model@v1.0.0"])
    try worker.stop()
  }
}
