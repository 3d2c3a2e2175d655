import LaneProtocol
import Registry
import StrictJSON
import Testing
import WireProtocol

/// What parent and lane say to each other is understood as it was meant.
struct LaneProtocolTests {
  private let id = ObjectID("0123456789abcdef0123456789abcdef01234567")

  @Test func configuration() throws {
    var configuration = LaneConfiguration(
      repository: "r", url: "ssh://x/y", mirrorDirectory: "/m", taggerName: "T", taggerEmail: "t@x",
      operationSeconds: 60)
    #expect(try LaneConfiguration(configuration.json) == configuration)
    configuration.controlDirectory = "/c"
    configuration.sshKeyFile = "/k"
    configuration.sshKnownHostsFile = "/h"
    configuration.httpsUsername = "u"
    configuration.httpsTokenFile = "/t"
    configuration.httpsCAFile = "/ca"
    configuration.defaultBranch = "main"
    configuration.signing = LaneConfiguration.Signing(
      format: "x509", keyFile: "/s", certificateFile: "/cert", chainFile: "/chain", passphraseFile: "/p")
    #expect(try LaneConfiguration(configuration.json) == configuration)
  }

  @Test func requests() throws {
    let id = try #require(id)
    let draft = TagDraft(
      name: "a#b#1", target: id, message: "é\n\nStagekeeper-Job: x/1\n",
      time: Timestamp(seconds: 5, zoneMinutes: -90))
    let tag = PreparedTag(name: "a@v1", objectID: id, object: [0, 255, 10, 13, 34])
    let configuration = LaneConfiguration(
      repository: "r", url: "/p", mirrorDirectory: "/m", taggerName: "T", taggerEmail: "t@x",
      operationSeconds: 1)
    for request in [
      LaneRequest.open(configuration), .synchronize, .resolve([]), .resolve(["main", "é"]), .prepare([]),
      .prepare([draft, draft]), .push([], branches: [], evenIfChanged: true),
      .push([tag], branches: ["main"], evenIfChanged: false),
    ] {
      let body = Request(id: 1, method: request.method, params: request.params).json.serialized()
      #expect(try LaneRequest(Request(body: body)) == request)
    }
  }

  @Test("what neither end may say is refused")
  func wrongRequests() {
    for (method, params) in [
      ("delete", [:]), ("open", [:]), ("synchronize", ["x": 1]), ("prepare", ["tags": [["name": "a"]]]),
      ("push", ["tags": [["name": "a", "objectId": "zz", "object": ""]]]),
      (
        "push",
        ["tags": [["name": "a", "objectId": "0123456789abcdef0123456789abcdef01234567", "object": "*"]]]
      ),
    ] as [(String, JSONValue)] {
      #expect(throws: JSONShapeError.self, "\(method)") {
        try LaneRequest(Request(id: 1, method: method, params: params))
      }
    }
  }

  @Test func replies() throws {
    var facts = RepositoryFacts(defaultBranch: "main", tip: id)
    facts.stages = ["dev"]
    facts.types = []
    facts.fileProblem = ".gto: line 1"
    #expect(try RepositoryFacts(facts.json) == facts)
    #expect(try RepositoryFacts(RepositoryFacts().json) == RepositoryFacts())
    for reply in [
      PushReply.changed(facts), .done([]),
      .done([
        PushedTag(name: "a#b#1", outcome: .accepted), PushedTag(name: "c", outcome: .taken),
        PushedTag(name: "d", outcome: .rejected, reason: "no"), PushedTag(name: "e", outcome: .alreadyThere),
      ]),
    ] {
      #expect(try PushReply(reply.json) == reply)
    }
    for ref in [
      ResolvedRef(ref: "main", commit: id, branch: "main"),
      ResolvedRef(ref: "x", commit: nil, problem: "ambiguous"),
    ] {
      #expect(try ResolvedRef(ref.json, path: "") == ref)
    }
    let delta = TagDelta(startsOver: true, removed: ["a@v1"])
    #expect(try TagDelta(delta.json) == delta)
  }
}
