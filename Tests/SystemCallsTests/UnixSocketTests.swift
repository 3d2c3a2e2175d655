import Foundation
import Synchronization
import SystemCalls
import TestSupport
import Testing

struct UnixSocketTests {
  @Test func conversation() throws {
    let directory = try TemporaryDirectory()
    let listener = try UnixSocket.listen(at: directory.appending("s"), mode: 0o640)
    #expect(try Files.status(of: directory.appending("s"))?.mode == 0o640)
    #expect(try Files.names(in: directory.path) == ["s"])
    #expect(try !somebodyWaits(listener))
    let client = try UnixSocket.connect(to: directory.appending("s"))
    let server = try acceptWaiting(listener)
    try client.writeAll([1, 2])
    #expect(try server.wait(for: .readable, until: .after(seconds: 60)))
    #expect(try server.read(upTo: 10) == [1, 2])
    #expect(throws: SystemCallError(.wouldBlock, "read")) { try server.read(upTo: 10) }
  }

  @Test("a live socket is refused, a dead one replaced, a file kept")
  func replacing() throws {
    let directory = try TemporaryDirectory()
    let path = directory.appending("s")
    let live = try UnixSocket.listen(at: path, mode: 0o600)
    #expect(throws: SystemCallError(.addressInUse, "listen at \"\(path)\"")) {
      _ = try UnixSocket.listen(at: path, mode: 0o600)
    }
    try live.close()
    // Its listener is closed, the file is still there.
    #expect(try Files.kind(of: path) == .socket)
    #expect(throws: SystemCallError(.connectionRefused, "connect \"\(path)\"")) {
      _ = try UnixSocket.connect(to: path)
    }
    let next = try UnixSocket.listen(at: path, mode: 0o600)
    _ = try UnixSocket.connect(to: path)
    #expect(try somebodyWaits(next))
    let file = try directory.write("file", "x")
    #expect(throws: SystemCallError(.fileExists, "listen at \"\(file)\"")) {
      _ = try UnixSocket.listen(at: file, mode: 0o600)
    }
  }

  @Test("a socket whose listener takes nobody any more is live too, and holds nobody up")
  func fullBacklog() throws {
    let directory = try TemporaryDirectory()
    let path = directory.appending("s")
    let live = try UnixSocket.listen(at: path, mode: 0o600, backlog: 0)
    let client = try UnixSocket.connect(to: path)
    let found = Mutex<SystemCallError?>(nil)
    Thread {
      do throws(SystemCallError) {
        _ = try UnixSocket.listen(at: path, mode: 0o600).rawValue
      } catch {
        found.withLock { $0 = error }
      }
    }.start()
    try Eventually.holds("the next listener is told") { found.withLock { $0 != nil } }
    #expect(found.withLock { $0 } == SystemCallError(.addressInUse, "listen at \"\(path)\""))
    try client.close()
    try live.close()
  }

  @Test func paths() throws {
    let long = "/" + String(repeating: "x", count: UnixSocket.maximumPathLength)
    #expect(throws: SystemCallError(.nameTooLong, "connect \"\(long)\"")) {
      _ = try UnixSocket.connect(to: long)
    }
    #expect(throws: SystemCallError(.nameTooLong, "connect \"a\u{0}b\"")) {
      _ = try UnixSocket.connect(to: "a\u{0}b")
    }
    #expect(throws: SystemCallError(.noSuchFile, "connect \"/nonexistent/s\"")) {
      _ = try UnixSocket.connect(to: "/nonexistent/s")
    }
  }
}

struct FilesTests {
  @Test func replaceAndRead() throws {
    let directory = try TemporaryDirectory()
    let path = directory.appending("f")
    try Files.replace(path, with: [1, 2, 3], mode: 0o640)
    try Files.replace(path, with: [4])
    #expect(try Files.read(path, limit: 1) == [4])
    #expect(throws: SystemCallError(Errno(rawValue: 27), "read \"\(path)\"")) {
      try Files.read(path, limit: 0)
    }
    #expect(try Files.names(in: directory.path) == ["f"])
    #expect(throws: SystemCallError(.noSuchFile, "open \"/nonexistent/f\"")) {
      try Files.read("/nonexistent/f", limit: 1)
    }
  }

  @Test("one holder at a time, and the next when it lets go")
  func locks() throws {
    let directory = try TemporaryDirectory()
    let path = directory.appending("lock")
    let held = try Files.lock(path)
    #expect(try !canLock(path))
    try held?.close()
    #expect(try canLock(path))
  }

  @Test func trees() throws {
    let directory = try TemporaryDirectory()
    try directory.write("keep", "x")
    try Files.makeDirectories(directory.appending("a/b/c"), mode: 0o700)
    try Files.makeDirectories(directory.appending("a/b/c"))
    #expect(try Files.status(of: directory.appending("a/b"))?.mode == 0o700)
    try Program.check("ln", ["-s", directory.appending("keep"), directory.appending("a/b/link")])
    try Files.removeTree(directory.appending("a"))
    try Files.removeTree(directory.appending("a"))
    try Files.remove(directory.appending("none"))
    #expect(try Files.names(in: directory.path) == ["keep"])
  }

  @Test func accounts() {
    #expect(Accounts.uid(ofUser: "root") == 0)
    #expect(Accounts.gid(ofGroup: "root") == 0)
    #expect(Accounts.userName(0) == "root")
    #expect(Accounts.uid(ofUser: "no such user") == nil)
    #expect(Accounts.userName(4_123_456_789) == nil)
  }
}
