import StrictJSON
import SystemCalls
import TestSupport
import Testing
import WireProtocol

/// Bytes that are no requests: a typed error or a closed connection, and the worker lives on.
@Suite(.serialized)
struct FrameTests {
  struct Bytes: CustomTestStringConvertible, Sendable {
    let name: String
    let bytes: [UInt8]
    /// The code of the only reply; nil: none is expected.
    let code: String?
    /// Whether the connection is over afterwards.
    let closes: Bool

    var testDescription: String { name }

    static func text(_ name: String, _ text: String, _ code: String) -> Bytes {
      Bytes(name: name, bytes: frame(Array(text.utf8)), code: code, closes: false)
    }
  }

  static let cases = [
    Bytes(name: "length 0", bytes: [0, 0, 0, 0], code: "malformed_frame", closes: true),
    Bytes(name: "one over the limit", bytes: [0, 1, 0, 1], code: "frame_too_large", closes: true),
    Bytes(
      name: "the largest length", bytes: [255, 255, 255, 255, 1, 2, 3], code: "frame_too_large", closes: true),
    Bytes(
      name: "text without frames", bytes: Array("GET / HTTP/1.1\r\n\r\n".utf8), code: "frame_too_large",
      closes: true),
    Bytes(name: "half a length", bytes: [0, 0], code: nil, closes: false),
    Bytes(name: "half a frame", bytes: [0, 0, 0, 9, 0x7B], code: nil, closes: false),
    .text("garbage", "\u{1}\u{2}garbage", "malformed_json"),
    Bytes(name: "no UTF-8", bytes: frame([0x22, 0xFF, 0xFE, 0x22]), code: "malformed_json", closes: false),
    .text("nested too deep", String(repeating: "[", count: 60_000), "malformed_json"),
    .text("an array", "[1]", "invalid_request"),
    .text("an id of a wrong type", #"{"id":"1","method":"hello"}"#, "invalid_request"),
    .text("a method of a wrong type", #"{"id":1,"method":7}"#, "invalid_request"),
    .text("parameters of a wrong type", #"{"id":1,"method":"hello","params":[]}"#, "invalid_request"),
    .text("an unknown member", #"{"id":1,"method":"hello","extra":1}"#, "invalid_request"),
    .text("an unknown method", #"{"id":1,"method":"asign","params":{}}"#, "unknown_method"),
    .text(
      "a parameter of a wrong type", #"{"id":1,"method":"show","params":{"repository":1}}"#,
      "invalid_parameter"),
    .text("an unknown parameter", #"{"id":1,"method":"whoami","params":{"x":1}}"#, "invalid_parameter"),
  ]

  @Test func badBytes() throws {
    let remote = try GitFixture()
    let worker = try WorkerFixture(["demo": remote.path])
    for socket in [worker.clientSocket, worker.adminSocket] {
      for bad in Self.cases where socket == worker.clientSocket || bad.code != "invalid_parameter" {
        try check(bad, socket)
        // Others are not disturbed.
        let other = try RawConnection(socket)
        other.request(7, "hello")
        #expect(try other.reply()?["result"]?["protocol"] == 1, "\(bad.name)")
      }
    }
    try worker.ask("register", "model", "--version", "v1.0.0")
    try worker.stop()
  }

  private func check(_ bad: Bytes, _ socket: String) throws {
    let connection = try RawConnection(socket)
    connection.send(bad.bytes)
    if bad.code == nil { connection.finishSending() }
    if let code = bad.code {
      #expect(try connection.reply()?["error"]?["code"]?.stringValue == code, "\(bad.name)")
    }
    if bad.closes || bad.code == nil {
      #expect(try connection.reply() == nil, "\(bad.name)")
    } else {
      connection.request(8, "hello")
      #expect(try connection.reply()?["id"] == 8, "\(bad.name)")
    }
  }

  @Test("a frame that never ends is given up; a silent connection stays until it idles")
  func slowFrames() throws {
    let remote = try GitFixture()
    let worker = try WorkerFixture(
      configuration: """
        repositories: { demo: { url: "\(remote.path)" } }, \(ownerGrant)
        limits: { frameSeconds: 1, idleSeconds: 2 },
        """)
    let half = try RawConnection(worker.clientSocket)
    half.send([0, 0, 0, 9, 0x7B])
    let silent = try RawConnection(worker.clientSocket)
    #expect(try half.reply() == nil)
    #expect(try silent.reply() == nil)
    try worker.stop()
  }

  @Test("who has always begun the next frame is slow with none of them")
  func overlappingFrames() throws {
    let remote = try GitFixture()
    let worker = try WorkerFixture(
      configuration: """
        repositories: { demo: { url: "\(remote.path)" } }, \(ownerGrant) limits: { frameSeconds: 5 },
        """)
    let connection = try RawConnection(worker.clientSocket)
    let longer = MonotonicTime.after(seconds: 6)
    var number: Int64 = 0
    var rest: [UInt8] = []
    repeat {
      number += 1
      let next = frame(Request(id: number, method: "hello", params: [:]).json.serialized())
      connection.send(rest + next.prefix(9))
      if number > 1 { try #require(try connection.reply()?["id"]?.integerValue == number - 1) }
      rest = Array(next.dropFirst(9))
    } while !longer.hasPassed
    try worker.stop()
  }

  @Test("many requests on one connection: each is answered under its id, one too many is told so")
  func pipelining() throws {
    let remote = try GitFixture()
    let worker = try WorkerFixture(["demo": remote.path])
    let connection = try RawConnection(worker.clientSocket)
    for id in 0..<50 { connection.request(Int64(id), "whoami") }
    connection.finishSending()
    var ids: Set<Int64> = []
    while let reply = try connection.reply() { ids.insert(try #require(reply["id"]?.integerValue)) }
    #expect(ids == Set(0..<50))
    try worker.stop()
  }

  @Test("more connections than one user may have are told so")
  func tooManyConnections() throws {
    let remote = try GitFixture()
    let worker = try WorkerFixture(
      configuration: """
        repositories: { demo: { url: "\(remote.path)" } }, \(ownerGrant) limits: { connectionsPerUser: 3 },
        """)
    let connections = try (0..<3).map { _ in try RawConnection(worker.clientSocket) }
    for connection in connections {
      connection.request(1, "hello")
      #expect(try connection.reply()?["result"] != nil)
    }
    let fourth = try RawConnection(worker.clientSocket)
    let refusal = try fourth.reply()
    #expect(refusal?["error"]?["code"] == "busy")
    #expect(refusal?["error"]?["category"] == "retry")
    #expect(try fourth.reply() == nil)
    try worker.stop()
  }

  @Test("a client that goes away does not take its job with it")
  func disconnect() throws {
    let remote = try GitFixture()
    let worker = try WorkerFixture(["demo": remote.path])
    try worker.administer("pause", "demo")
    do {
      let connection = try RawConnection(worker.clientSocket)
      connection.request(1, "register", ["repository": "demo", "artifact": "model", "version": "v1.0.0"])
      #expect(try connection.reply()?["event"]?["job"]?["state"] == "queued")
    }
    try worker.administer("resume", "demo")
    try worker.waitForJob("1", state: "succeeded")
    #expect(try remote.tags() == ["model@v1.0.0"])
    try worker.stop()
  }
}
