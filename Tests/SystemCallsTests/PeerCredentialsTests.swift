import SystemCalls
import TestSupport
import Testing

struct PeerCredentialsTests {
  /// A program that connects, hands its connection on as descriptor 0, and becomes another.
  private static let connector = """
    import os, socket, sys, time
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.connect(sys.argv[1])
    if len(sys.argv) > 2: os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))
    s.send(b"x"); s.recv(1)
    """

  @Test func ownConnection() throws {
    let directory = try TemporaryDirectory()
    let listener = try UnixSocket.listen(at: directory.appending("s"), mode: 0o600)
    let client = try UnixSocket.connect(to: directory.appending("s"))
    let accepted = try acceptWaiting(listener)
    let peer = try PeerCredentials(of: accepted)
    #expect(peer.uid == ThisProcess.uid)
    #expect(peer.gid == ThisProcess.gid)
    #expect(peer.pid == ThisProcess.pid)
    // The connecting end sees who listens.
    #expect(try PeerCredentials(of: client).uid == ThisProcess.uid)
  }

  @Test(
    "the ids and the groups are those at connect, whatever the process becomes",
    .enabled(if: ThisProcess.uid == 0, "needs root: the client runs under another uid"))
  func foreign() throws {
    let directory = try TemporaryDirectory()
    let listener = try UnixSocket.listen(at: directory.appending("s"), mode: 0o666)
    func peer(_ prefix: [String], _ extra: [String] = []) throws -> PeerCredentials {
      let arguments = prefix + ["python3", "-c", Self.connector, directory.appending("s")] + extra
      let program = try Program.start(
        arguments[0], Array(arguments.dropFirst()), log: directory.appending("log"))
      #expect(try listener.wait(for: .readable, until: .after(seconds: 60)), "\(program.output)")
      let accepted = try acceptWaiting(listener)
      // Its word comes after it has changed what it wanted to change.
      #expect(try accepted.wait(for: .readable, until: .after(seconds: 60)))
      return try PeerCredentials(of: accepted)
    }
    let groups = (0..<100).map { UInt32(64_300 + $0) }
    let list = groups.map(String.init).joined(separator: ",")
    let other = try peer(["setpriv", "--reuid", "64111", "--regid", "64112", "--groups", list])
    #expect((other.uid, other.gid) == (64_111, 64_112))
    #expect(other.groups.sorted() == groups)
    let dropped = try peer(["env"], ["64111"])
    #expect(dropped.uid == 0)
  }

  @Test(
    "an inherited descriptor shows who connected",
    .enabled(if: ThisProcess.uid == 0, "needs root: the connection is handed to another uid"))
  func inherited() throws {
    let directory = try TemporaryDirectory()
    let listener = try UnixSocket.listen(at: directory.appending("s"), mode: 0o666)
    let client = try UnixSocket.connect(to: directory.appending("s"))
    let accepted = try acceptWaiting(listener)
    let heir = try ChildProcess.spawn(
      ChildCommand(
        executable: try Program.path("setpriv"),
        arguments: ["--reuid", "64111", "--regid", "64112", "--clear-groups", "sh", "-c", "echo hello >&3"],
        environment: ["PATH=/usr/bin:/bin"]),
      descriptors: [-1, -1, 2, client.rawValue])
    #expect(try accepted.wait(for: .readable, until: .after(seconds: 60)))
    #expect(try PeerCredentials(of: accepted).uid == 0)
    #expect(try heir.wait() == .exited(code: 0))
  }
}
