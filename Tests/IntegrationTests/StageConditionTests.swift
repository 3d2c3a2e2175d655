import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// What a configuration demands of a version before it may go to a stage, with a real worker and a real Git
/// repository.
@Suite(.serialized)
struct StageConditionTests {
  private static func configuration(_ remote: GitFixture, _ conditions: String, more: String = "") -> String {
    """
    repositories: { demo: { url: "\(remote.path)" \(more) } },
    tenants: { me: { uids: [\(ThisProcess.uid)] } },
    grants: [{ tenants: ["me"], repositories: ["*"], actions: ["*"] }],
    conditions: [\(conditions)]
    """
  }

  /// Has a worker without conditions take these.
  private static func reload(_ worker: WorkerFixture, _ conditions: String) throws {
    let file = worker.directory.appending("stagekeeper.json5")
    let text = String(decoding: try Files.read(file, limit: 1 << 20), as: UTF8.self)
    let place = try #require(text.firstRange(of: "conditions: []"))
    let new = text[..<place.lowerBound] + "conditions: [\(conditions)]" + text[place.upperBound...]
    try Files.replace(file, with: Array(new.utf8))
    try worker.administer("reload")
  }

  private func remote() throws -> GitFixture {
    let remote = try GitFixture(files: ["artifacts.yaml": "churn:\n  type: model\n  path: churn.pkl\n"])
    try remote.tag("churn@v1.0.0")
    return remote
  }

  private func assign(_ worker: WorkerFixture, _ stage: String, _ more: String...) throws -> CommandRun {
    try worker.stagekeeper(
      ["assign", "churn", "--version", "v1.0.0", "--stage", stage, "--json"] + more)
  }

  private func isRefused(_ run: CommandRun, by rule: String) -> Bool {
    run.exit == .exited(code: 65) && run.errorCode == "condition_not_met"
      && run.error["details"]?["rule"] == .string(rule)
  }

  @Test("a version goes through the stages that it has to have been in, and force changes nothing")
  func from() throws {
    let remote = try remote()
    let worker = try WorkerFixture(
      configuration: Self.configuration(
        remote, #"{ repositories: ["*"], stages: ["prod*"], from: ["staging", "canary-?"] }"#))
    for more in [[], ["--force"], ["--dry-run"]] {
      let run = try worker.stagekeeper(
        ["assign", "churn", "--version", "v1.0.0", "--stage", "prod", "--json"] + more)
      #expect(isRefused(run, by: "conditions[0].from"), "\(run)")
      #expect(run.everything.contains("'staging' or 'canary-?'"), "\(run)")
    }
    #expect(try assign(worker, "staging").exit == .success)
    let plan = try assign(worker, "prod", "--dry-run").json
    #expect(plan["reasons"]?.arrayValue?.contains("conditions[0].from is fulfilled") == true, "\(plan)")
    // Has been there is enough.
    #expect(
      try worker.stagekeeper("unassign", "churn", "v1.0.0", "staging").exit == .success
        && assign(worker, "prod").exit == .success)
    // Of one batch, what rests on a tag before it is pushed after that has landed.
    try remote.commit(files: ["README": "1"])
    try remote.tag("later@v1.0.0")
    try worker.administer("pause", "demo")
    var jobs: [String] = []
    for stage in ["staging", "prod"] {
      let job = try worker.stagekeeper(
        "assign", "later", "--version", "v1.0.0", "--stage", stage, "--no-wait", "--json")
      jobs.append(try #require(job.json["job"]?.stringValue, "\(job)"))
    }
    let before = try worker.administer("stats")["pushes"]?["total"]?.integerValue ?? 0
    try worker.administer("resume", "demo")
    for job in jobs { #expect(try worker.stagekeeper("job", "wait", job).exit == .success) }
    #expect(try worker.administer("stats")["pushes"]?["total"]?.integerValue == before + 2)
    // Another version does not profit.
    try remote.commit(files: ["README": "2"])
    try remote.tag("churn@v2.0.0")
    let other = try worker.stagekeeper(
      "assign", "churn", "--version", "v2.0.0", "--stage", "prod", "--json")
    #expect(isRefused(other, by: "conditions[0].from"), "\(other)")
    #expect(try remote.tags().filter { $0.contains("#prod") } == ["churn#prod#3", "later#prod#2"])
    try worker.stop()
  }

  @Test("the commit has to be on one of the branches as they are now")
  func branches() throws {
    let remote = try remote()
    try remote.git("branch", "feature/x", "main")
    try remote.commit(files: ["README": "2"], branch: "feature/x")
    try remote.tag("churn@v1.1.0", at: "feature/x")
    let worker = try WorkerFixture(
      configuration: Self.configuration(
        remote, #"{ repositories: ["demo"], stages: ["prod"], branches: ["main", "release/*"] }"#))
    // An ancestor of the tip counts.
    try remote.commit(files: ["README": "3"])
    #expect(try assign(worker, "prod").exit == .success)
    func other() throws -> CommandRun {
      try worker.stagekeeper("assign", "churn", "--version", "v1.1.0", "--stage", "prod", "--json")
    }
    #expect(isRefused(try other(), by: "conditions[0].branches"))
    #expect(
      try worker.stagekeeper("assign", "churn", "--version", "v1.1.0", "--stage", "dev").exit == .success)
    try remote.git("branch", "release/1.1", "feature/x")
    let now = try other()
    #expect(now.exit == .success, "\(now)")
    try worker.stop()
  }

  @Test("the annotated type counts at the version's own commit")
  func types() throws {
    let remote = try remote()
    try remote.commit(files: ["artifacts.yaml": "churn:\n  type: dataset\n  path: churn.csv\n"])
    try remote.tag("churn@v2.0.0")
    try remote.tag("other@v1.0.0")
    let worker = try WorkerFixture(
      configuration: Self.configuration(
        remote, #"{ repositories: ["*"], stages: ["prod"], types: ["model"] }"#))
    #expect(try assign(worker, "prod").exit == .success)
    try remote.commit(files: ["artifacts.yaml": "churn: [\n"])
    try remote.tag("churn@v3.0.0")
    for (name, version) in [("churn", "v2.0.0"), ("other", "v1.0.0"), ("churn", "v3.0.0")] {
      let run = try worker.stagekeeper("assign", name, "--version", version, "--stage", "prod", "--json")
      #expect(isRefused(run, by: "conditions[0].types"), "\(run)")
      #expect(run.everything.contains("artifacts.yaml:2:") == (version == "v3.0.0"), "\(run)")
    }
    try worker.stop()
  }

  @Test("nothing changes in a frozen stage, and a window that is past freezes nothing")
  func freeze() throws {
    let always = #"{ days: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], reason: "year's end" }"#
    let remote = try remote()
    try remote.tag("churn#prod#1")
    let worker = try WorkerFixture(
      configuration: Self.configuration(
        remote,
        """
        { repositories: ["*"], stages: ["prod"], freeze: [\(always)] },
        { repositories: ["*"], stages: ["soon"],
          freeze: [{ from: "2001-01-01T00:00:00Z", until: "9998-01-01T00:00:00+01:00" }] },
        { repositories: ["*"], stages: ["dev"],
          freeze: [{ from: "2001-01-01T00:00:00Z", until: "2001-01-02T00:00:00Z" }] },
        """))
    let run = try assign(worker, "prod", "--force")
    #expect(isRefused(run, by: "conditions[0].freeze") && run.everything.contains("year's end"), "\(run)")
    let unassign = try worker.stagekeeper("unassign", "churn", "v1.0.0", "prod", "--json")
    #expect(isRefused(unassign, by: "conditions[0].freeze"), "\(unassign)")
    let soon = try assign(worker, "soon")
    #expect(isRefused(soon, by: "conditions[1].freeze"), "\(soon)")
    #expect((soon.error["retryAfter"]?.integerValue ?? 0) > 86_400, "\(soon)")
    let dev = try assign(worker, "dev")
    #expect(dev.exit == .success, "\(dev)")
    #expect(try remote.tags() == ["churn#dev#2", "churn#prod#1", "churn@v1.0.0"])
    try worker.stop()
  }

  @Test("a request key that is known gets its job back although the stage was frozen since")
  func keyInFreeze() throws {
    let remote = try remote()
    let worker = try WorkerFixture(configuration: Self.configuration(remote, ""))
    func keyed(_ key: String) throws -> CommandRun {
      try assign(worker, "prod", "--force", "--request-key", key)
    }
    let first = try keyed("one")
    try Self.reload(
      worker,
      #"{ repositories: ["*"], stages: ["*"], freeze: [{ from: "2001-01-01T00:00:00Z", until: "9998-01-01T00:00:00Z" }] }"#
    )
    let again = try keyed("one")
    #expect(again.exit == .success && again.json["job"] == first.json["job"], "\(again)")
    #expect(isRefused(try keyed("two"), by: "conditions[0].freeze"))
    try worker.stop()
  }

  @Test("a stage that takes signed promotions only takes no others")
  func signed() throws {
    let repository = try SignedRepository()
    try repository.remote.tag("churn@v1.0.0")
    let condition = #"{ repositories: ["*"], stages: ["prod"], signed: true }"#
    let unsigned = try WorkerFixture(configuration: Self.configuration(repository.remote, condition))
    #expect(isRefused(try assign(unsigned, "prod"), by: "conditions[0].signed"))
    try unsigned.stop()
    let key = try repository.key("ed25519")
    let signers = try repository.directory.write(
      "signers", try SignedRepository.signer("ed25519", "stagekeeper@localhost"))
    let worker = try WorkerFixture(
      configuration: Self.configuration(
        repository.remote, condition,
        more: """
          , signing: { format: "ssh", keyFile: "\(key)" }, verification: { allowedSignersFile: "\(signers)" }
          """))
    // Somebody else registered this version, without a signature.
    let run = try assign(worker, "prod")
    #expect(isRefused(run, by: "conditions[0].signed") && run.everything.contains("churn@v1.0.0"), "\(run)")
    try repository.remote.commit(files: ["README": "2"])
    #expect(try worker.stagekeeper("register", "churn", "--version", "v2.0.0").exit == .success)
    let good = try worker.stagekeeper("assign", "churn", "--version", "v2.0.0", "--stage", "prod", "--json")
    #expect(good.exit == .success, "\(good)")
    try repository.remote.tag("churn#prod#9", at: "main")
    // A commit that has no version, and gets none, has nothing that could be signed.
    try repository.remote.commit(files: ["README": "x"])
    let bare = try worker.stagekeeper(
      "assign", "churn", "main", "--stage", "prod", "--skip-registration", "--json")
    #expect(isRefused(bare, by: "conditions[0].signed"), "\(bare)")
    // One that is registered in the same push is the worker's own.
    try repository.remote.commit(files: ["README": "3"])
    #expect(try worker.stagekeeper("assign", "churn", "main", "--stage", "prod").exit == .success)
    // What somebody else put there is reported, and only that: other tags need no signature.
    let verdict = try worker.stagekeeper("verify", "churn#prod#9", "--json").json
    #expect(verdict["verdict"] == "unsigned" && verdict["required"] == true, "\(verdict)")
    #expect(try worker.stagekeeper("verify", "churn@v1.0.0", "--json").json["required"] == false)
    let findings = try worker.stagekeeper("doctor", "--json").json["findings"]?.arrayValue ?? []
    let reported = findings.filter { $0["code"] == "unsigned_tag" }.compactMap { $0["ref"]?.stringValue }
    #expect(reported == ["churn#prod#9"], "\(findings)")
    try worker.stop()
  }

  @Test("the administrator is told which rule allows or denies, and what has to hold besides")
  func explains() throws {
    let remote = try remote()
    let worker = try WorkerFixture(
      configuration: """
        repositories: { demo: { url: "\(remote.path)" } },
        tenants: { ci: { uids: [64321] }, ops: { users: ["daemon"] } },
        grants: [
          { tenants: ["ops"], repositories: ["*"], actions: ["*"] },
          { tenants: ["ci"], repositories: ["demo"], artifacts: ["churn*"], actions: ["assign"], stages: ["dev"] },
        ],
        conditions: [{ repositories: ["*"], stages: ["dev"], from: ["x"], freeze: [{ days: ["mon"] }] }]
        """)
    func ask(_ arguments: String...) throws -> JSONValue {
      try worker.administer(["policy", "explain", "--repo", "demo"] + arguments)
    }
    let dev = try ask("assign", "churn", "--stage", "dev", "--uid", "64321")
    #expect(dev["allowed"] == true && dev["rule"] == "grants[1]" && dev["tenants"] == ["ci"], "\(dev)")
    #expect(dev["conditions"] == ["conditions[0].from", "conditions[0].freeze"], "\(dev)")
    #expect(try ask("assign", "--stage", "dev", "--uid", "64321")["conditions"] == dev["conditions"])
    let prod = try ask("assign", "churn", "--stage", "prod", "--tenant", "ci")
    #expect(prod["allowed"] == false && prod["rule"] == "none", "\(prod)")
    #expect(prod["grants"]?[0]?["mismatch"] == "tenants" && prod["grants"]?[1]?["mismatch"] == "stages")
    #expect(try ask("unassign", "other", "--stage", "dev", "--user", "daemon")["rule"] == "grants[0]")
    #expect(try ask("read", "--uid", "0")["tenants"] == [])
    // What the repository does not allow, no grant does; and to approve is for approvers.
    #expect(try ask("delete", "churn", "--tenant", "ops")["rule"] == "repositories.demo.allowDelete")
    #expect(try ask("approve", "churn", "--stage", "dev", "--tenant", "ops")["allowed"] == false)
    #expect(throws: (any Error).self) { try ask("read", "--tenant", "opps") }
    let unknown = #expect(throws: (any Error).self) {
      try worker.administer("policy", "explain", "--repo", "demmo", "read", "--uid", "0")
    }
    #expect("\(String(describing: unknown))".contains("unknown_repository"))
    #expect(throws: (any Error).self) { try ask("read", "--user", "nobody-of-this-name") }
    try worker.stop()
  }

  @Test(
    "a configuration is checked without a worker",
    .disabled(if: Sanitizer.isOn, "what checks it is started without the sanitizer's options"))
  func checksConfigurations() throws {
    let directory = try TemporaryDirectory()
    func check(_ text: String, _ options: String...) throws -> Program.Output {
      try Program.run(
        try BuiltProgram.path("stagekeeper-admin"),
        ["config", "check", try directory.write("worker.json5", text)] + options)
    }
    let good = try check("{ repositories: { demo: { url: '/nowhere' } } }")
    #expect(good.exit == .success && good.text.contains("good"), "\(good)")
    let json = try JSONValue(
      parsing: Array(
        try check(
          """
          { repositories: { demo: { url: '/nowhere' } }, tenants: { ci: { uids: [1] } },
            grants: [{ tenants: ['ci'], repositories: ['demo'], actions: ['read'], stages: ['x'] }] }
          """, "--json"
        ).text.utf8))
    #expect(json["repositories"] == 1, "\(json)")
    #expect(json["warnings"] == ["grants[0].stages: none of its actions is about a stage"], "\(json)")
    #expect(json["policy"]?.arrayValue?.isEmpty == false, "\(json)")
    let bad = try check(
      "{ repositories: { demo: { url: '/nowhere' } }, conditions: [{ repositories: ['*'], stages: ['x'], form: ['y'] }] }"
    )
    #expect(bad.exit == .exited(code: 78) && bad.errorText.contains("did you mean \"from\"?"), "\(bad)")
  }

  @Test("what changes who holds a stage is bound by that stage's rules, whatever it is called")
  func otherStages() throws {
    let remote = try remote()
    try remote.commit(files: ["README": "2"])
    try remote.tag("churn@v2.0.0", time: 1_700_000_300)
    for (number, version) in [(1, "v1.0.0"), (2, "v2.0.0")] {
      try remote.tag("churn#prod#\(number)", at: "churn@\(version)^{commit}", time: 1_700_000_400 + number)
    }
    let grants = """
      repositories: { demo: { url: "\(remote.path)" } }, tenants: { ops: { uids: [\(ThisProcess.uid)] } },
      """
    func refusal(_ rules: String, _ arguments: [String]) throws -> CommandRun {
      let worker = try WorkerFixture(configuration: grants + rules)
      let run = try worker.stagekeeper(arguments + ["--json"])
      try worker.stop()
      return run
    }
    let all = #"grants: [{ tenants: ["ops"], repositories: ["*"], actions: ["*"] }],"#
    let approval =
      #"{ repositories: ["*"], stages: ["prod"], approvals: { required: 1, approvers: ["ops"] } }"#
    let frozen =
      #"{ repositories: ["*"], stages: ["prod"], freeze: [{ from: "2020-01-01T00:00:00Z", until: "2099-01-01T00:00:00Z" }] }"#
    for arguments in [["deregister", "churn", "v2.0.0"], ["deprecate", "churn"]] {
      let unapproved = try refusal("\(all) conditions: [\(approval)],", arguments)
      #expect(isRefused(unapproved, by: "conditions[0].approvals"), "\(unapproved)")
    }
    let late = try refusal("\(all) conditions: [\(frozen)],", ["deregister", "churn", "v2.0.0"])
    #expect(isRefused(late, by: "conditions[0].freeze"), "\(late)")
    let dev = #"grants: [{ tenants: ["ops"], repositories: ["*"], actions: ["*"], stages: ["dev"] }],"#
    let foreign = try refusal(dev, ["deregister", "churn", "v2.0.0"])
    #expect(foreign.exit == .exited(code: 77) && foreign.errorCode == "not_allowed", "\(foreign)")
    // Another stage's rules bind nothing, and neither do these where no stage changes hands.
    let other = approval.replacing("prod", with: "dev")
    #expect(
      try refusal("\(all) conditions: [\(other)],", ["deregister", "churn", "v1.0.0"]).exit == .success)
    try remote.commit(files: ["README": "3"])
    #expect(try refusal("\(dev) conditions: [\(approval)],", ["register", "churn"]).exit == .success)
    #expect(try remote.tags().contains("churn@v2.0.1") && !remote.tags().contains("churn@v2.0.0!"))
  }

  @Test("a condition that a reload brings binds jobs that wait, and every condition that matches binds")
  func reload() throws {
    let remote = try remote()
    let worker = try WorkerFixture(configuration: Self.configuration(remote, ""))
    try worker.administer("pause", "demo")
    let job = try worker.stagekeeper(
      "assign", "churn", "--version", "v1.0.0", "--stage", "prod", "--no-wait", "--json")
    let id = try #require(job.json["job"]?.stringValue, "\(job)")
    try Self.reload(
      worker,
      #"""
      { repositories: ["*"], stages: ["prod"], branches: ["main"] },
      { repositories: ["demo"], artifacts: ["chur*"], stages: ["*"], from: ["never"] }
      """#)
    try worker.administer("resume", "demo")
    let end = try worker.stagekeeper("job", "wait", id, "--json")
    #expect(isRefused(end, by: "conditions[1].from"), "\(end)")
    #expect(try remote.tags() == ["churn@v1.0.0"])
    try worker.stop()
  }
}
