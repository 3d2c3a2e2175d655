import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// The audit log of a real worker: what is in it, when, and what happens without it.
@Suite(.serialized)
struct AuditTests {
  private let remote: GitFixture

  init() throws { remote = try GitFixture(files: ["README": "x"]) }

  private func makeWorker(_ more: String = "") throws -> WorkerFixture {
    try WorkerFixture(
      configuration: """
        repositories: { demo: { url: "\(remote.path)" } },
        tenants: { ops: { uids: [\(ThisProcess.uid)] }, other: { uids: [64101] } },
        grants: [
          { tenants: ["other"], repositories: ["none"], actions: ["read"] },
          { tenants: ["ops"], repositories: ["*"], artifacts: ["churn*", "model", "only-*", "both-*"],
            actions: ["*"] },
        ],
        \(more)
        """)
  }

  private func verify(_ worker: WorkerFixture, _ options: String...) throws -> CommandRun {
    let run = try Program.run(
      try BuiltProgram.path("stagekeeper-admin"), ["audit", "verify", worker.stateDirectory] + options)
    return CommandRun(exit: run.exit, text: run.text, errorText: run.errorText)
  }

  // MARK: Content

  @Test("a decision, a push and an effect for each tag, with the rule, the job and the object")
  func promotion() throws {
    let worker = try makeWorker()
    try worker.ask("register", "churn", "--version", "v1.0.0", "--repo", "demo")
    let job = try worker.ask("assign", "churn", "--version", "v1.0.0", "--stage", "prod", "--repo", "demo")
    let number = try #require(job["job"]?.stringValue)
    let mine = try worker.auditLines("--job", number)
    #expect(mine.map { $0["event"]?.stringValue } == ["request", "push", "effect"])
    for line in mine {
      #expect(line["peer"]?["uid"] == .integer(Int64(ThisProcess.uid)))
      #expect(line["tenant"] == "ops" && line["repository"] == "demo" && line["artifact"] == "churn")
      #expect(line["stage"] == "prod" && line["action"] == "assign")
    }
    #expect(mine.first?["decision"] == "allowed" && mine.first?["rule"] == "grants[1]")
    #expect(mine[1]["rule"] == "grants[1]" && mine[1]["ref"] == "churn#prod#1")
    #expect(mine[2]["outcome"] == "pushed" && mine[2]["version"] == "v1.0.0")
    #expect(mine[2]["objectId"] == job["objectId"])
    // A refusal by a rule is an effect too; what was not asked in earnest is not recorded.
    _ = try worker.stagekeeper("assign", "churn", "--version", "v1.0.0", "--stage", "prod", "--repo", "demo")
    _ = try worker.stagekeeper(
      "assign", "churn", "--version", "v1.0.0", "--stage", "dev", "--repo", "demo", "--dry-run")
    let effects = try worker.auditLines("--event", "effect", "--stage", "prod")
    #expect(effects.last?["outcome"] == "rejected" && effects.last?["code"] == "already_in_stage")
    #expect(try worker.auditLines("--stage", "dev").isEmpty)
    #expect(try verify(worker).exit == .success)
    try worker.stop()
    #expect(try worker.auditLines().last?["event"] == "stop")
  }

  @Test("denials, cancellations and administrators' commands")
  func others() throws {
    let worker = try makeWorker("audit: { denialSeconds: 3600 },")
    #expect(try worker.stagekeeper("register", "fraud", "--repo", "demo").exit == .exited(code: 77))
    #expect(try worker.stagekeeper("show", "churn", "--repo", "nowhere").exit == .exited(code: 77))
    for _ in 0..<20 { _ = try worker.stagekeeper("register", "fraud", "--repo", "demo") }
    try worker.administer("pause", "demo")
    let job = try worker.ask("register", "churn", "--version", "v1.0.0", "--repo", "demo", "--no-wait")
    let number = try #require(job["job"]?.stringValue)
    _ = try worker.stagekeeper("job", "cancel", number)
    try worker.administer("resume", "demo")
    _ = try worker.command("stagekeeper-admin", "retry", number)
    #expect(
      try worker.auditLines("--event", "admin").map { $0["action"]?.stringValue } == [
        "pause", "resume", "retry",
      ])
    #expect(try worker.auditLines("--event", "admin").last?["code"] == "job_not_retryable")
    #expect(try worker.auditLines("--job", number, "--decision", "allowed").last?["action"] == "job.cancel")
    // What is done to a job is found by all that the job is about.
    try worker.administer("pause", "demo")
    for (command, event) in [("cancel", "admin"), ("job.cancel", "request")] {
      let staged = try worker.ask(
        "assign", "churn", "--version", "v1.0.0", "--stage", "prod", "--repo", "demo", "--no-wait")
      let id = try #require(staged["job"]?.stringValue)
      _ =
        event == "admin"
        ? try worker.command("stagekeeper-admin", "cancel", id) : try worker.stagekeeper("job", "cancel", id)
      let lines = try worker.auditLines(
        "--repo", "demo", "--artifact", "churn", "--stage", "prod", "--tenant", "ops", "--job", id, "--event",
        event)
      #expect(lines.last?["action"] == .string(command), "\(lines)")
    }
    try worker.stop()
    let denied = try worker.auditLines("--decision", "denied", "--artifact", "fraud")
    #expect(denied.map { $0["count"]?.integerValue } == [nil, 20])
    #expect(
      try worker.auditLines("--decision", "denied", "--repository", "nowhere").first?["action"] == "show")
    #expect(denied.first?["code"] == "not_allowed" && denied.first?["action"] == "register")
  }

  @Test("somebody else's job is unknown to a client, and the attempt is in the log")
  func foreignCancel() throws {
    guard ThisProcess.uid == 0 else { return }
    let worker = try makeWorker()
    try worker.administer("pause", "demo")
    let job = try worker.ask("register", "churn", "--version", "v1.0.0", "--repo", "demo", "--no-wait")
    let number = try #require(job["job"]?.stringValue)
    let run = try worker.stagekeeper("job", "cancel", number, "--json", as: Account(uid: 64_101, gid: 64_101))
    #expect(run.errorCode == "unknown_job")
    let denied = try worker.auditLines("--decision", "denied", "--uid", "64101")
    #expect(denied.first?["action"] == "job.cancel" && denied.first?["job"] == .string(number))
    try worker.stop()
  }

  @Test(
    "a grant that is gone when the job's turn comes is one refusal, told to whoever waits, and one effect")
  func revoked() throws {
    let worker = try makeWorker()
    try worker.administer("pause", "demo")
    let raw = try RawConnection(worker.clientSocket)
    raw.request(1, "register", ["repository": "demo", "artifact": "churn", "version": "v1.0.0"])
    let job = try #require(try raw.reply()?["event"]?["job"]?["job"]?.stringValue)
    let file = worker.directory.appending("stagekeeper.json5")
    let text = String(decoding: try Files.read(file, limit: 1 << 20), as: UTF8.self)
    try Files.replace(file, with: Array(text.replacing("churn*", with: "fraud*").utf8))
    try worker.administer("reload")
    try worker.administer("resume", "demo")
    let error = try raw.end()?["error"]
    #expect(
      error?["code"] == "not_allowed" && error?["details"]?["job"]?["job"] == .string(job),
      "\(error ?? .null)")
    try worker.stop()
    #expect(try worker.auditLines("--decision", "denied").isEmpty)
    let effects = try worker.auditLines("--event", "effect")
    #expect(effects.map { $0["code"] } == ["not_allowed"], "\(effects)")
  }

  @Test("a directory that may not be read is not taken for one without a log")
  func unreadable() throws {
    guard ThisProcess.uid == 0 else { return }
    let worker = try makeWorker()
    let run = try Program.run(
      "setpriv",
      Account(uid: 64_101, gid: 64_101).options
        + [try BuiltProgram.path("stagekeeper-admin"), "audit", "show", "\(worker.stateDirectory)/audit"])
    #expect(run.exit == .exited(code: 66) && run.errorText.contains("Permission denied"), "\(run)")
    try worker.stop()
  }

  // MARK: Crashes

  /// As where the power fails when the journal is synced and the log is not.
  @Test("a request whose line was lost has it again after the start, once", arguments: [1, 2, 3])
  func lostLine(lost: Int) throws {
    let worker = try makeWorker()
    try worker.administer("pause", "demo")
    let numbers = try (0..<3).map { number in
      try #require(
        try worker.ask("register", "churn\(number)", "--version", "v1.0.0", "--repo", "demo", "--no-wait")[
          "job"]?
          .stringValue)
    }
    let before = try worker.auditLines("--event", "request")
    try worker.crash()
    let log = "\(worker.stateDirectory)/audit/audit-0000000001.jsonl"
    let bytes = try Files.read(log, limit: 1 << 20)
    let ends = bytes.indices.filter { bytes[$0] == 10 }
    try Files.replace(log, with: Array(bytes[...ends[ends.count - 1 - lost]]))
    #expect(try worker.auditLines("--event", "request").count == 3 - lost)
    for _ in 0..<3 {
      try worker.start()
      let requests = try worker.auditLines("--event", "request")
      #expect(requests.map { $0["job"]?.stringValue } == numbers)
      #expect(requests.map { $0["time"] } == before.map { $0["time"] })
      #expect(requests.map { $0["rule"] } == ["grants[1]", "grants[1]", "grants[1]"])
      try worker.crash()
      #expect(try verify(worker).exit == .success)
    }
    try worker.start()
    try worker.administer("resume", "demo")
    try worker.ask("job", "wait", numbers[2])
    #expect(try RemoteTags(of: remote).ids.count == 3)
    try worker.stop()
  }

  /// Every tag that a worker made has a durable line that allowed its push, at every moment; at the end it has
  /// its effect too, and each acknowledged job its decision.
  @Test(.timeLimit(.minutes(10)))
  func killedAgainAndAgain() throws {
    let worker = try makeWorker("audit: { fileBytes: 8192 },")
    try worker.ask("register", "model", "--version", "v1.0.0", "--repo", "demo")
    let loops = try (0..<3).map { try PromotionLoop("loop\($0)", worker: worker, repository: "demo") }
    for round in 0..<8 {
      let goal = try RemoteTags(of: remote).ids.count + 4 + round
      try Eventually.holds("tags are made in round \(round)") { try RemoteTags(of: remote).ids.count >= goal }
      try worker.crash()
      let pushed = Set(try worker.auditLines("--event", "push").map(Self.tag))
      for (name, id) in try RemoteTags(of: remote).ids {
        #expect(pushed.contains("\(name) \(id)"), "round \(round): \(name) was pushed without a line")
      }
      try worker.start()
    }
    var acknowledged = Set<String>()
    for loop in loops {
      try loop.stop()
      acknowledged.formUnion(try loop.acknowledged().values)
    }
    let check = ExactlyOnceCheck(worker: worker, remote: remote, repository: "demo")
    try check.waitUntilNothingIsInLine()
    #expect(try check.problems() == [])
    try worker.stop()
    let effects = try worker.auditLines("--event", "effect").filter { $0["outcome"] == "pushed" }
    let tags = try RemoteTags(of: remote)
    #expect(Set(effects.map(Self.tag)) == Set(tags.ids.map { "\($0.key) \($0.value)" }))
    let decided = Set(try worker.auditLines("--event", "request").compactMap { $0["job"]?.stringValue })
    #expect(acknowledged.isSubset(of: decided), "\(acknowledged.subtracting(decided))")
    let verdict = try verify(worker)
    #expect(verdict.exit == .success, "\(verdict)")
  }

  private static func tag(_ line: JSONValue) -> String {
    "\(line["ref"]?.stringValue ?? "?") \(line["objectId"]?.stringValue ?? "?")"
  }

  // MARK: Without a log

  @Test("what can't be recorded is not done; reads go on; a restart mends it")
  func failsClosed() throws {
    let worker = try makeWorker()
    try worker.ask("register", "churn", "--version", "v1.0.0", "--repo", "demo")
    try Files.remove("\(worker.stateDirectory)/audit/audit-0000000001.jsonl")
    let tags = try remote.tags()
    for _ in 0..<3 {
      let run = try worker.stagekeeper(
        "assign", "churn", "--version", "v1.0.0", "--stage", "prod", "--repo", "demo", "--json",
        "--timeout", "20")
      #expect(run.exit == .exited(code: 75), "\(run)")
    }
    let run = try worker.command("stagekeeper-admin", "pause", "demo", "--json")
    #expect(run.exit == .exited(code: 75), "\(run)")
    #expect(try worker.administer("stats")["audit"]?["isWritable"] == false)
    #expect(try worker.ask("show", "churn", "--repo", "demo") != .null)
    #expect(try remote.tags() == tags)
    #expect(worker.output.contains("the audit log can't be written"))
    try worker.stop()
    try worker.start()
    try worker.ask("assign", "churn", "--version", "v1.0.0", "--stage", "dev", "--repo", "demo")
    #expect(try verify(worker).exit == .success)
    try worker.stop()
  }

  @Test("an altered log: verify says where, and the worker does not go on with it")
  func altered() throws {
    let worker = try makeWorker()
    try worker.ask("register", "churn", "--version", "v1.0.0", "--repo", "demo")
    let live = try worker.command("stagekeeper-admin", "audit", "verify", "--json")
    #expect(live.exit == .success && live.json["isIntact"] == true, "\(live)")
    let head = try #require(live.json["head"]?.stringValue)
    try worker.stop()
    #expect(try verify(worker, "--expect", "\(live.json["seq"]?.integerValue ?? 0):\(head)").exit == .success)
    #expect(try verify(worker, "--head", head).exit == .exited(code: 65))
    #expect(try verify(worker, "--head", "xyz").exit == .exited(code: 64))
    let path = "\(worker.stateDirectory)/audit/audit-0000000001.jsonl"
    let text = String(decoding: try Files.read(path, limit: 1 << 20), as: UTF8.self)
    try Files.replace(path, with: Array(text.replacing("\"register\"", with: "\"unassign\"").utf8))
    let run = try verify(worker)
    #expect(run.exit == .exited(code: 65) && run.text.contains("WRONG: "), "\(run)")
    let program = try worker.launch()
    #expect(try program.wait(until: .after(seconds: 60)) == .exited(code: 71))
    #expect(program.output.contains("audit verify"))
  }
}

extension WorkerFixture {
  /// Runs `stagekeeper-admin` with this worker's socket to its end.
  func command(_ name: String, _ arguments: String...) throws -> CommandRun {
    let output = try Program.run(try BuiltProgram.path(name), ["--socket", adminSocket] + arguments)
    return CommandRun(exit: output.exit, text: output.text, errorText: output.errorText)
  }
}
