import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// Two tenants in one repository, each with artifacts of its own. One of them tries everything that the protocol has on
/// what is the other's: nothing changes, and no answer says what was not known before.
@Suite(.serialized, .enabled(if: ThisProcess.uid == 0, "needs root: clients run under other uids"))
struct TenantWallTests {
  private static let alice = Account(uid: 64_601, gid: 64_601)
  private static let mallory = Account(uid: 64_602, gid: 64_602)

  private let remote: GitFixture
  private let worker: WorkerFixture

  init() throws {
    remote = try GitFixture(files: [
      "artifacts.yaml":
        "secret-model:\n  type: model\n  path: hidden.pkl\n  description: top-secret\nmine:\n  type: model\n  path: a.pkl\n"
    ])
    try remote.tag("secret-model@v9.9.9", message: "top-secret")
    try remote.tag("secret-model#launch#1", message: "top-secret")
    try remote.tag("mine@v1.0.0")
    worker = try WorkerFixture(
      configuration: """
        repositories: { demo: { url: "\(remote.path)", allowDelete: true }, other: { url: "\(remote.path)" } },
        tenants: { alice: { uids: [64601] }, mallory: { uids: [64602] }, approvers: { uids: [64603] } },
        grants: [
          { tenants: ["alice"], repositories: ["*"], artifacts: ["secret*"], actions: ["*"] },
          { tenants: ["mallory"], repositories: ["demo"], artifacts: ["mine*"], actions: ["*"], stages: ["dev"] },
        ],
        conditions: [
          { repositories: ["demo"], artifacts: ["secret*"], stages: ["prod"],
            approvals: { required: 1, approvers: ["approvers"] } },
        ],
        """)
  }

  /// What only the other tenant knows.
  private static let secrets = ["v9.9.9", "launch", "top-secret", "hidden.pkl", "64601", "\"alice\""]

  private func aliceAsks(_ arguments: String...) throws -> String {
    let run = try Program.run(
      "setpriv",
      Self.alice.options + [try BuiltProgram.path("stagekeeper"), "--socket", worker.clientSocket] + arguments
        + ["--repo", "demo", "--no-wait", "--json"])
    return try #require(
      try JSONValue(parsing: run.standardOutput)["job"]?.stringValue, "\(run.text)\(run.errorText)")
  }

  /// Sends requests as mallory, one after the other on one connection.
  private func malloryAsks(_ requests: [(method: String, params: JSONValue)]) throws -> [JSONValue] {
    let list = JSONValue.array(requests.map { ["method": .string($0.method), "params": $0.params] })
    let file = try worker.directory.write("requests.json", list.text())
    try Program.check("chmod", ["644", file])
    let client = try HostileClient.start(
      worker, as: Self.mallory,
      """
      s = connect()
      for n, request in enumerate(json.load(open('\(file)'))):
          s.sendall(frame(json.dumps({'id': n + 1, **request})))
          answer = reply(s)
          while 'event' in answer: answer = reply(s)
          say(json.dumps(answer))
      say('over')
      """)
    try Eventually.holds("all is answered: \(client.output)") { client.output.hasSuffix("over\n") }
    return try client.output.split(separator: "\n").dropLast().map {
      try JSONValue(parsing: Array($0.utf8), maximumDepth: 64)
    }
  }

  private func expectNoSecret(_ requests: [(method: String, params: JSONValue)], _ answers: [JSONValue]) {
    for (request, answer) in zip(requests, answers) {
      let asked = request.params.text()
      let text = answer.text()
      for secret in Self.secrets where !asked.contains(secret) {
        #expect(!text.contains(secret), "\(request.method) \(asked): \(text)")
      }
    }
  }

  @Test(
    "a ref of the other tenant's answers as one that does not exist, and conditions of theirs are not listed")
  func refs() throws {
    func questions(_ ref: String) -> [(method: String, params: JSONValue)] {
      [
        ("describe", ["repository": "demo", "name": "mine", "rev": .string(ref)]),
        ("describe", ["repository": "demo", "name": "mine", "rev": .string("refs/tags/\(ref)")]),
        (
          "register",
          [
            "repository": "demo", "artifact": "mine-2", "version": "v1.0.0", "ref": .string(ref),
            "dryRun": true,
          ]
        ),
        (
          "assign",
          [
            "repository": "demo", "artifact": "mine-2", "version": "v1.0.0", "ref": .string(ref),
            "stage": "dev",
          ]
        ),
      ]
    }
    let there = try malloryAsks(questions("secret-model@v9.9.9"))
    let nowhere = try malloryAsks(questions("secret-model@v9.9.8"))
    for (one, other) in zip(there, nowhere) {
      #expect(one["error"]?["code"] == "unknown_ref", "\(one)")
      #expect(
        one["error"]?["message"]?.stringValue?.replacing("v9.9.9", with: "v9.9.8")
          == other["error"]?["message"]?.stringValue)
    }
    let mine = try malloryAsks(questions("mine@v1.0.0"))
    #expect(mine.allSatisfy { $0["result"] != nil }, "\(mine)")
    let whoami = try malloryAsks([("whoami", [:])])
    #expect(whoami[0]["result"]?["repositories"]?[0]?["conditions"] == [], "\(whoami)")
    try worker.stop()
  }

  @Test("every write, with every form of naming it")
  func writes() throws {
    let before = try remote.tags()
    var requests: [(method: String, params: JSONValue)] = []
    for repository in ["demo", "other", "none"] {
      for artifact in ["secret-model", "secret-new", "folder:secret"] {
        for more: [String: JSONValue] in [[:], ["dryRun": true], ["force": true], ["requestKey": "ci-1"]] {
          for action in ["register", "assign", "unassign", "deregister", "deprecate", "rollback"] {
            var object = JSONObject([("repository", .string(repository)), ("artifact", .string(artifact))])
            if ["assign", "unassign", "rollback"].contains(action) { object["stage"] = "dev" }
            if ["assign", "unassign", "deregister"].contains(action) { object["version"] = "v1.0.0" }
            for (key, value) in more { object[key] = value }
            requests.append((action, .object(object)))
            if ["unassign", "deregister", "deprecate"].contains(action) {
              object["delete"] = true
              requests.append((action, .object(object)))
            }
          }
        }
      }
    }
    // One's own artifact in somebody else's stage, and another's version by its ref.
    requests.append(
      ("assign", ["repository": "demo", "artifact": "mine", "version": "v1.0.0", "stage": "launch"]))
    let answers = try malloryAsks(requests)
    for (request, answer) in zip(requests, answers) {
      #expect(
        answer["error"]?["code"] == "not_allowed",
        "\(request.method) \(request.params.text()): \(answer.text())")
    }
    expectNoSecret(requests, answers)
    #expect(try remote.tags() == before)
    #expect(try worker.administer("stats")["jobs"]?.text().contains("1") != true)
  }

  @Test("every read")
  func reads() throws {
    var requests: [(method: String, params: JSONValue)] = []
    let names: [JSONValue] = [
      "secret-model", "secret-model@latest", "secret-model@greatest", "secret-model@v9.9.9",
      "secret-model#launch",
    ]
    for name in names {
      requests.append(("show", ["repository": "demo", "name": name]))
      requests.append(("history", ["repository": "demo", "name": name]))
      requests.append(("describe", ["repository": "demo", "name": name]))
      requests.append(("verify", ["repository": "demo", "name": name]))
    }
    for ref: JSONValue in ["secret-model@v9.9.9", "refs/tags/secret-model#launch#1", "secret-model#launch#1"]
    {
      requests.append(("checkRef", ["repository": "demo", "ref": ref]))
      requests.append(("verify", ["repository": "demo", "ref": ref]))
    }
    for method in ["show", "history", "stages", "doctor", "checkRef", "describe", "verify"] {
      requests.append((method, ["repository": "other"]))
    }
    let answers = try malloryAsks(requests)
    for (request, answer) in zip(requests, answers) {
      #expect(answer["result"] == nil, "\(request.method) \(request.params.text()): \(answer.text())")
    }
    expectNoSecret(requests, answers)
    // What is about the whole repository has its own part alone.
    let whole: [(method: String, params: JSONValue)] =
      [("show", ["repository": "demo", "deprecated": true]), ("history", ["repository": "demo"])]
      + [
        ("stages", ["repository": "demo", "used": true]), ("doctor", ["repository": "demo"]), ("whoami", [:]),
      ]
      + [("job.list", [:]), ("approvals", [:])]
    let parts = try malloryAsks(whole)
    expectNoSecret(whole, parts)
    #expect(parts[0]["result"]?["value"]?.text().contains("mine") == true, "\(parts[0].text())")
    for part in parts { #expect(!part.text().contains("secret-model"), "\(part.text())") }
  }

  @Test("another tenant's jobs: status, wait, cancel, approval, in every state")
  func jobs() throws {
    let done = try aliceAsks("register", "secret-new", "--version", "v9.9.9")
    try Eventually.holds("it is done") {
      try worker.administer("job", done)["state"]?.stringValue == "succeeded"
    }
    let waiting = try aliceAsks("assign", "secret-new", "--version", "v9.9.9", "--stage", "prod")
    try Eventually.holds("it waits for approval") {
      try worker.administer("job", waiting)["state"]?.stringValue == "awaiting_approval"
    }
    try worker.administer("pause", "demo")
    let queued = try aliceAsks("assign", "secret-new", "--version", "v9.9.9", "--stage", "dev")
    var requests: [(method: String, params: JSONValue)] = []
    for job in [done, waiting, queued, "999999"] {
      for method in ["job.status", "job.wait", "job.cancel", "approve", "reject"] {
        requests.append((method, ["job": .string(job)]))
      }
    }
    let answers = try malloryAsks(requests)
    for (request, answer) in zip(requests, answers) {
      #expect(
        answer["error"]?["code"] == "unknown_job",
        "\(request.method) \(request.params.text()): \(answer.text())")
    }
    // Not even whether there is such a job.
    let words = Set(answers.map { $0["error"]?["message"]?.stringValue ?? "" })
    #expect(words.count == 1, "\(words)")
    expectNoSecret(requests, answers)
    #expect(try worker.administer("job", waiting)["state"] == "awaiting_approval")
    try worker.administer("resume", "demo")
    try Eventually.holds("the other one is done") {
      try worker.administer("job", queued)["state"]?.stringValue == "succeeded"
    }
  }
}
