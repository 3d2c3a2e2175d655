import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// `--delete`: tags are deleted where the configuration allows it, once, and by those who may.
@Suite(.serialized)
struct DeletionTests {
  private let remote: GitFixture

  /// Two versions, the first of which went through `dev` to `prod`.
  init() throws {
    remote = try GitFixture()
    try remote.tag("churn@v1.0.0", time: 1_700_000_100)
    try remote.tag("churn#dev#1", time: 1_700_000_200)
    try remote.tag("churn#prod#2", time: 1_700_000_300)
    try remote.tag("other@v1.0.0", time: 1_700_000_400)
    try remote.commit(files: ["README": "2\n"], time: 1_700_000_500)
    try remote.tag("churn@v2.0.0", time: 1_700_000_600)
  }

  private func makeWorker(
    _ repository: String = "allowDelete: true", actions: String = #"["*"]"#, stages: String = "",
    more: String = ""
  ) throws -> WorkerFixture {
    try WorkerFixture(
      configuration: """
        repositories: { demo: { url: "\(remote.path)", \(repository) } },
        tenants: { me: { uids: [\(ThisProcess.uid)] } },
        grants: [{ tenants: ["me"], repositories: ["demo"], actions: \(actions), \(stages) }],
        limits: { backoffMilliseconds: 50, backoffMaximumSeconds: 1 },
        \(more)
        """)
  }

  private func delete(_ worker: WorkerFixture, _ arguments: String...) throws -> CommandRun {
    try worker.stagekeeper(["deprecate"] + arguments + ["--delete", "--json"])
  }

  private func deleted(_ value: JSONValue) -> [String] {
    (value["deletedTags"]?.arrayValue ?? []).compactMap { $0["ref"]?.stringValue }
  }

  private static let everything = [
    "churn#dev#1", "churn#prod#2", "churn@v1.0.0", "churn@v2.0.0", "other@v1.0.0",
  ]

  @Test("nothing is deleted where the configuration does not say so")
  func notAllowed() throws {
    let worker = try makeWorker("")
    for more in [[], ["--dry-run"], ["--force"]] {
      let run = try worker.stagekeeper(["deprecate", "churn", "--delete", "--json"] + more)
      #expect(run.exit == .exited(code: 65) && run.errorCode == "deletion_not_allowed", "\(run)")
    }
    #expect(try remote.tags() == Self.everything)
  }

  @Test("a stage, a version, an artifact: what would be deleted, in order, and what is")
  func forms() throws {
    let worker = try makeWorker()
    let forms: [(words: [String], tags: [String])] = [
      (["churn", "v1.0.0", "dev"], ["churn#dev#1"]),
      (["churn", "v1.0.0"], ["churn@v1.0.0", "churn#prod#2"]),
      (["churn"], ["churn@v2.0.0"]),
    ]
    for form in forms {
      let before = try remote.tags()
      let objects = try form.tags.map { try remote.ref("refs/tags/\($0)") }
      let plan = try worker.stagekeeper(["deprecate"] + form.words + ["--delete", "--json", "--dry-run"])
      #expect(deleted(plan.json) == form.tags, "\(plan)")
      #expect(try remote.tags() == before)
      let run = try worker.stagekeeper(["deprecate"] + form.words + ["--delete", "--json"])
      #expect(deleted(run.json) == form.tags && run.json["delete"] == true, "\(run)")
      #expect(run.json["deletedTags"]?.arrayValue?.map { $0["objectId"]?.stringValue } == objects)
      #expect(try remote.tags() == before.filter { !form.tags.contains($0) })
    }
    let gone = try delete(worker, "churn")
    #expect(gone.errorCode == "unknown_artifact", "\(gone)")
    let said = try worker.stagekeeper("deprecate", "other", "v1.0.0", "--delete")
    #expect(said.text.hasPrefix("Deleted git tag 'other@v1.0.0'\nPushed to repository 'demo'"), "\(said)")
    let lines =
      try JSONValue(
        parsing: Program.run(
          try BuiltProgram.path("stagekeeper-admin"),
          ["audit", "show", "\(worker.stateDirectory)/audit", "--json"]
        ).standardOutput, maximumDepth: 16)["lines"]?.arrayValue ?? []
    let effects = lines.filter {
      $0["event"] == "effect" && $0["action"] == "delete" && $0["outcome"] == "pushed"
    }
    #expect(
      effects.compactMap { $0["ref"]?.stringValue }
        == forms.flatMap(\.tags) + ["other@v1.0.0"], "\(lines)")
  }

  @Test("a grant without the action, or not for all stages that would change, deletes nothing")
  func grants() throws {
    let without = try makeWorker(
      actions: #"["read", "register", "assign", "unassign", "deregister", "deprecate"]"#)
    #expect(try delete(without, "churn").errorCode == "not_allowed")
    let narrow = try makeWorker(stages: #"stages: ["dev"]"#)
    #expect(try delete(narrow, "churn").errorCode == "not_allowed")
    #expect(try delete(narrow, "churn", "v1.0.0", "prod").errorCode == "not_allowed")
    #expect(try remote.tags() == Self.everything)
    #expect(try deleted(delete(narrow, "churn", "v1.0.0", "dev").json) == ["churn#dev#1"])
  }

  @Test("a frozen stage and one that needs approval keep their tags")
  func conditions() throws {
    let worker = try makeWorker(
      more: """
        conditions: [
          { repositories: ["*"], stages: ["dev"], freeze: [{ from: "2020-01-01T00:00:00Z", until: "2999-01-01T00:00:00Z" }] },
          { repositories: ["*"], stages: ["prod"], approvals: { required: 1, approvers: ["me"] } },
        ],
        """)
    let frozen = try delete(worker, "churn", "v1.0.0", "dev")
    #expect(frozen.error["details"]?["rule"] == "conditions[0].freeze", "\(frozen)")
    let whole = try delete(worker, "churn", "v1.0.0")
    #expect(whole.errorCode == "condition_not_met", "\(whole)")
    let job = try worker.stagekeeper(
      "deprecate", "churn", "v1.0.0", "prod", "--delete", "--json", "--no-wait"
    ).json["job"]?.stringValue
    try worker.waitForJob(try #require(job), state: "awaiting_approval")
    #expect(try worker.stagekeeper("approvals").text.contains("unassign --delete"))
    #expect(try remote.tags() == Self.everything)
  }

  @Test("a server that keeps its tags is quoted")
  func denied() throws {
    try remote.installHook("update", "case $3 in *[!0]*) ;; *) echo \"$1 stays\"; exit 1;; esac")
    let run = try delete(try makeWorker(), "churn", "v2.0.0")
    #expect(
      run.errorCode == "remote_refused" && run.everything.contains("refs/tags/churn@v2.0.0 stays"), "\(run)")
    #expect(try remote.tags() == Self.everything)
  }

  @Test("what is deleted and made again in one batch is there in the end")
  func again() throws {
    let worker = try makeWorker("allowDelete: true, tagsPerPush: 10")
    let old = try remote.ref("refs/tags/churn@v2.0.0")
    try worker.administer("pause", "demo")
    let commands = [
      ["deprecate", "churn", "v2.0.0", "--delete"], ["register", "churn", "--version", "v2.0.0"],
      ["assign", "churn", "--version", "v2.0.0", "--stage", "dev"],
    ]
    let jobs = try commands.map { command in
      try #require(try worker.stagekeeper(command + ["--no-wait", "--json"]).json["job"]?.stringValue)
    }
    try worker.administer("resume", "demo")
    for job in jobs { #expect(try worker.stagekeeper("job", "wait", job).exit == .success) }
    let new = try remote.ref("refs/tags/churn@v2.0.0")
    #expect(new != nil && new != old)
    #expect(try remote.ref("refs/tags/churn#dev#3") != nil)
  }

  @Test("somebody else is faster, between the advertisement and the deletion")
  func race() throws {
    try remote.installHook("pre-receive", "rm -f refs/tags/churn@v2.0.0")
    let run = try delete(try makeWorker(), "churn", "v2.0.0")
    #expect(deleted(run.json) == ["churn@v2.0.0"], "\(run)")
    #expect(try !remote.tags().contains("churn@v2.0.0"))
  }

  @Test("a worker that is killed while the server holds the deletion finishes it")
  func crash() throws {
    let gate = try TemporaryDirectory()
    try remote.installHook(
      "pre-receive",
      "touch \(gate.path)/here; while [ ! -e \(gate.path)/gate ]; do sleep 0.05; done; echo x >> \(gate.path)/done"
    )
    let worker = try makeWorker()
    let job = try #require(
      try worker.stagekeeper("deprecate", "churn", "--delete", "--no-wait", "--json").json["job"]?.stringValue
    )
    try Eventually.holds("the server has the push") { try Files.kind(of: gate.appending("here")) != nil }
    let intents = try #require(try worker.administer("job", job)["intents"]?.arrayValue)
    #expect(intents.count == 4 && intents.allSatisfy { $0["delete"] == true })
    try worker.crash()
    try gate.write("gate", "")
    try worker.start()
    try worker.waitForJob(job, state: "succeeded")
    let end = try worker.ask("job", "status", job)
    #expect(deleted(end) == ["churn@v1.0.0", "churn#dev#1", "churn#prod#2", "churn@v2.0.0"], "\(end)")
    #expect(try remote.tags() == ["other@v1.0.0"])
  }
}
