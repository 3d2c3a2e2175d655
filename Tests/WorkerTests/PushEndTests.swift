import JobQueue
import LaneProtocol
import StrictJSON
import Testing
import WireProtocol

@testable import Worker

struct PushEndTests {
  private let accepted = PushedTag(name: "a@v1", outcome: .accepted)
  private let there = PushedTag(name: "a#s#1", outcome: .alreadyThere)
  private let taken = PushedTag(name: "a#s#1", outcome: .taken)
  private let refused = PushedTag(name: "a#s#1", outcome: .rejected, reason: "no")

  @Test func ends() {
    #expect(PushEnd(of: ["a@v1", "a#s#1"], in: [accepted, there]) == .landed)
    #expect(PushEnd(of: ["a@v1", "a#s#1"], in: [accepted, taken]) == .taken("a#s#1"))
    #expect(
      PushEnd(of: ["a@v1", "a#s#1"], in: [accepted, refused]) == .rejected("a#s#1: no; it has taken a@v1"))
    let unsent = PushedTag(name: "a#s#1", outcome: .unsent)
    #expect(PushEnd(of: ["a@v1", "a#s#1"], in: [accepted, unsent]) == .unsent)
    // A refusal outweighs a lost race; tags of other jobs do not count.
    let mine = PushedTag(name: "a@v1", outcome: .taken)
    #expect(PushEnd(of: ["a@v1", "a#s#1"], in: [mine, refused]) == .rejected("a#s#1: no"))
    #expect(PushEnd(of: ["a@v1"], in: [accepted, refused]) == .landed)
  }

  @Test("a tag of which the server says nothing did not land")
  func silence() {
    guard case .rejected = PushEnd(of: ["a@v1"], in: []) else {
      Issue.record("silence was taken for consent")
      return
    }
  }

  @Test func errorsKeepTheirShape() {
    let error = WireError(
      .remoteTimeout, category: .retry, "too long", details: JSONObject([("outcomeUnknown", true)]),
      retryAfter: 3)
    #expect(JobError(error).wireError == error)
    #expect(error.isOutcomeUnknown)
    #expect(JobError(WireError(.notAllowed, category: .denied, "no")).wireError.category == .denied)
  }

  @Test func snakeCase() {
    #expect("alreadyInStage".snakeCased == "already_in_stage")
    #expect("refused".snakeCased == "refused")
  }

  @Test("what is written to the output buffer comes out in order and in full")
  func outputBuffer() {
    var buffer = OutputBuffer()
    #expect(buffer.isEmpty)
    buffer.append([1, 2, 3])
    buffer.append([4])
    buffer.append([5, 6])
    var read: [UInt8] = []
    for size in [2, 1, 1, 1, 1] {
      let part = buffer.withNextBytes { Array($0.prefix(size)) }
      read += part
      buffer.consume(part.count)
    }
    #expect(read == [1, 2, 3, 4, 5, 6])
    #expect(buffer.isEmpty)
  }
}
