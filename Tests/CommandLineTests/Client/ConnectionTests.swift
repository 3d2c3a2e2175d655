import StagekeeperClient
import Synchronization
import Testing

/// One connection for many requests, and replies that are not as they should be.
@Suite struct ConnectionTests {
  @Test func repliesInAnyOrderReachTheirRequests() async throws {
    let held = Mutex<[Request]>([])
    let server = try ScriptedServer { _, request in
      let all = held.withLock { held in
        held.append(request)
        return held
      }
      // The last one first.
      return all.count < 8
        ? [] : all.reversed().map { .result($0, ["jobs": [], "value": $0.params["name"] ?? .null]) }
    }
    let client = StagekeeperClient(socketPath: server.path)
    let answers = await withTaskGroup(of: (Int, JSONValue?).self) { group in
      for number in 0..<8 {
        group.addTask {
          let request = ShowRequest(repository: "demo", name: "n\(number)")
          return (number, try? await client.read(request).value)
        }
      }
      return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    for number in 0..<8 { #expect(answers[number] == .string("n\(number)")) }
    #expect(Set(server.requests.map(\.id)).count == 8)
  }

  @Test func pagesArePutTogether() async throws {
    let server = try ScriptedServer { number, request in
      let part: JSONValue = ["value": [.integer(Int64(number))], "asOf": "now"]
      guard number < 3, case .object(var object) = part else { return [.result(request, part)] }
      object["next"] = .string("p\(number)")
      return [.result(request, .object(object))]
    }
    let answer = try await StagekeeperClient(socketPath: server.path).read(HistoryRequest(repository: "demo"))
    #expect(answer.value == [1, 2, 3] && answer.asOf == "now")
    #expect(server.requests.map { $0.params["after"] } == [nil, "p1", "p2"])
  }

  @Test func aPageThatIsAskedForStaysOne() async throws {
    let server = try ScriptedServer { _, request in [.result(request, ["value": [1], "next": "p1"])] }
    var request = HistoryRequest(repository: "demo")
    request.page.limit = 1
    let answer = try await StagekeeperClient(socketPath: server.path).read(request)
    #expect(answer.value == [1] && server.requests.count == 1)
  }

  @Test func unknownMembersAndCategoriesAreRead() async throws {
    let server = try ScriptedServer { _, request in
      [
        .reply(Reply(id: request.id, .event(["weather": "fine"]))),
        .error(request, WireError(WireError.Code(rawValue: "new_code"), category: .retry, "later")),
      ]
    }
    let error = await #expect(throws: ClientError.self) {
      try await StagekeeperClient(socketPath: server.path).whoami()
    }
    #expect(error?.workerError?.code.rawValue == "new_code" && error?.category == .retry)
  }

  @Test func anErrorAboutTheConnectionEndsItsRequests() async throws {
    let server = try ScriptedServer { _, _ in
      [.reply(Reply(id: nil, .error(WireError(.busy, category: .retry, "full")))), .close]
    }
    let error = await #expect(throws: ClientError.self) {
      try await StagekeeperClient(socketPath: server.path).whoami()
    }
    #expect(error?.workerError?.code == .busy)
  }

  @Test func aRequestOverTheLimitIsNotSent() async throws {
    let server = try ScriptedServer { _, request in [.result(request, [:])] }
    let client = StagekeeperClient(socketPath: server.path)
    let name = String(repeating: "x", count: ProtocolLimits.requestBytes)
    let error = await #expect(throws: ClientError.self) {
      try await client.read(ShowRequest(repository: "demo", name: name))
    }
    #expect(error?.category == .usage)
    _ = try await client.whoami()
    #expect(server.requests.count == 1)
  }
}
