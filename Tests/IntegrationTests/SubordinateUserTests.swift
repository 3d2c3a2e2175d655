import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// People who have many uids: those that `/etc/subuid` gives them for user namespaces.
@Suite(.serialized, .enabled(if: ThisProcess.uid == 0, "needs root: clients run under other uids"))
struct SubordinateUserTests {
  /// The worker sees a file of its own under that name.
  private static let mount = """
    set -e
    mount --make-rprivate /
    mount --bind "$1" /etc/subuid
    shift
    exec "$@"
    """

  private static let alice = Account(uid: 64_701, gid: 64_701, groups: [64_710])
  private static let bob = Account(uid: 64_702, gid: 64_702, groups: [64_710])
  private static let subordinates = [64_800, 64_801, 64_802].map {
    Account(uid: $0, gid: 64_710, groups: [64_710])
  }

  private func worker(_ remote: GitFixture, limits: String = "") throws -> WorkerFixture {
    let directory = try TemporaryDirectory()
    let file = try directory.write(
      "stagekeeper.json5",
      """
      {
        sockets: { client: { path: "\(directory.path)/w.sock" }, admin: { path: "\(directory.path)/a.sock" } },
        stateDirectory: "\(directory.path)/state",
        repositories: { demo: { url: "\(remote.path)" } },
        tenants: { release: { gids: [64710] }, containers: { uids: [64802] } },
        grants: [
          { tenants: ["release"], repositories: ["demo"], actions: ["*"] },
          { tenants: ["containers"], repositories: ["demo"], actions: ["read"] },
        ],
        conditions: [
          { repositories: ["demo"], stages: ["prod"], approvals: { required: 1, approvers: ["release"] } },
        ],
        limits: { \(limits) },
      }
      """)
    let worker = try WorkerFixture(directory: directory, options: ["--config", file])
    let ranges = try directory.write("subuid", "64701:64800:100\n")
    worker.launcher = ["unshare", "--mount", "sh", "-c", Self.mount, "sh", ranges]
    try worker.start()
    return worker
  }

  @Test("a group says nothing of a subordinate uid, and who asked approves under none of them")
  func approvals() throws {
    let remote = try GitFixture()
    try remote.tag("model@v1.0.0")
    let worker = try worker(remote)
    let asked = try worker.stagekeeper(
      "assign", "model", "--version", "v1.0.0", "--stage", "prod", "--no-wait", "--json", as: Self.alice)
    let job = try #require(asked.json["job"]?.stringValue, "\(asked)")
    try Eventually.holds("it waits for approval") {
      try worker.stagekeeper("job", "status", job, "--json", as: Self.alice).json["state"]
        == "awaiting_approval"
    }
    for other in Self.subordinates {
      let run = try worker.stagekeeper("approve", job, "--json", as: other)
      #expect(run.errorCode == "unknown_job", "\(run)")
    }
    #expect(try worker.stagekeeper("approve", job, "--json", as: Self.alice).errorCode == "own_request")
    let show = try worker.stagekeeper("show", "--repo", "demo", "--json", as: Self.subordinates[0])
    #expect(show.errorCode == "not_allowed", "\(show)")
    // Where the number is named, it counts.
    #expect(
      try worker.stagekeeper("show", "--repo", "demo", "--json", as: Self.subordinates[2]).exit == .success)
    #expect(try worker.stagekeeper("approve", job, "--json", as: Self.bob).exit == .success)
    try worker.stop()
  }

  @Test("all uids of a user share what one user may have")
  func shares() throws {
    let worker = try worker(try GitFixture(), limits: "connectionsPerUser: 4")
    var clients: [RunningProgram] = []
    var admitted = 0
    for account in [Self.alice] + Self.subordinates {
      let client = try HostileClient.start(
        worker, as: account,
        """
        held = []
        for n in range(3):
            s = connect()
            try:
                s.sendall(frame('{"id":1,"method":"hello","params":{"protocol":1}}'))
                answer = reply(s)
            except OSError:
                answer = None
            if answer and 'result' in answer: held.append(s)
        say('held %d' % len(held))
        time.sleep(300)
        """)
      try Eventually.holds("it has tried: \(client.output)") { client.output.contains("held ") }
      admitted += Int(client.output.split(separator: "\n").last?.dropFirst(5) ?? "") ?? 100
      clients.append(client)
    }
    #expect(admitted == 4)
    let bob = try worker.stagekeeper("whoami", "--json", as: Self.bob)
    #expect(bob.exit == .success, "\(bob)")
    clients = []
    try worker.stop()
  }
}
