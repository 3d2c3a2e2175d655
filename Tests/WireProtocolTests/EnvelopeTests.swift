import StrictJSON
import Testing
import WireProtocol

@Suite struct EnvelopeTests {
  private func read(_ text: String) throws(RequestError) -> Request { try Request(body: Array(text.utf8)) }

  @Test func requests() throws {
    let request = try read(#"{"params":{"name":"churn"},"method":"show","id":9007199254740991}"#)
    #expect(request == Request(id: 9_007_199_254_740_991, method: "show", params: ["name": "churn"]))
    #expect(try read(#"{"id":0,"method":"hello"}"#).params == [:])
    #expect(try Request(body: request.json.serialized()) == request)
  }

  @Test(arguments: [
    (#"{"id":1.0,"method":"hello"}"#, nil), (#"{"id":-1,"method":"hello"}"#, nil),
    (#"{"method":"hello"}"#, nil), (#"[1]"#, nil), (#"{"id":5}"#, 5), (#"{"id":5,"method":7}"#, 5),
    (#"{"id":5,"method":"hello","prams":{}}"#, 5), (#"{"id":5,"method":"hello","params":3}"#, 5),
  ])
  func badEnvelopesKeepTheIDWhereItCanBeRead(_ text: String, _ id: Int64?) {
    let error = #expect(throws: RequestError.self) { try read(text) }
    #expect(error?.id == id)
    #expect(error?.error.code == .invalidRequest && error?.error.category == .usage)
  }

  @Test(arguments: ["", "{", "\u{feff}{}", #"{"id":1,"id":1}"#, "{} {}", "nul"])
  func badJSON(_ text: String) {
    let error = #expect(throws: RequestError.self) { try read(text) }
    #expect(error?.id == nil && error?.error.code == .malformedJSON)
  }

  @Test(arguments: [
    Reply(id: 3, .result(["a": 1])), Reply(id: 3, .event(["job": [:]])),
    Reply(
      id: nil,
      .error(WireError(.busy, category: .retry, "later", details: JSONObject([("x", 1)]), retryAfter: 5))),
  ])
  func repliesReadBack(_ reply: Reply) { #expect(Reply(json: reply.json) == reply) }

  @Test func repliesAreReadLeniently() {
    let error: JSONValue = ["id": 1, "error": ["code": "c", "category": "new", "message": "m", "more": 1]]
    #expect(Reply(json: error)?.body == .error(WireError(.init(rawValue: "c"), category: .internal, "m")))
    #expect(Reply(json: ["id": 1, "result": 2, "more": 3])?.body == .result(2))
    #expect(Reply(json: ["id": 1]) == nil)
    #expect(Reply(json: [1]) == nil)
  }
}
