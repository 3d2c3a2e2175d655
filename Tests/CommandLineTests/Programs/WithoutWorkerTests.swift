import StagekeeperClient
import StrictJSON
import SystemCalls
import TestSupport
import Testing
import WireProtocol

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

  @Test(arguments: [["job", "list"], ["approvals"]])
  func listsHonourTheRepositoryOfTheEnvironment(_ command: [String]) throws {
    let server = try ScriptedServer { _, request in
      [.result(request, ["jobs": [], "toApprove": [], "mine": []])]
    }
    let arguments = command + ["--json", "--socket", server.path]
    for environment in [["STAGEKEEPER_REPO=demo"], ["STAGEKEEPER_REPO="], []] {
      #expect(try run("stagekeeper", arguments, environment).exit == .exited(code: 0))
    }
    _ = try run("stagekeeper", arguments + ["--repo", "other"], ["STAGEKEEPER_REPO=demo"])
    #expect(server.requests.map { $0.params["repository"] } == ["demo", nil, nil, "other"])
  }

  @Test func whatIsMissingIsSaidInTheWordsOfTheCommandLine() throws {
    for (arguments, words) in [
      (["unassign", "churn", "prod"], "STAGE is missing: 'prod' was taken for VERSION"),
      (["unassign", "churn", "--stage", "prod"], "VERSION is missing"),
      (["deregister", "churn"], "VERSION is missing"),
      (
        ["deregister", "churn", "v1.0.0", "--ref", "main"],
        "VERSION 'v1.0.0' and --ref 'main' do not go together"
      ),
      (["describe", "churn#prod", "--rev", "main"], "--rev does not go with the shortcut 'churn#prod'"),
    ] {
      let output = try run("stagekeeper", arguments + ["--repo", "demo"])
      #expect(output.exit == .exited(code: 64) && output.errorText.contains(words), "\(output.errorText)")
      #expect(!output.errorText.contains("params."))
    }
  }

  @Test func doctorSaysEverythingOnce() throws {
    let finding: JSONValue = [
      "code": "same_second", "ref": "a#p#1", "refs": ["a#p#1", "a#p#2"], "message": "are of one second",
      "advice": "assign again",
    ]
    let server = try ScriptedServer { _, request in [.result(request, ["findings": [finding]])] }
    let text = try run("stagekeeper", ["doctor", "--repo", "x", "--socket", server.path])
    #expect(text.text == "❌  a#p#1, a#p#2: are of one second [same_second]\n    assign again\n")
    let json = try run("stagekeeper", ["doctor", "--json", "--repo", "x", "--socket", server.path])
    #expect(try JSONValue(parsing: json.standardOutput) == ["findings": [finding]])
  }

  /// Without standard descriptors of their own, programs would write answers and log lines into their sockets.
  @Test func aClosedOutputIsAnError() throws {
    let server = try ScriptedServer { _, request in [.result(request, ["value": ["dev"]])] }
    let script = "\"$0\" stages --repo x --socket \"$1\""
    for closed in [">&-", "<&- >&-", "<&- >&- 2>&-"] {
      let output = try Program.run(
        "bash", ["-c", "\(script) \(closed)", Products.path("stagekeeper"), server.path])
      #expect(output.exit == .exited(code: 74) && output.text.isEmpty, "\(closed): \(output)")
    }
    #expect(server.requests.count == 3 && server.requests.allSatisfy { $0.method == "stages" })
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
    let exit = try program.wait(until: .after(seconds: 20))
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
