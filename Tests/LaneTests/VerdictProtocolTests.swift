import LaneProtocol
import Registry
import StrictJSON
import Testing
import WireProtocol

/// What parent and lane say of signatures and keys is understood as it was meant.
struct VerdictProtocolTests {
  private let id = ObjectID("0123456789abcdef0123456789abcdef01234567")

  private func configuration(_ verification: LaneConfiguration.Verification) -> LaneConfiguration {
    var configuration = LaneConfiguration(
      repository: "r", url: "/p", mirrorDirectory: "/m", taggerName: "T", taggerEmail: "t@x",
      operationSeconds: 1)
    configuration.verification = verification
    return configuration
  }

  @Test func requests() throws {
    let files = LaneConfiguration.Verification(
      allowedSignersFile: "/a", revokedKeysFile: "/r", caFile: "/c")
    for request in [
      LaneRequest.open(configuration(files)), .checkKeys(configuration(.init(caFile: "/c"))), .verify([]),
      .verify([TagToVerify(ref: "a@v1", objectID: id), TagToVerify(ref: "é")]),
    ] + SigningKeyForm.allCases.map(LaneRequest.exportSigningKey) {
      let body = Request(id: 1, method: request.method, params: request.params).json.serialized()
      #expect(try LaneRequest(Request(body: body)) == request)
    }
  }

  @Test func replies() throws {
    var verdict = TagVerdict("a#b#1", .good, "signed by x", objectID: id)
    verdict.format = "x509"
    verdict.identity = "CN=é"
    verdict.keyFingerprint = "SHA256:k"
    verdict.certificateFingerprint = "SHA256:c"
    verdict.taggerTime = -1
    let verdicts = [verdict, TagVerdict("c", .noSuchRef, "none")]
    #expect(try [TagVerdict](verdicts.json) == verdicts)
    let problems = [KeyProblem(code: "signing_key", message: "no such file")]
    #expect(try [KeyProblem](problems.json) == problems)
  }

  @Test("what neither end may say is refused")
  func wrongRequests() {
    for (method, params) in [
      ("verify", ["tags": [["objectId": "zz", "ref": "a"]]]), ("verify", ["refs": []]),
      ("exportSigningKey", [:]), ("exportSigningKey", ["form": "private"]), ("checkKeys", [:]),
    ] as [(String, JSONValue)] {
      #expect(throws: JSONShapeError.self, "\(method)") {
        try LaneRequest(Request(id: 1, method: method, params: params))
      }
    }
  }
}
