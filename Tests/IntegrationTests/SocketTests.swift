import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// Several client sockets, some of which make everybody on them a tenant, as containers want it.
@Suite(.serialized, .enabled(if: ThisProcess.uid == 0, "needs root: sockets are given to other uids"))
struct SocketTests {
  private let remote: GitFixture
  private let directory: TemporaryDirectory

  private static let alice = Account(uid: 64_501, gid: 64_501)
  private static let group = Account(uid: 64_502, gid: 64_510)

  init() throws {
    remote = try GitFixture()
    directory = try TemporaryDirectory()
  }

  private func makeWorker() throws -> WorkerFixture {
    let file = try directory.write(
      "stagekeeper.json5",
      """
      {
        sockets: {
          clients: [
            { path: "\(directory.path)/w.sock", mode: "0666" },
            { path: "\(directory.path)/churn.sock", tenant: "churn" },
            { path: "\(directory.path)/fraud.sock", tenant: "fraud", mode: "0660", group: 64510 },
          ],
          admin: { path: "\(directory.path)/a.sock" },
        },
        stateDirectory: "\(directory.path)/state",
        repositories: { demo: { url: "\(remote.path)" }, secret: { url: "\(remote.path)" } },
        tenants: { churn: { uids: [\(Self.alice.uid)] }, fraud: {} },
        grants: [
          { tenants: ["churn"], repositories: ["demo"], artifacts: ["churn"], actions: ["register", "read"] },
          { tenants: ["fraud"], repositories: ["*"], artifacts: ["fraud"], actions: ["register", "read"] },
        ],
      }
      """)
    let worker = try WorkerFixture(directory: directory, options: ["--config", file])
    try worker.start()
    return worker
  }

  private func run(_ socket: String, _ arguments: String..., as account: Account? = nil) throws -> CommandRun
  {
    let program = [try BuiltProgram.path("stagekeeper"), "--socket", directory.appending(socket)] + arguments
    let output = try Program.run("setpriv", (account?.options ?? ["--no-new-privs"]) + program + ["--json"])
    return CommandRun(exit: output.exit, text: output.text, errorText: output.errorText)
  }

  private func register(_ socket: String, _ artifact: String, _ more: String...) throws -> CommandRun {
    let program = [
      try BuiltProgram.path("stagekeeper"), "--socket", directory.appending(socket), "--repo", "demo",
      "register", artifact, "--version", "v1.0.0", "--json",
    ]
    let output = try Program.run(program[0], program.dropFirst() + more)
    return CommandRun(exit: output.exit, text: output.text, errorText: output.errorText)
  }

  @Test("each socket has its mode and owner; a socket with a tenant is open to nobody else by itself")
  func modes() throws {
    let worker = try makeWorker()
    defer { withExtendedLifetime(worker) {} }
    func status(_ name: String) throws -> Files.Status? { try Files.status(of: directory.appending(name)) }
    #expect(try status("w.sock")?.mode == 0o666)
    #expect(try status("churn.sock")?.mode == 0o600)
    #expect(try status("fraud.sock")?.mode == 0o660 && status("fraud.sock")?.group == 64_510)
    #expect(try run("fraud.sock", "whoami", as: Self.alice).exit == .exited(code: 77))
    #expect(try run("fraud.sock", "whoami", as: Self.group).json["tenant"] == "fraud")
  }

  @Test("on a tenant's socket everybody is that tenant, whatever the uid, and nothing else")
  func tenants() throws {
    let worker = try makeWorker()
    defer { withExtendedLifetime(worker) {} }
    // The same uid, as which tenant it acts on each socket. On the open one the superuser is nobody.
    #expect(try run("w.sock", "whoami").json["tenants"] == [])
    #expect(try run("churn.sock", "whoami").json["tenants"] == ["churn"])
    #expect(try run("fraud.sock", "whoami").json["tenants"] == ["fraud"])
    #expect(try register("w.sock", "churn").errorCode == "not_allowed")
    #expect(try register("churn.sock", "fraud").errorCode == "not_allowed")
    #expect(try register("fraud.sock", "churn").errorCode == "not_allowed")
    #expect(try run("churn.sock", "show", "--repo", "secret").errorCode == "not_allowed")
    let done = try register("churn.sock", "churn")
    #expect(done.exit == .success && done.json["requester"]?["tenant"] == "churn", "\(done)")
    #expect(try remote.tags() == ["churn@v1.0.0"])
  }

  @Test("request keys and jobs of one tenant's socket are unknown on another's, although the uid is the same")
  func jobs() throws {
    let worker = try makeWorker()
    let mine = try register("churn.sock", "churn", "--request-key", "ci-1")
    let job = try #require(mine.json["job"]?.stringValue, "\(mine)")
    let other = try register("fraud.sock", "fraud", "--request-key", "ci-1")
    #expect(other.exit == .success && other.json["job"]?.stringValue != job, "\(other)")
    // Each finds its own again, after a crash too.
    try worker.crash()
    try worker.start()
    #expect(try register("churn.sock", "churn", "--request-key", "ci-1").json["job"]?.stringValue == job)
    for command in [["status"], ["cancel"], ["wait"]] {
      let stolen = try run("fraud.sock", "job", command[0], job)
      #expect(stolen.errorCode == "unknown_job", "\(stolen)")
      // Neither does the uid alone own it where the kernel's word decides.
      #expect(try run("w.sock", "job", command[0], job).errorCode == "unknown_job")
    }
    func list(_ socket: String, _ account: Account? = nil) throws -> [String] {
      try (run(socket, "job", "list", as: account).json["jobs"]?.arrayValue ?? []).compactMap {
        $0["job"]?.stringValue
      }
    }
    #expect(try list("churn.sock") == [job])
    #expect(try list("fraud.sock") == [other.json["job"]?.stringValue])
    #expect(try list("w.sock") == [])
    // Who belongs to the tenant by the kernel's word sees what it has asked for.
    #expect(try list("w.sock", Self.alice) == [job])
  }

  @Test("a socket that is removed or replaced is noticed, and what replaced it is left alone")
  func replaced() throws {
    let worker = try makeWorker()
    try Files.remove(directory.appending("churn.sock"))
    try Program.check("mv", [directory.appending("w.sock"), directory.appending("moved.sock")])
    let impostor = try Program.start(
      "python3",
      [
        "-c",
        "import socket,sys,time; s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); print('up',flush=True); time.sleep(600)",
        directory.appending("w.sock"),
      ], log: directory.appending("impostor.log"))
    for name in ["churn.sock", "w.sock"] {
      try Eventually.holds("the worker says that \(name) is gone; it said \(worker.output)") {
        worker.output.split(separator: "\n").contains {
          $0.contains("removed or replaced") && $0.contains(name)
        }
      }
    }
    #expect(try run("fraud.sock", "whoami").json["tenant"] == "fraud")
    #expect(try run("moved.sock", "whoami").exit == .success)
    try worker.stop()
    #expect(try Files.kind(of: directory.appending("w.sock")) == .socket)
    #expect(try Files.kind(of: directory.appending("fraud.sock")) == nil)
    impostor.child.sendToItself(.terminate)
  }

  @Test("nobody but who may write to its folder replaces a socket")
  func protectedFolder() throws {
    let worker = try makeWorker()
    let theft = try Program.run("setpriv", Self.alice.options + ["rm", "-f", worker.clientSocket])
    #expect(theft.exit != .success)
    #expect(try run("w.sock", "whoami", as: Self.alice).json["tenant"] == "churn")
  }

  @Test("a worker in a user namespace, to which all users are one, refuses to start")
  func userNamespace() throws {
    let run = try Program.run(
      "unshare",
      [
        "-U", "-r", try BuiltProgram.path("stagekeeperd"), "--repo", "demo=\(remote.path)", "--state",
        directory.appending("state"), "--socket", directory.appending("x.sock"),
      ])
    #expect(run.exit == .exited(code: 78) && run.errorText.contains("PrivateUsers=no"), "\(run.errorText)")
    #expect(try Files.kind(of: directory.appending("x.sock")) == nil)
  }

  @Test("a socket that can't be made is named as it is configured, with its tenant and what to do")
  func unusable() throws {
    let directory = try TemporaryDirectory()
    defer { withExtendedLifetime(directory) {} }
    let file = try directory.write(
      "worker.json5",
      """
      { stateDirectory: "\(directory.path)/state", repositories: {}, tenants: { churn: {} },
        sockets: { admin: { path: "\(directory.path)/a.sock" },
                   clients: [{ path: "/proc/self/churn.sock", tenant: "churn" }] } }
      """)
    let run = try Program.run(try BuiltProgram.path("stagekeeperd"), ["--config", file])
    #expect(run.exit == .exited(code: 71), "\(run)")
    #expect(
      run.errorText.contains("can't listen on /proc/self/churn.sock, the socket of tenant 'churn': "),
      "\(run)")
    #expect(run.errorText.contains("Under systemd"), "\(run)")
  }
}
