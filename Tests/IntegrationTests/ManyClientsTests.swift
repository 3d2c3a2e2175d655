import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// What must hold when many promote at once. Each suite of this target runs its tests one after the other:
/// they are heavy.
@Suite(.serialized)
struct ManyClientsTests {
  @Test("64 clients at once on one artifact over ssh: 64 succeed with 64 counters in order")
  func sixtyFourClients() throws {
    let remote = try GitFixture()
    try remote.tag("model@v1.0.0")
    let server = try SSHServer()
    let worker = try WorkerFixture(configuration: sshConfiguration(["demo": server.url(remote.path)], server))
    let clients = try (0..<64).map { _ in
      try worker.begin([
        "assign", "model", "--version", "v1.0.0", "--stage", "prod", "--force", "--repo", "demo", "--json",
      ])
    }
    let runs = try clients.map { try $0.finish() }
    for run in runs { #expect(run.exit == .success, "\(run)") }
    let refs = Set(runs.compactMap { $0.json["ref"]?.stringValue })
    #expect(refs == Set((1...64).map { "model#prod#\($0)" }))
    try expectAcknowledged(runs, in: remote)
    try expectCountersInOrder(try GTO(cloneOf: remote.path).json("history", "model", "--ascending"), upTo: 64)
    try worker.stop()
  }

  @Test("two workers on one remote, 50 assignments each at once: 100 tags, nothing overwritten")
  func twoWorkers() throws {
    let remote = try GitFixture()
    try remote.tag("model@v1.0.0")
    let workers = [try WorkerFixture(["demo": remote.path]), try WorkerFixture(["demo": remote.path])]
    var clients: [RunningProgram] = []
    for _ in 0..<50 {
      for worker in workers {
        clients.append(
          try worker.begin(["assign", "model", "--version", "v1.0.0", "--stage", "prod", "--force", "--json"])
        )
      }
    }
    let runs = try clients.map { try $0.finish() }
    for run in runs { #expect(run.exit == .success, "\(run)") }
    #expect(Set(try remote.tags()) == Set(["model@v1.0.0"] + (1...100).map { "model#prod#\($0)" }))
    try expectAcknowledged(runs, in: remote)
    try expectCountersInOrder(
      try GTO(cloneOf: remote.path).json("history", "model", "--ascending"), upTo: 100)
    for worker in workers { try worker.stop() }
  }

  /// Every acknowledged tag is in the remote as the object that was reported.
  private func expectAcknowledged(_ runs: [CommandRun], in remote: GitFixture) throws {
    var refs: [String: String] = [:]
    for line in try remote.git("for-each-ref", "--format=%(refname:short) %(objectname)", "refs/tags").split(
      separator: "\n")
    {
      let parts = line.split(separator: " ")
      refs[String(parts[0])] = String(parts[1])
    }
    for run in runs {
      let ref = try #require(run.json["ref"]?.stringValue)
      #expect(refs[ref] == run.json["objectId"]?.stringValue, "\(ref)")
    }
  }

  /// GTO shows the assignments in the order of their counters.
  private func expectCountersInOrder(_ history: JSONValue, upTo count: Int) throws {
    let refs = (history.arrayValue ?? []).compactMap { $0["ref"]?.stringValue }.filter { $0.contains("#") }
    #expect(refs == (1...count).map { "model#prod#\($0)" })
  }
}

/// The members of a configuration that serves repositories over ssh to the user who runs the tests.
func sshConfiguration(
  _ repositories: KeyValuePairs<String, String>, _ server: SSHServer, limits: String = ""
) -> String {
  let entries = repositories.map { id, url in
    """
    "\(id)": { url: "\(url)", ssh: { keyFile: "\(server.keyFile)", knownHostsFile: "\(server.knownHostsFile)" } },
    """
  }.joined(separator: "\n")
  return "repositories: { \(entries) }, \(ownerGrant) limits: { \(limits) },"
}

/// Everything is allowed to the user who runs the tests.
var ownerGrant: String {
  """
  tenants: { owner: { uids: [\(ThisProcess.uid)] } },
  grants: [ { tenants: ["owner"], repositories: ["*"], actions: ["*"] } ],
  """
}
