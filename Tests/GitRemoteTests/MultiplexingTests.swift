import Foundation
import SystemCalls
import TestSupport
import Testing

@testable import GitRemote

/// Sessions of a shared ssh connection, asked for without another ssh.
struct MultiplexingTests {
  /// A remote whose ssh writes a line for each start.
  private final class CountedRemote {
    let server: SSHServer
    let remote: TestRemote
    private let log: String

    init(settings: [String] = []) throws {
      server = try SSHServer(settings: settings)
      remote = try TestRemote(ssh: server, GitFixture())
      log = remote.directory.appending("starts")
      remote.configuration.programs.ssh = try remote.directory.write(
        "ssh", "#!/bin/sh\necho x >> \(log)\nexec /usr/bin/ssh \"$@\"\n", mode: 0o700)
    }

    var starts: Int { ((try? Files.read(log, limit: 1 << 20)) ?? []).count / 2 }
  }

  @Test("all conversations go over one ssh, and leave no session open")
  func oneProgram() throws {
    let counted = try CountedRemote()
    try counted.remote.use { repository in
      for number in 1...5 {
        let refs = try repository.fetchTags()
        let head = try #require(refs.head)
        let made = try repository.makeTag("churn@v\(number).0.0", at: head)
        #expect(try repository.push([made], known: refs).outcomes == [made.name: .accepted])
      }
      #expect(counted.starts == 1)
      try Eventually.holds("no session is left at the server") {
        ProcessTable.descendants(of: counted.server.process.child.pid)
          .allSatisfy { ProcessTable.commandLine($0).contains("sshd") }
      }
    }
    #expect(counted.starts == 1)
  }

  @Test("a server that opens no further session on a connection is asked over another one")
  func noFurtherSession() throws {
    let counted = try CountedRemote(settings: ["MaxSessions 1"])
    let gate = counted.remote.directory.appending("gate")
    // The session stays until the gate is open, while we go on.
    try counted.remote.fixture.installHook("post-receive", "while [ ! -e \(gate) ]; do sleep 0.05; done")
    try counted.remote.use { repository in
      let refs = try repository.fetchTags()
      let head = try #require(refs.head)
      let made = try repository.makeTag("churn@v1.0.0", at: head)
      #expect(try repository.push([made], known: refs).outcomes == [made.name: .accepted])
      #expect(try repository.settle([made]) == [made.name: .same])
      #expect(counted.starts == 2)
      try counted.remote.directory.write("gate", "")
    }
  }

  @Test("nobody else can reach the connection: its socket has no name")
  func namelessSocket() throws {
    let counted = try CountedRemote()
    try counted.remote.use { repository in
      for _ in 0..<2 {
        _ = try repository.fetchTags()
        let directory = counted.remote.directory
        let entries = try #require(FileManager.default.enumerator(atPath: directory.path))
        for case let name as String in entries {
          #expect(try Files.kind(of: directory.appending(name)) != .socket, "\(name)")
        }
      }
      #expect(counted.starts == 1)
    }
  }

  @Test("a connection that is stopped, as by a network that swallows everything, costs one retry")
  func silentConnection() throws {
    let counted = try CountedRemote()
    counted.remote.configuration.timeouts.connect = 2
    try counted.remote.use { repository in
      _ = try repository.fetchTags()
      let connections = ProcessTable.descendants(of: ThisProcess.pid).filter { pid in
        ProcessTable.arguments(pid).contains { $0.contains(counted.remote.directory.path) }
      }
      #expect(connections.count == 1)
      for connection in connections { ProcessTable.stop(connection) }
      _ = try repository.fetchTags()
      #expect(counted.starts == 2)
    }
  }

  @Test("the ssh that holds the connection is killed during a push: asking tells what became of it")
  func killedDuringPush() throws {
    let counted = try CountedRemote()
    let directory = counted.remote.directory.path
    // The hook runs on this machine as well, while the push waits for it.
    try counted.remote.fixture.installHook(
      "pre-receive",
      "[ -e \(directory)/killed ] && exit 0; : > \(directory)/killed; kill -9 $(pgrep -f 'ControlPath=\"\(directory)/'); exit 1"
    )
    try counted.remote.use { repository in
      let refs = try repository.fetchTags()
      let head = try #require(refs.head)
      let made = try repository.makeTag("churn@v1.0.0", at: head)
      let error = #expect(throws: GitRemoteError.self) { try repository.push([made], known: refs) }
      #expect(error?.code == .remoteHungUp, "\(String(describing: error))")
      #expect(error?.outcomeUnknown == true)
      #expect(try repository.settle([made]) == [made.name: .absent])
      #expect(try repository.push([made], known: refs).outcomes == [made.name: .accepted])
      #expect(counted.starts == 2)
    }
  }

  // MARK: - Messages

  private func message(_ numbers: UInt32..., text: String = "") -> [UInt8] {
    let body = numbers.flatMap { withUnsafeBytes(of: $0.bigEndian) { Array($0) } } + Array(text.utf8)
    return withUnsafeBytes(of: UInt32(body.count).bigEndian) { Array($0) } + body
  }

  @Test("messages byte by byte and all at once")
  func messages() throws {
    let stream =
      message(1, 4) + message(0x8000_0006, 0, 7) + message(0x8000_0008, 7)
      + message(0x8000_0003, 0, 4, text: "busy")
      + message(0x8000_0002, 0, 2, text: "no") + message(0x8000_0004, 7, 128)
    let wanted: [MultiplexingMessage] = [
      .hello(version: 4), .opened, .other, .refused, .refused, .exit(status: 128),
    ]
    for size in [1, 3, stream.count] {
      var reader = MultiplexingReader()
      var found: [MultiplexingMessage] = []
      for start in stride(from: 0, to: stream.count, by: size) {
        reader.append(Array(stream[start..<min(start + size, stream.count)]))
        while let next = reader.next() { found.append(next) }
      }
      #expect(found == wanted)
    }
  }

  @Test("lengths that can't be end the stream; short bodies are not read beyond")
  func badMessages() throws {
    for length in [0, 3, (256 << 10) + 1, UInt32.max] as [UInt32] {
      var reader = MultiplexingReader()
      reader.append(withUnsafeBytes(of: length.bigEndian) { Array($0) })
      #expect(reader.next() == .end)
    }
    var reader = MultiplexingReader()
    reader.append(message(1) + message(0x8000_0004) + message(0x8000_0004, 7) + message(1, text: "abc"))
    #expect(reader.next() == .hello(version: 0))
    #expect(reader.next() == .exit(status: 255))
    #expect(reader.next() == .exit(status: 255))
    #expect(reader.next() == .hello(version: 0))
    #expect(reader.next() == nil)
  }

  @Test("what ssh is asked")
  func request() {
    let command = "git-upload-pack '/a'"
    #expect(MultiplexingMessage.hello == message(1, 4))
    #expect(
      MultiplexingMessage.newSession(command)
        == message(0x1000_0002, 0, 0, 0, 0, 0, 0, .max, 0, UInt32(command.utf8.count), text: command))
  }
}
