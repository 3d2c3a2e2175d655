import StrictJSON
import Testing
import WireProtocol

@Suite struct WriteRequestTests {
  private let full = WriteRequest(
    .assign, repository: "demo", artifact: "churn", version: "v1.0.0", stage: "prod",
    message: "ü", force: true, simple: .false, skipRegistration: true, ifCurrent: "none",
    deadline: 1_800_000_000_000, requestKey: "k", dryRun: true, wait: false)

  @Test func parametersReadBack() throws {
    #expect(try WriteRequest(.assign, params: full.params) == full)
    var other = full
    (other.ref, other.version) = ("main", nil)
    #expect(try WriteRequest(.assign, params: other.params) == other)
    let rollback = WriteRequest(
      .rollback, repository: "demo", artifact: "churn", stage: "prod", ifCurrent: "v1.0.0")
    #expect(try WriteRequest(.rollback, params: rollback.params) == rollback)
    let plain = WriteRequest(.deprecate, repository: "demo", artifact: "churn")
    #expect(plain.params == ["repository": "demo", "artifact": "churn"])
    #expect(try WriteRequest(.deprecate, params: plain.params) == plain)
  }

  /// What a repeated key is compared by says nothing of how the answer is delivered.
  @Test func theBodyIsWhatIsAskedFor() throws {
    var other = full
    other.requestKey = "another"
    other.wait = true
    other.dryRun = false
    #expect(full.body == other.body)
    let read = try WriteRequest(body: .object(full.body))
    #expect(read.body == full.body && read.action == .assign && read.requestKey == nil)
  }

  private static let mistakes: [(WriteAction, JSONValue, String)] = [
    (.assign, ["stage": .null], "params.stage"),
    (.register, ["stage": "prod"], "params.stage"),
    (
      .assign, ["stage": "dev", "ref": "main", "version": "v1.0.0", "skipRegistration": true],
      "params.skipRegistration"
    ),
    (.assign, ["stage": "prod", "bump": "major"], "params.bump"),
    (.register, ["version": "v1.0.0", "bump": "major"], "params.bump"),
    (.register, ["bump": "huge"], "params.bump"),
    (.register, ["ifCurrent": "none"], "params.ifCurrent"),
    (.rollback, ["version": "v1.0.0"], "params.stage"),
    (.rollback, ["stage": "prod", "version": "v1.0.0"], "params.version"),
    (.rollback, ["stage": "prod", "ref": "main"], "params.ref"),
    (.register, ["skipRegistration": true], "params.skipRegistration"),
    (.unassign, ["stage": "prod"], "params.version"),
    (.deregister, ["version": "v1.0.0", "ref": "main"], "params.ref"),
    (.deprecate, ["version": "v1.0.0"], "params.version"),
    (.deprecate, ["simple": "true", "force": true], "params.simple"),
    (.register, ["requestKey": ""], "params.requestKey"),
    (.register, ["requestKey": .string(String(repeating: "k", count: 201))], "params.requestKey"),
    (.register, ["message": .string(String(repeating: "ü", count: 8193))], "params.message"),
    (.register, ["force": "yes"], "params.force"),
    (.register, ["deadline": -1], "params.deadline"),
    (.register, ["simple": true], "params.simple"),
    (.register, ["artefact": "x"], "params.artefact"),
  ]

  @Test(arguments: mistakes)
  func refused(_ action: WriteAction, _ members: JSONValue, _ path: String) {
    var object = JSONObject([("repository", "demo"), ("artifact", "churn")])
    for (key, value) in members.objectValue?.members ?? [] { object[key] = value }
    let error = #expect(throws: JSONShapeError.self) { try WriteRequest(action, params: .object(object)) }
    #expect(error?.path == path)
  }

  @Test func theLongestValuesAreFine() throws {
    let params: JSONValue = [
      "repository": "demo", "artifact": "churn",
      "message": .string(String(repeating: "m", count: ProtocolLimits.messageBytes)),
      "requestKey": .string(String(repeating: "k", count: ProtocolLimits.requestKeyBytes)),
    ]
    #expect(throws: Never.self) { try WriteRequest(.register, params: params) }
  }
}
