import StagekeeperClient
import Testing

/// What the client does when a connection breaks or nothing comes: things that a real worker does not do on
/// demand.
@Suite struct ReconnectTests {
  private let request = WriteRequest(.assign, repository: "demo", artifact: "churn", stage: "prod")

  @Test func aBrokenConnectionRepeatsTheSameRequestKey() async throws {
    let server = try ScriptedServer { number, request in
      number < 3
        ? [.event(request, sampleJob(.queued, position: 1)), .close]
        : [.event(request, sampleJob(.running)), .result(request, sampleJob(.succeeded).json)]
    }
    var states: [JobStatus.State] = []
    let job = try await StagekeeperClient(socketPath: server.path).perform(request) {
      states.append($0.state)
    }
    #expect(job.state == .succeeded && job.ref == "churn#prod#1")
    #expect(states == [.queued, .queued, .running])
    let keys = server.requests.map { $0.params["requestKey"]?.stringValue }
    #expect(keys.count == 3 && Set(keys).count == 1)
    #expect(keys[0]?.count == 32)
  }

  @Test func twoWritesHaveTwoKeysUnlessOneIsGiven() async throws {
    let server = try ScriptedServer { _, request in [.result(request, sampleJob(.queued).json)] }
    let client = StagekeeperClient(socketPath: server.path)
    _ = try await client.submit(request)
    _ = try await client.submit(request)
    var own = request
    own.requestKey = "ci-1"
    _ = try await client.submit(own)
    let keys = server.requests.map { $0.params["requestKey"]?.stringValue }
    #expect(Set(keys).count == 3 && keys[2] == "ci-1")
    #expect(server.requests.allSatisfy { $0.params["wait"] == false })
  }

  @Test func aWorkerThatShutsDownIsWaitedFor() async throws {
    let server = try ScriptedServer { number, request in
      number == 1
        ? [.error(request, WireError(.shuttingDown, category: .retry, "bye")), .close]
        : [.result(request, sampleJob(.succeeded).json)]
    }
    let job = try await StagekeeperClient(socketPath: server.path).perform(request)
    #expect(job.state == .succeeded)
  }

  @Test func aWorkerThatStaysAwayIsGivenUp() async throws {
    let server = try ScriptedServer { _, request in
      [.event(request, sampleJob(.queued, position: 4)), .close]
    }
    let error = await #expect(throws: ClientError.self) {
      try await StagekeeperClient(socketPath: server.path, patience: .zero).perform(request)
    }
    #expect(error?.code == .connectionLost && error?.job?.position == 4 && error?.requestKey != nil)
  }

  @Test func noWorkerIsToldAtOnce() async throws {
    let error = await #expect(throws: ClientError.self) {
      try await StagekeeperClient(socketPath: "/nonexistent/worker.sock").perform(request)
    }
    #expect(error?.code == .workerUnreachable && error?.category == .unavailable)
    #expect(error?.message.contains("/nonexistent/worker.sock") == true)
  }

  @Test func aTimeOutTellsTheLastState() async throws {
    let server = try ScriptedServer { _, request in [.event(request, sampleJob(.queued, position: 2))] }
    let error = await #expect(throws: ClientError.self) {
      try await StagekeeperClient(socketPath: server.path).perform(request, timeout: .milliseconds(300))
    }
    #expect(error?.code == .timedOut && error?.job?.position == 2)
  }

  @Test func cancellingTheTaskEndsTheWait() async throws {
    let server = try ScriptedServer { _, request in [.event(request, sampleJob(.running))] }
    let client = StagekeeperClient(socketPath: server.path)
    let task = Task { () throws(ClientError) -> JobStatus in
      try await client.perform(request) { _ in withUnsafeCurrentTask { $0?.cancel() } }
    }
    let error = await #expect(throws: ClientError.self) { try await task.value }
    #expect(error?.code == .cancelled && error?.job?.state == .running)
  }

  @Test func anErrorCarriesTheJob() async throws {
    let refusal = WireError(
      WireError.Code(rawValue: "already_in_stage"), category: .refused, "no",
      details: JSONObject([("job", sampleJob(.rejected).json)]))
    let server = try ScriptedServer { _, request in [.error(request, refusal)] }
    let error = await #expect(throws: ClientError.self) {
      try await StagekeeperClient(socketPath: server.path).perform(request)
    }
    #expect(error?.code == .refused && error?.category == .refused)
    #expect(error?.job?.state == .rejected && error?.job?.error?.message == "no")
  }

  @Test func updatesAreASequence() async throws {
    let server = try ScriptedServer { _, request in
      [.event(request, sampleJob(.queued)), .result(request, sampleJob(.succeeded).json)]
    }
    var states: [JobStatus.State] = []
    for try await job in StagekeeperClient(socketPath: server.path).updates(of: request) {
      states.append(job.state)
    }
    #expect(states == [.queued, .succeeded])
  }
}
