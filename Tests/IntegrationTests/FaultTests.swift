import StrictJSON
import SystemCalls
import TestSupport
import Testing
import WireProtocol

/// Git servers that misbehave: a typed error within the deadline, the server's words, no secret, and other
/// repositories unaffected.
@Suite(.serialized)
struct FaultTests {
  /// Short deadlines and few attempts, so that an error comes soon.
  static let quick = "attemptSeconds: 3, attempts: 2, backoffMilliseconds: 1"

  /// What is between a worker and its server.
  struct Fault: CustomTestStringConvertible, Sendable {
    let name: String
    let code: String
    let status: Int32
    var words = ""
    /// The repository's entry in the configuration.
    let entry: @Sendable (Servers) throws -> String

    var testDescription: String { name }
  }

  /// What the faults are made of.
  final class Servers: Sendable {
    let remote: GitFixture
    let ssh: SSHServer
    let silent: LoopbackListener

    init() throws {
      remote = try GitFixture()
      try remote.tag("model@v1.0.0")
      ssh = try SSHServer()
      silent = try LoopbackListener()
    }

    func sshEntry(url: String? = nil, key: String? = nil, knownHosts: String? = nil) -> String {
      """
      { url: "\(url ?? ssh.url(remote.path))",
        ssh: { keyFile: "\(key ?? ssh.keyFile)", knownHostsFile: "\(knownHosts ?? ssh.knownHostsFile)" } }
      """
    }
  }

  static let faults = [
    Fault(name: "ssh server that accepts and never answers", code: "remote_", status: 75) {
      $0.sshEntry(url: "ssh://git@127.0.0.1:\($0.silent.port)/repository.git")
    },
    Fault(name: "https server that accepts and never answers", code: "remote_", status: 75) {
      "{ url: \"https://127.0.0.1:\($0.silent.port)/repository.git\" }"
    },
    Fault(name: "nobody listens", code: "remote_unreachable", status: 75) {
      $0.sshEntry(url: "ssh://git@127.0.0.1:\(try Loopback.freePort())/repository.git")
    },
    Fault(name: "unknown host key", code: "remote_host_key", status: 69) {
      $0.sshEntry(knownHosts: try $0.ssh.makeEmptyKnownHosts())
    },
    Fault(name: "another host key", code: "remote_host_key", status: 69) {
      $0.sshEntry(knownHosts: try $0.ssh.makeWrongKnownHosts())
    },
    Fault(name: "another user key", code: "remote_authentication_failed", status: 69) {
      $0.sshEntry(key: try $0.ssh.makeStrangersKey())
    },
    Fault(name: "no such repository over ssh", code: "remote_not_found", status: 69) {
      $0.sshEntry(url: $0.ssh.url("/nonexistent/repository.git"))
    },
    Fault(name: "no such repository at a path", code: "remote_not_found", status: 69) { _ in
      "{ url: \"/nonexistent/repository.git\" }"
    },
  ]

  @Test(
    "while the server can't be reached, jobs are cancelled, late and judged as if they had never been tried")
  func stoppedWhileUnreachable() throws {
    let servers = try Servers()
    var proxy: NetworkProxy? = try NetworkProxy(to: servers.ssh.port)
    let port = try #require(proxy).port
    let directory = try TemporaryDirectory()
    let known = String(decoding: try Files.read(servers.ssh.knownHostsFile, limit: 1 << 20), as: UTF8.self)
    let entry = servers.sshEntry(
      url: servers.ssh.url(servers.remote.path).replacing(":\(servers.ssh.port)/", with: ":\(port)/"),
      knownHosts: try directory.write(
        "known_hosts", known.replacing(":\(servers.ssh.port) ", with: ":\(port) ")))
    let worker = try WorkerFixture(
      configuration: """
        repositories: { demo: \(entry) },
        \(ownerGrant) limits: { attempts: 1000, backoffMilliseconds: 100, backoffMaximumSeconds: 1 },
        """)
    try worker.ask("register", "first", "--version", "v1.0.0")
    let before = try servers.remote.tags()
    proxy?.end()
    proxy = nil
    func submit(_ artifact: String, _ more: String...) throws -> String {
      let job = try worker.ask(["register", artifact, "--version", "v1.0.0", "--no-wait"] + more)
      return try #require(job["job"]?.stringValue, "\(job)")
    }
    let late = try submit("late", "--deadline", "+2")
    let cancelled = try submit("cancelled")
    let kept = try submit("kept")
    for job in [cancelled, kept] {
      try worker.waitForJob(job, state: "waiting")
      // Nothing of it is on its way.
      try Eventually.holds("its intents are given up") { try worker.administer("job", job)["intents"] == [] }
    }
    try worker.ask("job", "cancel", cancelled)
    try worker.waitForJob(cancelled, state: "cancelled")
    try worker.waitForJob(late, state: "rejected")
    let end = try worker.stagekeeper("job", "wait", late, "--json")
    #expect(end.errorCode == "deadline_passed", "\(end)")
    try worker.waitForJob(kept, state: "waiting")
    #expect(try servers.remote.tags() == before)
    try worker.stop()
  }

  @Test("another default branch is noticed, and so is where a detached HEAD has moved")
  func headMoves() throws {
    let remote = try GitFixture()
    let first = try remote.git("rev-parse", "main")
    let worker = try WorkerFixture(["demo": remote.path])
    func register(_ artifact: String) throws -> JSONValue? {
      let end = MonotonicTime.after(seconds: 1.1)
      try Eventually.holds("a second has passed") { end.hasPassed }
      return try worker.ask("register", artifact)["commit"]
    }
    #expect(try register("a") == .string(first))
    try remote.git("branch", "trunk", "main")
    let tip = try remote.commit(files: ["a": "b"], branch: "trunk")
    try remote.git("symbolic-ref", "HEAD", "refs/heads/trunk")
    #expect(try register("b") == .string(tip))
    try remote.git("update-ref", "--no-deref", "HEAD", first)
    #expect(try register("c") == .string(first))
    try remote.git("update-ref", "--no-deref", "HEAD", tip)
    #expect(try register("d") == .string(tip))
    try worker.stop()
  }

  @Test("tags that only one of the server's services shows do not keep others from being made")
  func hiddenTags() throws {
    let remote = try GitFixture()
    try remote.tag("old@v1.0.0")
    try remote.git("config", "receive.hideRefs", "refs/tags/old@v1.0.0")
    try remote.git("config", "uploadpack.hideRefs", "refs/tags/new@v0.0.1")
    let worker = try WorkerFixture(["demo": remote.path])
    try worker.ask("register", "new")
    try worker.ask("show", "--fresh")
    try remote.commit(files: ["a": "b"])
    try worker.ask("register", "new")
    #expect(try remote.tags() == ["new@v0.0.1", "new@v0.0.2", "old@v1.0.0"])
    try remote.commit(files: ["a": "c"])
    try worker.stop()
    try worker.start()
    try remote.git("config", "uploadpack.hideRefs", "refs/tags/other@v0.0.1")
    try remote.tag("other@v0.0.1")
    let taken = try worker.stagekeeper("register", "other", "--json")
    #expect(taken.errorCode == "tag_exists", "\(taken)")
    let doctor = try worker.stagekeeper("doctor", "--json")
    #expect(doctor.everything.contains("\"hidden\""), "\(doctor)")
    try worker.stop()
  }

  @Test("a mirror that is removed while its lane runs is made anew; one that can't be is named")
  func mirrorGone() throws {
    let remote = try GitFixture()
    let worker = try WorkerFixture(
      configuration: """
        repositories: { demo: { url: "\(remote.path)" } },
        \(ownerGrant) limits: { attempts: 3, backoffMilliseconds: 1 },
        """)
    try worker.ask("register", "a", "--version", "v1.0.0")
    let mirror = worker.stateDirectory + "/mirrors/64656d6f"
    try Files.removeTree(mirror)
    try worker.ask("register", "b", "--version", "v1.0.0")
    try Files.removeTree(mirror + "/contents.git/objects/pack")
    try worker.ask("register", "c", "--version", "v1.0.0")
    #expect(try remote.tags() == ["a@v1.0.0", "b@v1.0.0", "c@v1.0.0"])
    try Files.removeTree(mirror)
    try Files.replace(mirror, with: [])
    let run = try worker.stagekeeper("register", "d", "--version", "v1.0.0", "--json")
    #expect(run.errorCode == "mirror_unusable" && run.exit == .exited(code: 69), "\(run)")
    #expect(run.everything.contains(mirror) && !run.everything.contains("outcomeUnknown"), "\(run)")
    try Files.remove(mirror)
    try worker.ask("register", "d", "--version", "v1.0.0")
    try worker.stop()
  }

  @Test(
    "a name that the server can't lock is tried a few times, and the server says why",
    arguments: [false, true])
  func lockedName(delete: Bool) throws {
    let servers = try Servers()
    let worker = try WorkerFixture(
      configuration: """
        repositories: { demo: { url: "\(servers.remote.path)", allowDelete: true } },
        \(ownerGrant) limits: { attempts: 2, backoffMilliseconds: 1 },
        """)
    let lock = servers.remote.path + (delete ? "/packed-refs.lock" : "/refs/tags/model@v2.0.0.lock")
    try servers.remote.commit(files: ["README": "2"])
    try Files.replace(lock, with: [])
    let command =
      delete
      ? ["deregister", "model", "v1.0.0", "--delete"] : ["register", "model", "--version", "v2.0.0"]
    let run = try worker.stagekeeper(command + ["--json"])
    #expect(run.errorCode == "remote_locked" && run.exit == .exited(code: 75), "\(run)")
    #expect(run.everything.contains(".lock"), "\(run)")
    let pushes = try worker.administer("stats")["pushes"]?["total"]?.integerValue
    #expect(pushes.map { (2...20).contains($0) } == true, "\(String(describing: pushes))")
    try Files.remove(lock)
    #expect(try worker.stagekeeper(command).exit == .success)
    #expect(try servers.remote.tags() == (delete ? [] : ["model@v1.0.0", "model@v2.0.0"]))
    try worker.stop()
  }

  @Test("before anything is sent", arguments: faults)
  func unreachable(_ fault: Fault) throws {
    let servers = try Servers()
    let good = try GitFixture()
    let worker = try WorkerFixture(
      configuration: """
        repositories: { bad: \(try fault.entry(servers)), good: { url: "\(good.path)" } },
        \(ownerGrant) limits: { \(Self.quick) },
        """)
    let blocked = try worker.begin(["register", "model", "--version", "v2.0.0", "--repo", "bad", "--json"])
    // The other repository is served while that one is tried.
    try worker.ask("register", "model", "--version", "v1.0.0", "--repo", "good")
    let run = try blocked.finish()
    #expect(run.exit == .exited(code: fault.status), "\(run)")
    let error = try #require(self.error(in: run))
    #expect(error["code"]?.stringValue?.hasPrefix(fault.code) == true, "\(run)")
    try expectNoSecret(in: run.everything + worker.output, servers)
    #expect(try good.ref("refs/tags/model@v1.0.0") != nil)
    try worker.stop()
  }

  @Test("a hook that refuses: its words arrive", arguments: ["pre-receive", "update"])
  func refusal(hook: String) throws {
    let remote = try GitFixture()
    try remote.installHook(hook, "echo 'promotions are frozen until Monday' >&2; exit 1")
    let server = try SSHServer()
    let worker = try WorkerFixture(
      configuration: sshConfiguration(["bad": server.url(remote.path)], server, limits: Self.quick))
    let run = try worker.stagekeeper("register", "model", "--version", "v1.0.0", "--json")
    #expect(run.exit == .exited(code: 65), "\(run)")
    #expect(run.errorCode == "remote_refused", "\(run)")
    #expect(
      run.error["message"]?.stringValue?.contains("promotions are frozen until Monday") == true, "\(run)")
    #expect(run.errorText.contains("promotions are frozen until Monday"), "\(run)")
    #expect(try remote.tags().isEmpty)
    try worker.stop()
  }

  @Test("one refused tag does not take the others with it")
  func partialRefusal() throws {
    let remote = try GitFixture()
    try remote.installHook("update", "case $1 in *bad*) echo 'not this one' >&2; exit 1;; esac")
    let worker = try WorkerFixture(["demo": remote.path])
    try worker.administer("pause", "demo")
    let clients = try ["one", "bad", "two"].map {
      try worker.begin(["register", $0, "--version", "v1.0.0", "--json"])
    }
    try Eventually.holds("all three are in line") {
      try worker.administer("queue")["jobs"]?.arrayValue?.count == 3
    }
    try worker.administer("resume", "demo")
    let runs = try clients.map { try $0.finish() }
    #expect(runs.map(\.exit) == [.success, .exited(code: 65), .success], "\(runs)")
    #expect(Set(try remote.tags()) == ["one@v1.0.0", "two@v1.0.0"])
    try worker.stop()
  }

  @Test("a hook that hangs past the deadline: the outcome is unknown, then settled exactly once")
  func hangingHook() throws {
    let remote = try GitFixture()
    let directory = try TemporaryDirectory()
    let gate = directory.appending("gate")
    try remote.installHook(
      "pre-receive", "echo x >> \(directory.path)/pushes; while [ ! -e \(gate) ]; do sleep 0.1; done")
    let good = try GitFixture()
    let worker = try WorkerFixture(
      configuration: """
        repositories: { bad: { url: "\(remote.path)" }, good: { url: "\(good.path)" } },
        \(ownerGrant) limits: { attemptSeconds: 2, attempts: 30, backoffMilliseconds: 1 },
        """)
    let job = try #require(
      try worker.ask("register", "model", "--version", "v1.0.0", "--repo", "bad", "--no-wait")["job"]?
        .stringValue)
    // The second push shows that the first one's deadline has ended its lane.
    try Eventually.holds("a second attempt; \(worker.output)") {
      let pushes = (try? Files.read(directory.appending("pushes"), limit: 1 << 20)) ?? []
      return pushes.count >= 4
    }
    try worker.ask("register", "model", "--version", "v1.0.0", "--repo", "good")
    try directory.write("gate", "")
    try worker.waitForJob(job, state: "succeeded")
    let status = try worker.ask("job", "status", job)
    #expect(try remote.tags() == ["model@v1.0.0"])
    #expect(try remote.ref("refs/tags/model@v1.0.0") == status["objectId"]?.stringValue)
    try worker.stop()
  }

  @Test("a service on this machine's disk that is ended in the middle gives its locks back")
  func locksOfAnEndedService() throws {
    let remote = try GitFixture()
    let directory = try TemporaryDirectory()
    let gate = directory.appending("gate")
    // Called while the new tag is locked.
    try remote.installHook(
      "reference-transaction",
      "[ $1 = prepared ] || exit 0; echo x >> \(directory.path)/calls; while [ ! -e \(gate) ]; do sleep 0.1; done"
    )
    let worker = try WorkerFixture(
      configuration: """
        repositories: { demo: { url: "\(remote.path)" } },
        \(ownerGrant) limits: { attemptSeconds: 2, attempts: 30, backoffMilliseconds: 1 },
        """)
    let client = try worker.begin(["register", "model", "--version", "v1.0.0"])
    try Eventually.holds("a second attempt has come as far; \(worker.output)") {
      ((try? Files.read(directory.appending("calls"), limit: 1 << 20)) ?? []).count >= 4
    }
    try directory.write("gate", "")
    let run = try client.finish()
    #expect(run.exit == .success, "\(run)")
    #expect(try remote.tags() == ["model@v1.0.0"])
    try worker.stop()
  }

  @Test("a mirror that the disk has damaged is made anew, and nothing fails for it")
  func damagedMirror() throws {
    let remote = try GitFixture()
    try remote.tag("model@v1.0.0")
    let worker = try WorkerFixture(["demo": remote.path])
    try worker.ask("assign", "model", "--version", "v1.0.0", "--stage", "dev")
    try worker.stop()
    let mirrors = try Files.names(in: worker.directory.appending("state/mirrors"))
    for store in ["contents.git", "history.git"] {
      let directory = worker.directory.appending(
        "state/mirrors/\(try #require(mirrors.first))/\(store)/objects/pack")
      for name in try Files.names(in: directory) where name.hasSuffix(".pack") {
        var bytes = try Files.read("\(directory)/\(name)", limit: 1 << 20)
        for index in 12..<bytes.count - 20 { bytes[index] ^= 0x55 }
        try Files.remove("\(directory)/\(name)")
        try Files.replace("\(directory)/\(name)", with: bytes)
      }
    }
    try worker.start()
    try worker.ask("assign", "model", "--version", "v1.0.0", "--stage", "prod")
    #expect(try remote.tags() == ["model#dev#1", "model#prod#2", "model@v1.0.0"])
    #expect(worker.output.contains("made anew"))
    try worker.stop()
  }

  /// A server that dies while it works: at which moment, and what it has done by then.
  @Test(
    "a server that drops the connection mid-push",
    arguments: [("pre-receive", ""), ("reference-transaction", "[ \"$1\" = committed ] || exit 0; ")])
  func drop(hook: String, moment: String) throws {
    let remote = try GitFixture()
    let directory = try TemporaryDirectory()
    let marker = directory.appending("dropped")
    try remote.installHook(
      hook, "\(moment)[ -e \(marker) ] && exit 0; touch \(marker); kill -9 $PPID; exit 1")
    let server = try SSHServer()
    let worker = try WorkerFixture(
      configuration: sshConfiguration(
        ["demo": server.url(remote.path)], server, limits: "backoffMilliseconds: 1"))
    let job = try worker.ask("register", "model", "--version", "v1.0.0")
    #expect(try Files.kind(of: marker) == .file)
    #expect(job["state"]?.stringValue == "succeeded")
    #expect(try remote.tags() == ["model@v1.0.0"])
    #expect(try remote.ref("refs/tags/model@v1.0.0") == job["objectId"]?.stringValue)
    try worker.stop()
  }

  @Test("https: a wrong token and a redirect")
  func https() throws {
    let remote = try GitFixture()
    let elsewhere = try LoopbackListener()
    let server = try HTTPSGitServer(
      extra: HTTPSGitServer.redirecting(to: "https://127.0.0.1:\(elsewhere.port)"))
    let directory = try TemporaryDirectory()
    let wrong = try directory.write("wrong-token", "not-the-secret-token", mode: 0o600)
    func entry(_ url: String, _ token: String) -> String {
      """
      { url: "\(url)", https: { username: "\(server.username)", tokenFile: "\(token)", caFile: "\(server.caFile)" } }
      """
    }
    let worker = try WorkerFixture(
      configuration: """
        repositories: {
          good: \(entry(server.url(remote.path), server.tokenFile)),
          denied: \(entry(server.url(remote.path), wrong)),
          moved: \(entry(server.url("/moved" + remote.path), server.tokenFile)),
          untrusted: { url: "\(server.url(remote.path))" },
        }, \(ownerGrant) limits: { attemptSeconds: 20, attempts: 2, backoffMilliseconds: 1 },
        """)
    try worker.ask("register", "model", "--version", "v1.0.0", "--repo", "good")
    for (id, code) in [
      ("denied", "remote_authentication_failed"), ("moved", "remote_redirected"),
      ("untrusted", "remote_certificate"),
    ] {
      let run = try worker.stagekeeper("register", "model", "--version", "v2.0.0", "--repo", id, "--json")
      #expect(run.exit == .exited(code: 69), "\(id): \(run)")
      #expect(error(in: run)?["code"]?.stringValue == code, "\(id): \(run)")
      #expect(!(run.everything + worker.output).contains(server.token))
      #expect(!(run.everything + worker.output).contains("not-the-secret-token"))
    }
    #expect(try remote.tags() == ["model@v1.0.0"])
    try worker.stop()
  }

  /// The job's error where the printed value is a job, the refusal otherwise. Started clients print both of
  /// their streams into one file: the JSON comes first.
  private func error(in run: CommandRun) -> JSONValue? {
    if run.error != .null { return run.error }
    guard let end = run.text.firstRange(of: "\n}\n") else { return nil }
    let json = try? JSONValue(parsing: Array(run.text[..<end.upperBound].utf8), maximumDepth: 64)
    return json?["error"]
  }

  private func expectNoSecret(in text: String, _ servers: Servers) throws {
    let key = String(decoding: try Files.read(servers.ssh.keyFile, limit: 1 << 20), as: UTF8.self)
    for line in key.split(separator: "\n").dropFirst().dropLast() { #expect(!text.contains(line)) }
  }

  @Test("attempts that fail at once wait for each other as those that take long do")
  func failsAtOnce() throws {
    let worker = try WorkerFixture(
      configuration: """
        repositories: { demo: { url: "http://127.0.0.1:\(try Loopback.freePort())/repository.git" } },
        tenants: { ops: { uids: [\(ThisProcess.uid)] } },
        grants: [{ tenants: ["ops"], repositories: ["*"], artifacts: ["*"], actions: ["*"] }],
        limits: { attempts: 6, backoffMilliseconds: 1 },
        """)
    let run = try worker.stagekeeper(
      "register", "churn", "v1.0.0", "--version", "v1.0.0", "--repo", "demo", "--json")
    #expect(run.errorCode == "remote_unreachable", "\(run)")
    let job = try worker.administer("job", "1")
    let steps = try #require(job["transitions"]?.arrayValue).compactMap { $0["event"]?.stringValue }
    #expect(steps.count { $0 == "started" } == 6 && steps.count { $0 == "waiting" } == 5, "\(steps)")
    #expect(!steps.contains("interrupted"), "\(steps)")
    try worker.stop()
  }
}
