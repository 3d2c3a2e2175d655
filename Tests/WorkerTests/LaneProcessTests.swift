import LaneProtocol
import StrictJSON
import SystemCalls
import TestSupport
import Testing
import WireProtocol

@testable import Worker

/// A lane that does not do its part, seen from the worker.
@Suite struct LaneProcessTests {
  /// Far more than a socket holds.
  private static let long = LaneRequest.resolve([String(repeating: "a", count: 4 << 20)])

  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func start(_ script: String) async throws -> LaneProcess {
    let program = directory.path + "/lane"
    try Files.replace(program, with: Array("#!/bin/sh\n\(script)\n".utf8))
    try Program.check("chmod", ["755", program])
    let lane = try LaneProcess(
      executable: program, executor: DispatchQueueExecutor(label: "test"), reportBytes: .max)
    await lane.start()
    return lane
  }

  @Test("a lane that reads nothing holds nobody up: its time ends as any other's")
  func deaf() async throws {
    let lane = try await start("exec sleep 600")
    let error = await #expect(throws: WireError.self) { try await lane.ask(Self.long, within: 1) }
    #expect(error?.code == .remoteTimeout)
    await lane.waitUntilGone()
  }

  @Test("what does not fit into the socket goes bit by bit, and the answer is heard")
  func slow() async throws {
    // Its end of the socket is descriptor 3; the frame has four bytes of length and, around the text, the request.
    let lane = try await start(
      """
      exec python3 -c '
      import os, struct
      def read(n):
          got = b""
          while len(got) < n: got += os.read(3, min(n - len(got), 50000))
          return got
      body = read(struct.unpack(">I", read(4))[0])
      reply = b"{\\"id\\":1,\\"result\\":{\\"length\\":%d}}" % body.count(b"a")
      os.write(3, struct.pack(">I", len(reply)) + reply)
      os.read(3, 1)
      '
      """)
    let answer = try await lane.ask(Self.long, within: 600)
    #expect(try #require(answer["length"]?.integerValue) >= 4 << 20)
    await lane.stop()
    await lane.waitUntilGone()
  }
}
