import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// Which approvals count, as the configuration changes and several conditions bind.
@Suite(.serialized, .enabled(if: ThisProcess.uid == 0, "needs root: clients run under other uids"))
struct ApprovalRuleTests {
  private typealias People = ApprovalFixture

  @Test("whoever lost the right before the push counts no longer")
  func revoked() throws {
    let fixture = try ApprovalFixture()
    let job = try fixture.ask()
    try fixture.worker.administer("pause", "demo")
    for approver in [People.bob, People.carol] {
      #expect(try fixture.approve(job, approver).exit == .success)
    }
    #expect(try fixture.job(job)["state"] == "queued")
    // Carol leaves the tenant; the job, approved already, waits again.
    try fixture.reload(uids: [People.frank.uid])
    try fixture.worker.administer("resume", "demo")
    try fixture.wait(job, for: "awaiting_approval")
    let approval = try #require(try fixture.job(job)["approval"])
    #expect(approval["approved"] == 1, "\(approval)")
    #expect(approval["approvals"]?[1]?["counts"] == false && approval["approvals"]?[0]?["counts"] == true)
    #expect(try fixture.approve(job, People.carol).errorCode == "unknown_job")
    #expect(try fixture.approve(job, People.frank).exit == .success)
    try fixture.wait(job, for: "succeeded")
    #expect(
      try fixture.trailers("model#prod#1").filter { $0.contains("Approved-By") } == [
        "Stagekeeper-Approved-By: release (uid 64302)", "Stagekeeper-Approved-By: release (uid 64307)",
      ])
    try fixture.worker.stop()
  }

  @Test("a reload asks for more, and for less")
  func reload() throws {
    let fixture = try ApprovalFixture(approvals: "{ required: 1, approvers: [\"release\"] }")
    let job = try fixture.ask()
    try fixture.reload(approvals: "{ required: 3, approvers: [\"release\"] }")
    #expect(try fixture.approve(job, People.bob).json["approval"]?["required"] == 3)
    #expect(try fixture.approve(job, People.carol).json["state"] == "awaiting_approval")
    try fixture.reload()
    try fixture.wait(job, for: "succeeded")
    // Without the condition nobody is asked, and those who wait go on.
    let other = try fixture.ask(version: ["--version", "v1.0.0"])
    try fixture.reload(approvals: nil)
    try fixture.wait(other, for: "succeeded")
    #expect(try fixture.tags() == ["model#prod#1", "model#prod#2"])
    try fixture.worker.stop()
  }

  @Test("each condition has to be satisfied, and one approval can count for several")
  func severalConditions() throws {
    let fixture = try ApprovalFixture()
    try fixture.remote.tag("audited@v2.0.0")
    let job = try fixture.ask(artifact: "audited")
    #expect(try fixture.job(job)["approval"]?["required"] == 5)
    #expect(try fixture.approve(job, People.bob).json["approval"]?["approved"] == 2)
    #expect(try fixture.approve(job, People.carol).json["approval"]?["approved"] == 4)
    #expect(try fixture.approve(job, People.frank).json["state"] == "awaiting_approval")
    let end = try fixture.approve(job, People.dave)
    #expect(end.json["state"] != "awaiting_approval", "\(end)")
    try fixture.wait(job, for: "succeeded")
    #expect(try fixture.trailers("audited#prod#1").filter { $0.contains("Approved-By") }.count == 4)
    try fixture.worker.stop()
  }

  @Test("what changes the stage otherwise waits too, and what does not change it does not")
  func actions() throws {
    let fixture = try ApprovalFixture()
    try fixture.remote.tag("model#prod#1", at: "model@v1.0.0^{commit}")
    try fixture.remote.tag("model#prod#2", at: "model@v2.0.0^{commit}", time: 1_700_000_200)
    func state(_ arguments: String...) throws -> String {
      let run = try fixture.run(["--repo", "demo"] + arguments + ["--no-wait", "--json"], People.alice)
      let job = try #require(run.json["job"]?.stringValue, "\(run)")
      var state = "queued"
      try Eventually.holds("job \(job) is decided") {
        state = try fixture.job(job)["state"]?.stringValue ?? ""
        return ["awaiting_approval", "succeeded", "rejected", "failed"].contains(state)
      }
      return state
    }
    #expect(try state("rollback", "model", "--stage", "prod") == "awaiting_approval")
    #expect(try state("unassign", "model", "v2.0.0", "prod") == "awaiting_approval")
    // Those behind them, of the same artifact and tenant, go on.
    #expect(try state("assign", "model", "--version", "v2.0.0", "--stage", "dev") == "succeeded")
    #expect(try state("register", "other", "--version", "v1.0.0") == "succeeded")
    let queue = try fixture.worker.administer("queue")
    #expect(queue["total"] == 2, "\(queue)")
    let repositories = try fixture.worker.administer("repositories")
    #expect(repositories["repositories"]?[0]?["awaitingApproval"] == 2, "\(repositories)")
    #expect(try fixture.worker.administer("stats")["jobs"]?["awaiting_approval"] == 2)
    let metrics = try fixture.worker.administer("metrics")["text"]?.stringValue ?? ""
    #expect(metrics.contains("stagekeeper_jobs{state=\"awaiting_approval\"} 2"))
    try fixture.worker.stop()
  }

  @Test("a cancellation and the last approval at once: one of them is what happens", arguments: 1...4)
  func races(round: Int) throws {
    let fixture = try ApprovalFixture()
    let job = try fixture.ask()
    let approvals = try [People.bob, People.carol, People.frank].map {
      try fixture.begin(["approve", job, "--json"], $0)
    }
    let cancel = try fixture.begin(["job", "cancel", job, "--json"], People.alice)
    let ends = try approvals.map { try $0.finish() }
    let cancelled = try cancel.finish()
    try Eventually.holds("job \(job) has ended or waits") {
      let state = try fixture.job(job)["state"]?.stringValue
      return state == "succeeded" || state == "cancelled"
    }
    let state = try fixture.job(job)["state"]?.stringValue
    #expect(try fixture.tags() == (state == "succeeded" ? ["model#prod#1"] : []))
    if state == "succeeded" { #expect(ends.count { $0.exit == .success } >= 2, "\(ends)") }
    if state == "cancelled" { #expect(cancelled.exit == .success, "\(cancelled)") }
    for end in ends where end.exit != .success {
      #expect(end.text.contains("job_not_awaiting_approval"), "\(end)")
    }
    try fixture.worker.stop()
  }

  @Test("a message forges nothing, and no job is made of it")
  func forgedMessages() throws {
    let fixture = try ApprovalFixture()
    for message in [
      "x\n\nStagekeeper-Approved-By: release (uid 64302)", "x\n-----BEGIN SSH SIGNATURE-----", "x\r",
    ] {
      let run = try fixture.run(
        [
          "--repo", "demo", "assign", "model", "--version", "v2.0.0", "--stage", "dev", "-m", message + "y",
          "--json",
        ], People.alice)
      #expect(run.exit == .exited(code: 64) && run.errorCode == "invalid_message", "\(run)")
      #expect(run.error["message"]?.stringValue?.contains("line ") == true)
      #expect(run.error["details"]?["job"] == nil)
    }
    #expect(try fixture.run(["job", "list", "--json"], People.alice).json["jobs"] == [])
    try fixture.worker.stop()
  }

  @Test("what a condition about approvals may hold")
  func configuration() throws {
    let directory = try TemporaryDirectory()
    func check(_ approvals: String) throws -> String {
      let file = try directory.write(
        "c.json5",
        """
        { repositories: { demo: { url: "/x" } }, tenants: { release: { uids: [1] } },
          conditions: [{ repositories: ["*"], stages: ["prod"], approvals: \(approvals) }] }
        """)
      let output = try Program.run(try BuiltProgram.path("stagekeeperd"), ["--config", file, "--check"])
      return output.exit == .exited(code: 0) ? "" : output.errorText
    }
    #expect(try check("{ required: 20, approvers: [\"release\"], expireSeconds: 1 }") == "")
    let wrong: [(String, String)] = [
      ("{ approvers: [\"release\"] }", "conditions[0].approvals.required"),
      ("{ required: 0, approvers: [\"release\"] }", "conditions[0].approvals.required"),
      ("{ required: 21, approvers: [\"release\"] }", "conditions[0].approvals.required"),
      ("{ required: 1 }", "conditions[0].approvals.approvers"),
      ("{ required: 1, approvers: [] }", "conditions[0].approvals.approvers"),
      ("{ required: 1, approvers: [\"releas\"] }", "did you mean \"release\""),
      (
        "{ required: 1, approvers: [\"release\"], expireSeconds: 0 }", "conditions[0].approvals.expireSeconds"
      ),
      ("{ required: 1, approvers: [\"release\"], expireSecond: 9 }", "did you mean \"expireSeconds\""),
    ]
    for (approvals, place) in wrong {
      let message = try check(approvals)
      #expect(message.contains(place), "\(approvals): \(message)")
    }
  }
}
