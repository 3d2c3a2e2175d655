import StrictJSON
import SystemCalls
import TestSupport
import Testing
import WireProtocol

/// Stages that need the approval of others, with real user ids, a real Git server and a worker that is killed.
@Suite(.serialized, .enabled(if: ThisProcess.uid == 0, "needs root: clients run under other uids"))
struct ApprovalTests {
  private typealias People = ApprovalFixture

  @Test func wholeLife() throws {
    let fixture = try ApprovalFixture()
    let assign = ["--repo", "demo", "assign", "model", "--version", "v2.0.0", "--stage", "prod"]
    let plan = try fixture.run(assign + ["--dry-run", "--json"], People.alice).json
    #expect(plan["approval"]?["required"] == 2 && plan["approval"]?["approved"] == 0, "\(plan)")
    #expect(plan["approval"]?["conditions"]?[0]?["approvers"] == ["release"])
    #expect(plan["reasons"]?.arrayValue?.contains("it waits for 2 approvals by release") == true, "\(plan)")
    let waiting = try fixture.begin(
      assign + ["-m", "Better on the holdout", "--request-key", "ci 1", "--json"], People.alice)
    var pending = JSONValue.null
    try Eventually.holds("bob sees it: \(pending)") {
      pending = try fixture.run(["approvals", "--repo", "demo", "--json"], People.bob).json
      return pending["toApprove"]?[0] != nil
    }
    let job = try #require(pending["toApprove"]?[0])
    let id = try #require(job["job"]?.stringValue)
    #expect(job["state"] == "awaiting_approval" && job["position"] == nil && pending["mine"] == [])
    #expect(job["requester"]?["uid"] == 64_301)
    let approval = try #require(job["approval"])
    #expect(approval["required"] == 2 && approval["approved"] == 0 && approval["approvals"] == [])
    #expect(
      approval["plan"] == [
        "version": "v2.0.0", "commit": .string(try remoteCommit(fixture, "model@v2.0.0")), "stage": "prod",
        "current": nil,
      ])
    // Who asked sees it as his own, and nobody can approve what he asked for.
    let mine = try fixture.run(["approvals", "--json"], People.alice).json
    #expect(mine["toApprove"] == [] && mine["mine"]?[0]?["job"] == .string(id), "\(mine)")
    #expect(try fixture.approve(id, People.bob, "-m", "Fine\nby me").json["state"] == "awaiting_approval")
    #expect(try fixture.approve(id, People.bob).json["approval"]?["approved"] == 1)
    let table = try fixture.run(["approvals", "--plain"], People.carol).text
    #expect(table.contains("1 of 2") && table.contains("you"), "\(table)")
    #expect(try fixture.run(["approvals"], People.bob).text == "Nothing waits for approval\n")
    #expect(try fixture.run(["job", "status", id], People.alice).text.contains("(1 of 2)"))
    #expect(try fixture.approve(id, People.carol).exit == .success)
    let end = try waiting.finish()
    // Standard error and output are one file here: who waits without a terminal is told for whom.
    #expect(end.exit == .success && end.text.contains("job \(id) is awaiting approval (0 of 2)"), "\(end)")
    let done = try fixture.job(id)
    #expect(done["ref"] == "model#prod#1" && done["approval"]?["approved"] == 2, "\(done)")
    // Approved too late is no harm where it was approved before.
    #expect(try fixture.approve(id, People.carol).json["state"] == "succeeded")
    #expect(try fixture.approve(id, People.frank).errorCode == "job_not_awaiting_approval")
    let audit = try fixture.worker.administer("audit", "show", "--job", id)["lines"]?.arrayValue ?? []
    let approvals = audit.filter { $0["action"] == "approve" }.compactMap { $0["peer"]?["uid"]?.integerValue }
    #expect(approvals.prefix(3) == [64_302, 64_302, 64_303], "\(approvals)")
    #expect(audit.first { $0["event"] == "push" }?["approvers"] == ["64302", "64303"], "\(audit)")
    let trailers = try fixture.trailers("model#prod#1")
    #expect(
      trailers.first?.hasPrefix("Stagekeeper-Job: ") == true && trailers.first?.hasSuffix("/\(id)") == true)
    #expect(
      trailers.dropFirst() == [
        "Stagekeeper-Requested-By: churn (uid 64301)", "Stagekeeper-Request-Key: ci%201",
        "Stagekeeper-Approved-By: release (uid 64302)", "Stagekeeper-Approved-By: release (uid 64303)",
      ], "\(trailers)")
    let text = try Program.check(
      try BuiltProgram.path("stagekeeper-admin"), ["--socket", fixture.worker.adminSocket, "job", id])
    #expect(
      text.contains("approval: approved by uid 64302 (release)") && text.contains("Fine\\nby me"), "\(text)")
    #expect(
      try fixture.run(["job", "list", "--state", "awaiting_approval", "--json"], People.alice).json["jobs"]
        == [])
    let admin = try fixture.worker.administer("job", id)
    #expect(admin["approval"]?["approvals"]?[0]?["message"] == "Fine\nby me", "\(admin)")
    #expect(
      admin["transitions"]?.arrayValue?.compactMap { $0["event"]?.stringValue }.filter { $0 != "started" }
        == [
          "submitted", "approvalAsked", "approved", "approved", "released", "prepared", "pushing",
          "succeeded",
        ])
    try fixture.worker.stop()
  }

  private func remoteCommit(_ fixture: ApprovalFixture, _ tag: String) throws -> String {
    try fixture.remote.git("rev-parse", "\(tag)^{commit}")
  }

  @Test("nobody decides who may not, and who may not see it learns nothing")
  func attacks() throws {
    let fixture = try ApprovalFixture()
    let job = try fixture.ask()
    let cases: [(Account, [String], String, Int32)] = [
      (People.alice, ["approve", job], "own_request", 77),
      (People.alice, ["reject", job], "own_request", 77),
      (People.mallory, ["approve", job], "not_allowed", 77),
      (People.mallory, ["reject", job, "-m", "x"], "not_allowed", 77),
      (People.eve, ["approve", job], "unknown_job", 65), (People.eve, ["reject", job], "unknown_job", 65),
      (People.eve, ["job", "cancel", job], "unknown_job", 65),
      (People.eve, ["job", "status", job], "unknown_job", 65),
      (People.eve, ["job", "wait", job], "unknown_job", 65),
      (People.dave, ["approve", job], "unknown_job", 65),
      (People.dave, ["job", "status", job], "unknown_job", 65),
      (People.root, ["approve", job], "unknown_job", 65), (People.root, ["reject", job], "unknown_job", 65),
      (People.bob, ["job", "cancel", job], "unknown_job", 65),
      (People.bob, ["approve", "9\(job)"], "unknown_job", 65),
      (People.bob, ["approve", job, "-m", String(repeating: "x", count: 1025)], "invalid_parameter", 64),
      (People.bob, ["approve", job, "-m", "fine\u{1B}[2J"], "invalid_message", 64),
      (People.bob, ["reject", job, "-m", "no\u{202E}"], "invalid_message", 64),
    ]
    for (account, arguments, code, status) in cases {
      let run = try fixture.run(arguments + ["--json"], account)
      #expect(
        run.errorCode == code && run.exit == .exited(code: status), "\(account.uid) \(arguments): \(run)")
    }
    for account in [People.eve, People.dave, People.root] {
      let answer = try fixture.run(["approvals", "--json"], account).json
      #expect(answer == ["toApprove": [], "mine": []], "\(account.uid): \(answer)")
    }
    // The tenant's own others see it, and may take it back.
    #expect(
      try fixture.run(["approvals", "--json"], People.mallory).json["mine"]?[0]?["job"] == .string(job))
    #expect(try fixture.job(job)["approval"]?["approvals"] == [])
    #expect(try fixture.run(["job", "cancel", job, "--json"], People.mallory).json["state"] == "cancelled")
    #expect(try fixture.approve(job, People.bob).errorCode == "job_not_awaiting_approval")
    #expect(try fixture.tags() == [])
    try fixture.worker.stop()
  }

  /// What changes while a job waits.
  enum Change: String, CaseIterable {
    case branch, holder, versionName, sameVersion
  }

  @Test("what is not what was approved is not carried out", arguments: Change.allCases)
  func stale(change: Change) throws {
    let fixture = try ApprovalFixture()
    if change == .versionName {
      try fixture.remote.commit(files: ["README": "3\n"], time: 1_700_000_003)
    }
    let job =
      switch change {
      case .holder, .sameVersion: try fixture.ask()
      case .branch, .versionName: try fixture.ask("main", version: [])
      }
    #expect(try fixture.approve(job, People.bob).exit == .success)
    switch change {
    case .holder: try fixture.remote.tag("model#prod#1", at: "model@v1.0.0^{commit}")
    case .branch: try fixture.remote.commit(files: ["README": "4\n"], time: 1_700_000_004)
    // It can't even be planned now.
    case .sameVersion: try fixture.remote.tag("model#prod#1", at: "model@v2.0.0^{commit}")
    // The version that would be registered is taken by another commit now.
    case .versionName: try fixture.remote.tag("model@v2.0.1", at: "model@v1.0.0^{commit}^{commit}")
    }
    let before = try fixture.remote.tags()
    #expect(try fixture.approve(job, People.carol).exit == .success)
    let end = try fixture.run(["job", "wait", job, "--json"], People.alice)
    #expect(end.exit == .exited(code: 65) && end.errorCode == "approval_stale", "\(change): \(end)")
    let words = end.error["message"]?.stringValue ?? ""
    let expected =
      switch change {
      case .holder: "was none and is v1.0.0"
      case .sameVersion: "was none and is v2.0.0"
      case .branch, .versionName: " was "
      }
    #expect(words.contains(expected), "\(words)")
    #expect(try fixture.remote.tags() == before)
    try fixture.worker.stop()
  }

  @Test("whoever is told of a job before it is planned can approve it at once")
  func atOnce() throws {
    let fixture = try ApprovalFixture(approvals: "{ required: 1, approvers: [\"release\"] }")
    for round in 1...5 {
      let accepted = try fixture.run(
        [
          "--repo", "demo", "assign", "model", "--version", "v2.0.0", "--stage", "prod", "--force",
          "--no-wait",
          "--json",
        ], People.alice)
      let job = try #require(accepted.json["job"]?.stringValue, "\(accepted)")
      let waiting = try fixture.begin(["job", "wait", job], People.alice)
      #expect(try fixture.approve(job, People.mallory).errorCode == "not_allowed")
      let run = try fixture.approve(job, People.bob)
      #expect(run.exit == .success, "\(round): \(run)")
      #expect(try waiting.finish().exit == .success)
    }
    #expect(try fixture.tags().count == 5)
    try fixture.worker.stop()
  }

  @Test func rejection() throws {
    let fixture = try ApprovalFixture()
    let job = try fixture.ask()
    let waiting = try fixture.begin(["job", "wait", job, "--json"], People.alice)
    #expect(try fixture.approve(job, People.bob).exit == .success)
    let run = try fixture.run(["reject", job, "-m", "Not on a Friday", "--json"], People.carol)
    #expect(run.exit == .success && run.json["state"] == "rejected", "\(run)")
    #expect(try fixture.run(["reject", job, "-m", "Not on a Friday"], People.carol).exit == .success)
    let end = try waiting.finish()
    #expect(end.exit == .exited(code: 65), "\(end)")
    #expect(end.text.contains("approval_rejected") && end.text.contains("Not on a Friday"), "\(end)")
    let error = try fixture.job(job)["error"]
    #expect(error?["details"]?["by"]?["uid"] == 64_303 && error?["category"] == "refused", "\(error ?? nil)")
    #expect(try fixture.approve(job, People.frank).errorCode == "job_not_awaiting_approval")
    #expect(try fixture.tags() == [])
    try fixture.worker.stop()
    let effects = try fixture.worker.auditLines("--event", "effect", "--job", job)
    #expect(effects.map { $0["code"] } == ["approval_rejected"], "\(effects)")
    let rejections = try fixture.worker.auditLines("--event", "request", "--job", job)
      .filter { $0["action"] == "reject" }
    #expect(rejections.map { $0["outcome"] } == [nil, "unchanged"], "\(rejections)")
  }

  @Test("nobody approves after the time is over, also when the worker was away")
  func expiry() throws {
    let fixture = try ApprovalFixture(
      approvals: "{ required: 1, approvers: [\"release\"], expireSeconds: 2 }")
    let first = try fixture.ask()
    let end = try fixture.run(["job", "wait", first, "--json"], People.alice)
    #expect(end.exit == .exited(code: 65) && end.errorCode == "approval_expired", "\(end)")
    #expect(try fixture.approve(first, People.bob).errorCode == "approval_expired")
    let second = try fixture.ask()
    let expiresAt = try #require(try fixture.job(second)["approval"]?["expiresAt"]?.stringValue)
    try fixture.worker.crash()
    try Eventually.holds("the time has come") {
      timestamp(milliseconds: WallClock.milliseconds) > expiresAt
    }
    try fixture.worker.start()
    #expect(try fixture.job(second)["error"]?["code"] == "approval_expired")
    #expect(try fixture.tags() == [])
    // Both are in the audit log, the second by the worker that found it too late.
    try Eventually.holds("the ends are recorded") {
      let lines = try fixture.worker.auditLines().filter { $0["event"] == "effect" }
      return lines.map { $0["job"]?.stringValue } == [first, second]
        && lines.allSatisfy { $0["outcome"] == "rejected" && $0["code"] == "approval_expired" }
    }
    try fixture.worker.stop()
  }

  @Test("approvals survive a kill, and the job takes effect once")
  func crash() throws {
    let fixture = try ApprovalFixture()
    let job = try fixture.ask()
    let waiting = try fixture.begin(["job", "wait", job, "--json"], People.alice)
    for approver in [People.bob, People.carol] {
      #expect(try fixture.approve(job, approver).exit == .success)
      try fixture.worker.crash()
      try fixture.worker.start()
    }
    let end = try waiting.finish()
    #expect(end.exit == .success && end.text.contains("model#prod#1"), "\(end)")
    #expect(try fixture.tags() == ["model#prod#1"])
    #expect(try fixture.trailers("model#prod#1").filter { $0.contains("Approved-By") }.count == 2)
    try fixture.worker.stop()
  }
}
