import SystemCalls
import TestSupport
import Testing

@testable import GitRemote

struct StreamConnectionTests {
  private func connection(_ script: String) throws -> StreamConnection {
    let command = ChildCommand(
      executable: "/bin/sh", arguments: ["-c", script], environment: ["PATH=/usr/bin:/bin"],
      newProcessGroup: false)
    return try StreamConnection(
      command, operation: "test", deadlines: Deadlines(.init(connect: 60, idle: 60, total: 60)))
  }

  @Test("a conversation that was broken off is over, and its program known to have ended")
  func brokenOff() throws {
    let connection = try connection("echo; cat >/dev/null; exit 3")
    var byte: UInt8 = 0
    #expect(try withUnsafeMutableBytes(of: &byte) { try connection.read(into: $0) } == 1)
    #expect(!connection.isOver() && !connection.hasEnded)
    connection.close()
    #expect(connection.isOver())
    #expect(connection.hasEnded)
    #expect(connection.unexpectedEnd().message == "the program exited with status 3")
  }

  @Test("a program whose conversation is over ends by itself, which is found without waiting")
  func overByItself() throws {
    let connection = try connection("exit 4")
    try Eventually.holds("the conversation is over") { connection.isOver() }
    connection.finish()
    #expect(connection.unexpectedEnd().message == "the program exited with status 4")
  }
}
