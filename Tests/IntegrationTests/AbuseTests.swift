import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// Clients that want to harm others, under real uids: they are refused in words, others go on, and nothing
/// grows without bounds.
@Suite(.serialized, .enabled(if: ThisProcess.uid == 0, "needs root: clients run under other uids"))
struct AbuseTests {
  private static let mallory = Account(uid: 64_401, gid: 64_401)
  private static let alice = Account(uid: 64_402, gid: 64_402)

  private let remote: GitFixture

  init() throws {
    remote = try GitFixture(files: ["README": "x"])
    try remote.tag("churn@v1.0.0")
  }

  private func makeWorker(_ limits: String = "", launcher: [String] = []) throws -> WorkerFixture {
    let directory = try TemporaryDirectory()
    let file = try directory.write(
      "c.json5",
      """
      { stateDirectory: "\(directory.path)/state",
        sockets: { client: { path: "\(directory.path)/w.sock" }, admin: { path: "\(directory.path)/a.sock" } },
        repositories: { demo: { url: "\(remote.path)" } },
        tenants: { mallory: { uids: [64401] }, alice: { uids: [64402] } },
        grants: [ { tenants: ["mallory", "alice"], repositories: ["*"], actions: ["*"] } ],
        limits: { \(limits) } }
      """)
    let worker = try WorkerFixture(directory: directory, options: ["--config", file])
    worker.launcher = launcher
    try worker.start()
    return worker
  }

  /// Alice gets work done, and the administrator an answer.
  private func expectOthersWork(_ worker: WorkerFixture, _ artifact: String) throws {
    let run = try worker.stagekeeper(
      "register", artifact, "--version", "v1.0.0", "--repo", "demo", "--json", as: Self.alice)
    #expect(run.exit == .success, "\(run); the worker said: \(worker.output)")
    #expect(try worker.administer("stats")["worker"] != nil)
  }

  // MARK: Floods

  @Test("a flood of connections, where the system allows few open files")
  func connections() throws {
    let worker = try makeWorker(launcher: ["prlimit", "--nofile=256:256"])
    #expect(worker.output.contains("fewer open files"))
    let flood = try HostileClient.start(
      worker, as: Self.mallory,
      """
      held, refused = [], 0
      for _ in range(800):
          s = connect()
          s.settimeout(0.02)
          try:
              answer = reply(s)
              assert answer['error']['code'] == 'busy' and answer['error']['retryAfter'] > 0, answer
              refused += 1
          except TimeoutError:
              held.append(s)
      say(f'flooded {len(held)} {refused}')
      time.sleep(600)
      """)
    try Eventually.holds("the flood stands: \(flood.output)") { flood.output.contains("flooded") }
    let counts = flood.output.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
    #expect(counts.count == 2 && counts[0] > 10 && counts[1] > 100, "\(flood.output)")
    try expectOthersWork(worker, "model-a")
    #expect(try HostileClient.descriptors(of: worker.pid) < 256)
    let run = try worker.stagekeeper("whoami", "--json", as: Self.mallory)
    #expect(run.exit == .exited(code: 75), "\(run)")
  }

  @Test("clients that come and go by the thousands, with and without a word")
  func comingAndGoing() throws {
    let worker = try makeWorker()
    let descriptors = try HostileClient.descriptors(of: worker.pid)
    let flood = try HostileClient.start(
      worker, as: Self.mallory,
      """
      import threading
      hello = frame('{"id":1,"method":"hello","params":{}}')
      def come_and_go():
          for n in range(4000):
              try:
                  s = connect()
                  if n % 4: s.sendall(hello)
                  if n % 4 == 2: s.recv(4)
                  if n % 4 == 3: time.sleep(0.0005)
                  s.close()
              except OSError: pass
      threads = [threading.Thread(target=come_and_go) for _ in range(20)]
      for thread in threads: thread.start()
      for thread in threads: thread.join()
      say('gone')
      """)
    try expectOthersWork(worker, "model-a")
    try Eventually.holds("all have gone: \(flood.output)", within: 300) { flood.output.contains("gone") }
    try expectOthersWork(worker, "model-b")
    try Eventually.holds("what they left is closed") {
      try HostileClient.descriptors(of: worker.pid) <= descriptors + 10
    }
  }

  @Test("more requests than one user may send: busy, with the limit's name and when to come again")
  func rate() throws {
    let worker = try makeWorker("requestsPerSecond: 1, requestBurst: 20, requestsPerUser: 5")
    let flood = try HostileClient.start(
      worker, as: Self.mallory,
      """
      s = connect()
      for number in range(300):
          s.sendall(frame(json.dumps({'id': number, 'method': 'whoami'})))
      answers = [reply(s) for _ in range(300)]
      busy = [a['error'] for a in answers if 'error' in a]
      assert all(e['code'] == 'busy' and e['retryAfter'] >= 1 for e in busy), busy
      say('limits ' + ' '.join(sorted({e['details']['limit'] for e in busy})))
      say(f'answered {len(answers) - len(busy)}')
      """)
    try Eventually.holds("all is answered: \(flood.output)") { flood.output.contains("answered") }
    #expect(flood.output.contains("requestsPerSecond"), "\(flood.output)")
    let answered = flood.output.split(whereSeparator: \.isWhitespace).last.flatMap { Int($0) } ?? 0
    #expect((1...60).contains(answered), "\(flood.output)")
    try expectOthersWork(worker, "model-b")
    try worker.stop()
  }

  @Test("more jobs in one repository than a tenant may have; a message longer than the worker takes")
  func jobs() throws {
    let worker = try makeWorker("jobsPerTenantAndRepository: 2, messageBytes: 10")
    try worker.administer("pause", "demo")
    func register(_ name: String, _ more: String...) throws -> CommandRun {
      let run = try Program.run(
        "setpriv",
        Self.mallory.options + [
          try BuiltProgram.path("stagekeeper"), "--socket", worker.clientSocket, "register", name,
          "--version",
          "v1.0.0", "--repo", "demo", "--no-wait", "--json",
        ] + more)
      return CommandRun(exit: run.exit, text: run.text, errorText: run.errorText)
    }
    #expect(try register("a").exit == .success)
    #expect(try register("b", "-m", "0123456789").exit == .success)
    let busy = try register("c")
    #expect(busy.exit == .exited(code: 75) && busy.errorCode == "busy", "\(busy)")
    #expect(busy.error["details"]?["limit"] == "jobsPerTenantAndRepository", "\(busy)")
    #expect(busy.error["retryAfter"]?.integerValue ?? 0 > 0)
    let long = try register("d", "-m", "0123456789x")
    #expect(long.exit == .exited(code: 64) && long.error["details"]?["path"] == "params.message", "\(long)")
    try worker.administer("resume", "demo")
    try expectOthersWork(worker, "model-c")
    try worker.stop()
  }

  // MARK: Slow and silent clients

  @Test("half frames and a byte a second are let go; who never reads costs bounded memory")
  func slow() throws {
    let worker = try makeWorker("frameSeconds: 1")
    try expectOthersWork(worker, "model-d")
    let before = try HostileClient.descriptors(of: worker.pid)
    let slow = try HostileClient.start(
      worker, as: Self.mallory,
      """
      half = [connect() for _ in range(100)]
      for s in half: s.sendall(b'\\x00\\x00\\xff\\x00{')
      drip = connect()
      closed = False
      drip.sendall(b'\\x00\\x00\\xff\\x00{')
      while not closed:
          try: drip.sendall(b' ')
          except OSError: closed = True
          time.sleep(0.25)
      for s in half: assert s.recv(1) == b''
      say(f'let go {closed}')
      """)
    let silent = try HostileClient.start(
      worker, as: Self.mallory,
      """
      request = ''.join('{"id":%d,"method":"history","params":{"repository":"demo"}}|' % n for n in range(64))
      frames = b''.join(frame(r) for r in request.split('|') if r)
      sockets = [connect() for _ in range(100)]
      sent = 0
      for s in sockets: s.setblocking(False)
      for round in range(300):
          for s in sockets:
              try: sent += s.send(frames)
              except OSError: pass
      say(f'sent {sent}')
      time.sleep(600)
      """)
    try Eventually.holds("both have done what they can: \(slow.output) \(silent.output)") {
      slow.output.contains("let go True") && silent.output.contains("sent")
    }
    try expectOthersWork(worker, "model-e")
    let memory = try HostileClient.residentMemory(of: worker.pid)
    #expect(Sanitizer.isOn || memory < 400_000, "\(memory) kB")
    silent.child.sendToItself(.kill)
    try Eventually.holds("their descriptors are closed") {
      try HostileClient.descriptors(of: worker.pid) <= before + 4
    }
    try worker.stop()
  }

  // MARK: Descriptors and identities

  @Test("descriptors that are sent along are closed, not kept")
  func attachedDescriptors() throws {
    let worker = try makeWorker()
    try expectOthersWork(worker, "model-f")
    let before = try HostileClient.descriptors(of: worker.pid)
    let client = try HostileClient.start(
      worker, as: Self.mallory,
      """
      s = connect()
      null = [os.open('/dev/null', os.O_RDONLY) for _ in range(100)]
      for number in range(20):
          rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', null))]
          s.sendmsg([frame(json.dumps({'id': number, 'method': 'whoami'}))], rights)
          assert reply(s)['result']['uid'] == 64401
      say('attached')
      time.sleep(600)
      """)
    try Eventually.holds("they are sent: \(client.output)") { client.output.contains("attached") }
    #expect(try HostileClient.descriptors(of: worker.pid) <= before + 5)
    try expectOthersWork(worker, "model-g")
    try worker.stop()
  }

  @Test("who connected counts, whoever holds the descriptor; root in a user namespace is who it is outside")
  func identities() throws {
    let worker = try makeWorker()
    let passed = try HostileClient.start(
      worker, as: Account(uid: 0, gid: 0),
      """
      s = connect()
      if os.fork() == 0:
          os.setgroups([]); os.setgid(64402); os.setuid(64402)
          s.sendall(frame('{"id":1,"method":"whoami"}'))
          say('inherited %d %d' % (os.getuid(), reply(s)['result']['uid']))
          os._exit(0)
      os.wait()
      """)
    try Eventually.holds("it is answered: \(passed.output)") { passed.output.contains("inherited") }
    #expect(passed.output.contains("inherited 64402 0"))
    let tool = try BuiltProgram.path("stagekeeper")
    let run = try Program.run(
      "setpriv",
      Self.mallory.options + [
        "unshare", "-U", "-r", tool, "--socket", worker.clientSocket, "whoami", "--json",
      ])
    // Some systems allow no such namespaces; then there is nobody to be mistaken for root.
    if run.exit == .success {
      #expect(try JSONValue(parsing: run.standardOutput, maximumDepth: 64)["uid"] == 64_401)
    }
    try worker.stop()
  }
}
