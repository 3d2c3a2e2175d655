import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// A worker whose stage `prod` needs two approvals, a remote with two versions, and the people around them.
/// Needs the superuser, who alone can be somebody else.
struct ApprovalFixture {
  /// Asks. In the approving tenant, too, which must not help.
  static let alice = Account(uid: 64_301, gid: 64_401)
  /// An approver by a group, and two by number.
  static let bob = Account(uid: 64_302, gid: 64_402, groups: [64_410])
  static let carol = Account(uid: 64_303, gid: 64_403)
  static let frank = Account(uid: 64_307, gid: 64_407)
  /// May approve, but nothing here names him among the approvers of `model`.
  static let dave = Account(uid: 64_304, gid: 64_404)
  /// Everything, of other artifacts.
  static let eve = Account(uid: 64_305, gid: 64_405)
  /// In alice's tenant, without the right to approve.
  static let mallory = Account(uid: 64_306, gid: 64_406)
  static let root = Account(uid: 0, gid: 0)

  let remote: GitFixture
  let worker: WorkerFixture
  private let directory: TemporaryDirectory

  static let release = "{ required: 2, approvers: [\"release\"] }"

  init(approvals: String = release, uids: [UInt32] = [carol.uid, frank.uid, alice.uid]) throws {
    remote = try GitFixture()
    try remote.tag("model@v1.0.0")
    try remote.commit(files: ["README": "2\n"], time: 1_700_000_002)
    try remote.tag("model@v2.0.0")
    directory = try TemporaryDirectory()
    let file = try directory.write(
      "stagekeeper.json5", Self.text(directory, remote, approvals: approvals, uids: uids))
    worker = try WorkerFixture(directory: directory, options: ["--config", file])
    try worker.start()
  }

  /// Another configuration, read while the worker runs.
  func reload(approvals: String? = release, uids: [UInt32] = [carol.uid, frank.uid, alice.uid]) throws {
    _ = try directory.write(
      "stagekeeper.json5", Self.text(directory, remote, approvals: approvals, uids: uids))
    try worker.administer("reload")
  }

  private static func text(
    _ directory: TemporaryDirectory, _ remote: GitFixture, approvals: String?, uids: [UInt32]
  ) -> String {
    let numbers = uids.map(String.init).joined(separator: ", ")
    let condition =
      approvals.map { "{ repositories: [\"demo\"], stages: [\"prod\"], approvals: \($0) }," } ?? ""
    return """
      {
        sockets: { client: { path: "\(directory.path)/w.sock" }, admin: { path: "\(directory.path)/a.sock" } },
        stateDirectory: "\(directory.path)/state",
        repositories: { demo: { url: "\(remote.path)" } },
        tenants: {
          churn: { uids: [64301, 64306] }, release: { gids: [64410], uids: [\(numbers)] },
          security: { uids: [64304] }, other: { uids: [64305] },
        },
        grants: [
          { tenants: ["churn"], repositories: ["demo"], actions: ["register", "assign", "unassign", "read"] },
          { tenants: ["release", "security"], repositories: ["demo"], actions: ["approve", "read"] },
          { tenants: ["other"], repositories: ["demo"], artifacts: ["other*"], actions: ["*"] },
        ],
        conditions: [
          \(condition)
          { repositories: ["demo"], artifacts: ["audited"], stages: ["prod"],
            approvals: { required: 1, approvers: ["security"] } },
          { repositories: ["demo"], artifacts: ["audited"], stages: ["prod"],
            approvals: { required: 2, approvers: ["security", "release"] } },
        ],
      }
      """
  }

  // MARK: Asking

  /// Has alice ask for an assignment, and returns the job once it waits for approval.
  func ask(
    _ arguments: String..., artifact: String = "model", version: [String] = ["--version", "v2.0.0"],
    stage: String = "prod"
  ) throws -> String {
    let command =
      ["--repo", "demo", "assign", artifact] + version + ["--stage", stage, "--no-wait", "--json"] + arguments
    let job = try #require(try run(command, Self.alice).json["job"]?.stringValue)
    try wait(job, for: "awaiting_approval")
    return job
  }

  func run(_ arguments: [String], _ account: Account) throws -> CommandRun {
    let program = try BuiltProgram.path("stagekeeper")
    let output = try Program.run(
      "setpriv", account.options + [program, "--socket", worker.clientSocket] + arguments)
    return CommandRun(exit: output.exit, text: output.text, errorText: output.errorText)
  }

  /// Starts a command and does not wait.
  func begin(_ arguments: [String], _ account: Account) throws -> RunningProgram {
    let number = try ThisProcess.randomBytes(6).map { String($0, radix: 16) }.joined()
    let program = try BuiltProgram.path("stagekeeper")
    return try Program.start(
      "setpriv", account.options + [program, "--socket", worker.clientSocket] + arguments,
      log: directory.appending("client-\(number).log"))
  }

  func approve(_ job: String, _ account: Account, _ more: String...) throws -> CommandRun {
    try run(["approve", job, "--json"] + more, account)
  }

  func job(_ job: String, _ account: Account = alice) throws -> JSONValue {
    try run(["job", "status", job, "--json"], account).json
  }

  func wait(_ job: String, for state: String) throws {
    var last = JSONValue.null
    try Eventually.holds("job \(job) is \(state), and not \(last.text())") {
      last = try self.job(job)
      return last["state"]?.stringValue == state
    }
  }

  /// How many approvals count.
  func approved(_ job: String) throws -> Int64? { try self.job(job)["approval"]?["approved"]?.integerValue }

  /// The tags of a stage, as Git orders names.
  func tags(_ pattern: String = "model#prod*") throws -> [String] {
    try remote.git("tag", "--list", pattern).split(separator: "\n").map(String.init)
  }

  /// The trailers of a tag, read by Git.
  func trailers(_ tag: String) throws -> [String] {
    let text = try remote.git("cat-file", "tag", tag)
    return try remote.git("interpret-trailers", "--parse", input: text + "\n")
      .split(separator: "\n").map(String.init)
  }
}
