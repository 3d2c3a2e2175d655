import StagekeeperClient
import SystemCalls
import TestSupport
import Testing

/// The programs where no worker is needed, or where the test plays one that misbehaves.
@Suite struct WithoutWorkerTests {
  private func run(_ name: String, _ arguments: [String], _ environment: [String] = []) throws
    -> Program.Output
  {
    try Program.run(Products.path(name), arguments, environment: environment)
  }

  @Test(arguments: ["stagekeeper", "stagekeeper-admin"])
  func versionAndHelp(_ name: String) throws {
    #expect(try run(name, ["--version"]).text.hasPrefix("\(name) "))
    #expect(try run(name, ["--help"]).text.hasPrefix("Usage: \(name) "))
    #expect(try run(name, []).exit == .exited(code: 0))
  }

  @Test func wrongArgumentsAre64() throws {
    let output = try run("stagekeeper", ["show", "--jsn"])
    #expect(output.exit == .exited(code: 64) && output.text.isEmpty)
    #expect(output.errorText == "stagekeeper: there is no option --jsn.\nDid you mean --json?\n")
    #expect(try run("stagekeeper-admin", ["queu"]).exit == .exited(code: 64))
    #expect(try run("stagekeeper", ["show", "--json", "--plain"]).exit == .exited(code: 64))
    #expect(
      try run("stagekeeper", ["register", "a", "--bump-major", "--bump-minor"]).exit == .exited(code: 64))
  }

  @Test func anAbsentWorkerIs69AndSaysWhere() throws {
    let directory = try TemporaryDirectory()
    for environment in [
      ["STAGEKEEPER_SOCKET=\(directory.path)/no.sock"],
      ["STAGEKEEPER_SOCKET=/elsewhere", "UNUSED="],
    ] {
      let output = try run("stagekeeper", ["show", "--repo", "demo"], environment)
      #expect(output.exit == .exited(code: 69) && output.text.isEmpty)
    }
    let output = try run("stagekeeper", ["--socket", "\(directory.path)/no.sock", "whoami"])
    #expect(output.errorText.contains("no worker listens at \"\(directory.path)/no.sock\""))
    let admin = try run("stagekeeper-admin", ["queue"], ["STAGEKEEPER_ADMIN_SOCKET=/nowhere.sock"])
    #expect(admin.exit == .exited(code: 69) && admin.errorText.contains("/nowhere.sock"))
  }

  @Test func anAuditLogThatIsNotThereIs66() throws {
    let directory = try TemporaryDirectory()
    for place in [directory.path, "/nowhere"] {
      let output = try run("stagekeeper-admin", ["audit", "show", place])
      #expect(output.exit == .exited(code: 66) && output.text.isEmpty, "\(output)")
      #expect(output.errorText.contains("there is no audit log in \(place)"), "\(output.errorText)")
    }
  }

  @Test func theRuntimeDirectoryIsLookedAt() throws {
    let server = try ScriptedServer { _, request in [.result(request, ["value": []])] }
    let directory = try TemporaryDirectory()
    _ = try directory.makeDirectory("stagekeeper")
    try Program.check("ln", ["-s", server.path, directory.appending("stagekeeper/worker.sock")])
    let output = try run("stagekeeper", ["stages", "-r", "demo"], ["XDG_RUNTIME_DIR=\(directory.path)"])
    #expect(output.exit == .exited(code: 0))
  }

  @Test func theOnlyRepositoryNeedsNoName() throws {
    let server = try ScriptedServer { _, request in
      request.method == "whoami"
        ? [.result(request, ["repositories": [["repository": "only"]]])]
        : [.result(request, ["value": [.string(request.params["repository"]?.stringValue ?? "")]])]
    }
    #expect(try run("stagekeeper", ["stages", "--socket", server.path]).text == "only\n")
  }

  @Test func oneOfSeveralRepositoriesMustBeNamed() throws {
    let server = try ScriptedServer { _, request in
      [.result(request, ["repositories": [["repository": "one"], ["repository": "two"]]])]
    }
    let output = try run("stagekeeper", ["stages", "--socket", server.path])
    #expect(output.exit == .exited(code: 64) && output.errorText.contains("one, two"))
  }

  @Test func whatTheServerSaysIsEscaped() throws {
    let evil = "\u{1b}]0;owned\u{7}"
    let server = try ScriptedServer { _, request in
      request.method == "stages"
        ? [.result(request, ["value": [.string(evil)]])]
        : [.error(request, WireError(.remoteRefused, category: .refused, evil))]
    }
    for arguments in [["stages"], ["stages", "--json"], ["show"]] {
      let output = try run("stagekeeper", arguments + ["--repo", "x", "--socket", server.path])
      #expect(!output.standardOutput.contains(0x1b) && !output.standardError.contains(0x1b))
      #expect(output.text.contains("owned") || output.errorText.contains("owned"))
    }
  }

  @Test func interruptedWaitTellsTheJob() async throws {
    let server = try ScriptedServer { _, request in [.event(request, sampleJob(.queued, position: 3))] }
    let directory = try TemporaryDirectory()
    let program = try Program.start(
      Products.path("stagekeeper"),
      ["assign", "churn", "--stage", "prod", "--repo", "demo", "--socket", server.path],
      log: directory.appending("log"))
    while server.requests.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
    // The event may still be on its way: without it the key is told instead of the job.
    try Program.check("kill", ["-INT", "\(program.child.pid)"])
    let exit = try program.child.wait(until: .after(seconds: 20))
    #expect(exit == .exited(code: 130))
    #expect(program.output.hasPrefix("stagekeeper: interrupted"))
    #expect(program.output.contains("stagekeeper job wait 7") || program.output.contains("--request-key"))
  }

  @Test func aClosedPipeEndsQuietly() throws {
    let server = try ScriptedServer { _, request in
      [.result(request, ["value": .array(Array(repeating: "stage", count: 200_000))])]
    }
    let program = try Products.path("stagekeeper")
    let output = try Program.run(
      "bash",
      [
        "-c", "\"$0\" stages --repo x --socket \"$1\" | head -n 1; echo ${PIPESTATUS[0]}", program,
        server.path,
      ])
    #expect(output.text == "stage\n141\n")
    #expect(output.errorText.isEmpty)
  }

  @Test func aFullDiskIsAnError() throws {
    let server = try ScriptedServer { _, request in [.result(request, ["value": ["dev"]])] }
    let output = try Program.run(
      "bash",
      ["-c", "\"$0\" stages --repo x --socket \"$1\" > /dev/full", Products.path("stagekeeper"), server.path])
    #expect(output.exit == .exited(code: 74) && output.errorText.contains("cannot write the answer"))
  }

  /// CI jobs run these programs: what they load decides how fast they start. `stagekeeper-admin` reads
  /// journals, and so needs FoundationEssentials.
  @Test(arguments: ["stagekeeper", "stagekeeper-admin"])
  func littleIsLinked(_ name: String) throws {
    let libraries = try Program.check("ldd", [Products.path(name)])
    let essentials = name == "stagekeeper" ? ["libFoundationEssentials"] : []
    for heavy in ["libgit2", "libssl", "libcrypto", "libFoundation.so", "libicu"] + essentials {
      #expect(!libraries.contains(heavy), "\(heavy)")
    }
  }
}
