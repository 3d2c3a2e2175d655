import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// Who may do what, decided by real user and group ids. Needs the superuser, who alone can be somebody else.
@Suite(.serialized, .enabled(if: ThisProcess.uid == 0, "needs root: clients run under other uids"))
struct IdentityTests {
  private static let alice = Account(uid: 64_101, gid: 64_201)
  private static let member = Account(uid: 64_102, gid: 64_202, groups: [64_203, 64_210])
  private static let primary = Account(uid: 64_103, gid: 64_210)
  private static let stranger = Account(uid: 64_104, gid: 64_204)
  private static let superuser = Account(uid: 0, gid: 64_210, groups: [64_210])
  private static let nobody = Account(uid: 65_534, gid: 64_210, groups: [64_210])

  private static let configuration = """
    tenants: {
      person: { uids: [64101] },
      team: { gids: [64210] },
      named: { users: ["daemon"] },
    },
    grants: [
      { tenants: ["person"], repositories: ["de*"], artifacts: ["churn*"], actions: ["assign", "register", "read"],
        stages: ["dev", "stag*"] },
      { tenants: ["team", "named"], repositories: ["demo"], actions: ["read"] },
    ],
    """

  private func makeWorker(_ remote: GitFixture) throws -> WorkerFixture {
    try WorkerFixture(
      configuration:
        "repositories: { demo: { url: \"\(remote.path)\" }, other: { url: \"\(remote.path)\" } },"
        + Self.configuration)
  }

  @Test func decisions() throws {
    let remote = try GitFixture(files: ["README": "x"])
    try remote.tag("churn@v1.0.0")
    let worker = try makeWorker(remote)
    func status(_ account: Account, _ arguments: String..., repo: String = "demo") throws -> Int32? {
      let all = ["--socket", worker.clientSocket, "--repo", repo] + arguments
      let output = try Program.run(
        "setpriv", account.options + [try BuiltProgram.path("stagekeeper")] + all)
      guard case .exited(let code) = output.exit else { return nil }
      return code
    }
    // By user: artifact, action and stage patterns.
    #expect(try status(Self.alice, "assign", "churn", "--version", "v1.0.0", "--stage", "dev") == 0)
    #expect(try status(Self.alice, "assign", "churn", "--version", "v1.0.0", "--stage", "staging") == 0)
    #expect(try status(Self.alice, "assign", "churn", "--version", "v1.0.0", "--stage", "prod") == 77)
    #expect(try status(Self.alice, "register", "churn-eu", "--version", "v1.0.0") == 0)
    #expect(try status(Self.alice, "register", "fraud", "--version", "v1.0.0") == 77)
    #expect(try status(Self.alice, "deprecate", "churn") == 77)
    #expect(try status(Self.alice, "show", "churn") == 0)
    #expect(try status(Self.alice, "show", "churn", repo: "other") == 77)
    // By group, supplementary or primary: reading only.
    for account in [Self.member, Self.primary] {
      #expect(try status(account, "show", "churn") == 0)
      #expect(try status(account, "assign", "churn", "--version", "v1.0.0", "--stage", "dev") == 77)
    }
    // Nobody else: not strangers, not the superuser and not the overflow uid by a group.
    for account in [Self.stranger, Self.superuser, Self.nobody] {
      #expect(try status(account, "show", "churn") == 77)
      #expect(try status(account, "register", "churn-x", "--version", "v1.0.0") == 77)
      // Nor is the command line wrong where no repository is named, for none is open to them.
      let run = try worker.stagekeeper("show", as: account)
      #expect(run.exit == .exited(code: 77), "\(run)")
    }
    #expect(Set(try remote.tags()) == ["churn@v1.0.0", "churn#dev#1", "churn#staging#2", "churn-eu@v1.0.0"])
    try worker.stop()
  }

  @Test("the same words whether there is no such repository or no grant")
  func wording() throws {
    let remote = try GitFixture()
    let worker = try makeWorker(remote)
    func words(_ repository: String) throws -> String {
      let run = try worker.stagekeeper("show", "--repo", repository, "--json", as: Self.stranger)
      #expect(run.exit == .exited(code: 77))
      #expect(run.errorCode == "not_allowed")
      return run.error["message"]?.stringValue?.replacing("\"\(repository)\"", with: "\"R\"") ?? ""
    }
    #expect(try words("demo") == words("nonexistent"))
    try worker.stop()
  }

  @Test("whoami tells each who the kernel says they are; jobs of others are unknown")
  func whoami() throws {
    let remote = try GitFixture(files: ["README": "x"])
    let worker = try makeWorker(remote)
    let run = try worker.stagekeeper("whoami", "--json", as: Self.member)
    #expect(run.json["uid"] == 64_102)
    #expect(run.json["gid"] == 64_202)
    #expect(Set(run.json["groups"]?.arrayValue?.compactMap(\.integerValue) ?? []) == [64_203, 64_210])
    #expect(run.json["tenant"] == "team")
    #expect(run.json["repositories"]?[0]?["repository"] == "demo")
    let job = try worker.stagekeeper(
      "register", "churn", "--version", "v1.0.0", "--repo", "demo", "--json", as: Self.alice)
    #expect(job.exit == .success, "\(job)")
    let number = try #require(job.json["job"]?.stringValue)
    #expect(job.json["requester"]?["uid"] == 64_101)
    let seen = try worker.stagekeeper("job", "status", number, "--json", as: Self.stranger)
    #expect(seen.errorCode == "unknown_job", "\(seen)")
    try worker.stop()
  }

  @Test("only the superuser and the worker's own user reach the admin methods")
  func adminSocket() throws {
    let remote = try GitFixture()
    let directory = try TemporaryDirectory()
    let worker = try WorkerFixture(
      options: [
        "--config",
        try directory.write(
          "c.json5",
          """
          { repositories: { demo: { url: "\(remote.path)" } }, \(Self.configuration)
            sockets: { client: { path: "\(directory.path)/w.sock" },
                       admin: { path: "\(directory.path)/a.sock", mode: "0666" } },
            stateDirectory: "\(directory.path)/state" }
          """),
      ])
    try worker.start()
    let output = try Program.run(
      "setpriv",
      Self.alice.options
        + [try BuiltProgram.path("stagekeeper-admin"), "--socket", directory.appending("a.sock"), "stats"])
    #expect(output.exit == .exited(code: 77), "\(output)")
    try worker.stop()
  }

  @Test("the embedded default serves the user who started it and nobody else")
  func embedded() throws {
    let remote = try GitFixture()
    let worker = try WorkerFixture(["demo": remote.path])
    try worker.ask("register", "model", "--version", "v1.0.0")
    #expect(try Files.status(of: worker.clientSocket)?.mode == 0o600)
    let run = try worker.stagekeeper("show", "--repo", "demo", as: Self.alice)
    #expect(run.exit == .exited(code: 77) || run.exit == .exited(code: 69), "\(run)")
    try worker.stop()
  }
}
