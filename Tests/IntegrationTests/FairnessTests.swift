import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// What one tenant has in line does not hold up another: counted in pushes. Needs the superuser, who alone
/// can be two users.
@Suite(.serialized, .enabled(if: ThisProcess.uid == 0, "needs root: tenants run under other uids"))
struct FairnessTests {
  private static let crowd = Account(uid: 64_301, gid: 64_301)
  private static let single = Account(uid: 64_302, gid: 64_302)
  private static let crowdJobs = 300

  /// A remote that writes down which tags each push brings, and holds a push while the gate is shut.
  private final class CountingRemote {
    let remote: GitFixture
    private let directory: TemporaryDirectory

    init() throws {
      remote = try GitFixture()
      directory = try TemporaryDirectory()
      try remote.installHook(
        "pre-receive",
        """
        tags=$(while read old new ref; do printf '%s ' "${ref#refs/tags/}"; done)
        echo "$tags" >> \(directory.path)/pushes
        while [ -e \(directory.path)/shut ]; do : > \(directory.path)/held; sleep 0.02; done
        rm -f \(directory.path)/held
        """)
    }

    /// Holds the next push, or the one that is about to ask.
    func shut() throws { try directory.write("shut", "") }

    /// - Returns: the place of the push that is held, from 1.
    func waitForHeldPush() throws -> Int {
      let path = directory.appending("held")
      try Eventually.holds("a push is held") { try Files.kind(of: path) != nil }
      return try pushes().count
    }

    func open() throws { try Files.remove(directory.appending("shut")) }

    /// The tags of each push, in the order of the pushes.
    func pushes() throws -> [[String]] {
      let path = directory.appending("pushes")
      if try Files.kind(of: path) == nil { return [] }
      return String(decoding: try Files.read(path, limit: 1 << 20), as: UTF8.self)
        .split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    }
  }

  @Test("a tenant with 300 jobs in line delays another's single job by the batch in flight plus one")
  func singleJob() throws {
    let counting = try CountingRemote()
    let worker = try WorkerFixture(
      configuration: """
        repositories: { demo: { url: "\(counting.remote.path)" } },
        tenants: { crowd: { uids: [\(Self.crowd.uid)] }, single: { uids: [\(Self.single.uid)] } },
        grants: [ { tenants: ["crowd", "single"], repositories: ["demo"], actions: ["*"] } ],
        """)
    try worker.administer("pause", "demo")
    try queueCrowd(worker)
    try counting.shut()
    try worker.administer("resume", "demo")
    for turn in 1...4 {
      let inFlight = try counting.waitForHeldPush()
      let name = "single\(turn)"
      try submitSingle(name, worker)
      try counting.open()
      try Eventually.holds("\(name) is pushed") { try position(of: name, in: counting) != nil }
      let found = try #require(try position(of: name, in: counting))
      #expect(found - inFlight <= 2, "\(name) came \(found - inFlight) pushes after the one in flight")
      try counting.shut()
    }
    // The bound means something only while the other tenant has work.
    let left = try worker.administer("queue", "--tenant", "crowd", "--limit", "1")["total"]?.integerValue
    #expect(left ?? 0 > 100, "\(left ?? 0) jobs of the crowd are left")
    try counting.open()
    try worker.stop()
  }

  private func position(of artifact: String, in counting: CountingRemote) throws -> Int? {
    try counting.pushes().firstIndex { $0.contains("\(artifact)@v1.0.0") }.map { $0 + 1 }
  }

  private func submitSingle(_ name: String, _ worker: WorkerFixture) throws {
    let run = try worker.stagekeeper(
      "register", name, "--version", "v1.0.0", "--repo", "demo", "--no-wait", as: Self.single)
    #expect(run.exit == .success, "\(run)")
  }

  /// One connection that sends all requests at once.
  private func queueCrowd(_ worker: WorkerFixture) throws {
    let output = try Program.run(
      "setpriv",
      Self.crowd.options + [
        "/usr/bin/python3", "-c", Self.submitter, worker.clientSocket, "\(Self.crowdJobs)",
      ])
    #expect(output.exit == .success, "\(output.text) \(output.errorText)")
    let total = try worker.administer("queue", "--tenant", "crowd", "--limit", "1")["total"]
    #expect(total == .integer(Int64(Self.crowdJobs)))
  }

  /// A client made of nothing but the protocol's text.
  private static let submitter = """
    import json, socket, struct, sys
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM); s.connect(sys.argv[1])
    f = s.makefile("rwb")
    for number in range(int(sys.argv[2])):
        body = json.dumps({"id": number + 1, "method": "register", "params": {"repository": "demo",
            "artifact": "crowd%d" % number, "version": "v1.0.0",
            "wait": False}}).encode()
        f.write(struct.pack(">I", len(body)) + body); f.flush()
        reply = json.loads(f.read(struct.unpack(">I", f.read(4))[0]))
        if "result" not in reply: sys.exit(json.dumps(reply))
    """
}
