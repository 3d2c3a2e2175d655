import Foundation
import Synchronization
import SystemCalls
import TestSupport
import Testing

struct ChildProcessTests {
  private func shell(_ script: String, environment: [String] = []) -> ChildCommand {
    ChildCommand(
      executable: "/bin/sh", arguments: ["-c", script], environment: ["PATH=/usr/bin:/bin"] + environment)
  }

  /// What a child writes to its standard output.
  private func output(_ command: ChildCommand) throws -> String {
    let pipe = try FileDescriptor.pipe()
    let child = try ChildProcess.spawn(command, descriptors: [-1, pipe.second.rawValue, 2])
    let reader = pipe.takeFirst()
    var bytes: [UInt8] = []
    while true {
      let part = try reader.read(upTo: 4096)
      if part.isEmpty { break }
      bytes += part
    }
    _ = try child.wait()
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func exits() throws {
    for (script, end) in [
      ("exit 0", ChildExit.exited(code: 0)), ("exit 75", .exited(code: 75)),
      ("kill -9 $$", .killed(signal: 9)),
    ] {
      #expect(try ChildProcess.spawn(shell(script), descriptors: [-1, -1, -1]).wait() == end)
    }
    #expect(throws: SystemCallError(.noSuchFile, "start \"/nonexistent/program\"")) {
      try ChildProcess.spawn(ChildCommand(executable: "/nonexistent/program"), descriptors: [])
    }
  }

  @Test("a child has the descriptors that it was given and no others")
  func descriptors() throws {
    // Open and not close-on-exec, as a library might have left it.
    let leak = try Files.open("/dev/null", flags: 0)
    let pair = try FileDescriptor.socketPair()
    _ = try Program.run("true", [])
    let listing = try output(shell("ls /proc/self/fd | sort -n | tr '\\n' ' '"))
    // 3 is the listing's own.
    #expect(listing == "0 1 2 3 ")
    let child = try ChildProcess.spawn(
      shell("echo hello >&3; test ! -e /proc/self/fd/\(max(leak.rawValue, 4))"),
      descriptors: [-1, -1, -1, pair.second.rawValue])
    #expect(try child.wait() == .exited(code: 0))
    #expect(try pair.first.read(upTo: 100) == Array("hello\n".utf8))
  }

  @Test("descriptors may be given in any order, twice, and over each other's numbers")
  func placement() throws {
    let one = try FileDescriptor.socketPair()
    let two = try FileDescriptor.socketPair()
    let child = try ChildProcess.spawn(
      shell("echo three >&3; echo four >&4; echo one >&1"),
      descriptors: [-1, two.second.rawValue, -1, two.second.rawValue, one.second.rawValue])
    #expect(try child.wait() == .exited(code: 0))
    #expect(try two.first.read(upTo: 100) == Array("three\none\n".utf8))
    #expect(try one.first.read(upTo: 100) == Array("four\n".utf8))
  }

  /// The set of signals that a child ignores, without 32 and above: the C library keeps two of those to itself.
  private func ignoredSignals(_ command: (String) -> ChildCommand) throws -> UInt64 {
    let set = try output(command("sed -n 's/^SigIgn:.//p' /proc/self/status")).filter(\.isHexDigit)
    return try #require(UInt64(set, radix: 16)) & 0x7FFF_FFFF
  }

  @Test func surroundings() throws {
    #expect(
      try output(shell("env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= | sort", environment: ["A=b c"]))
        == "A=b c\nPATH=/usr/bin:/bin\n")
    var command = shell("pwd")
    command.workingDirectory = "/usr"
    #expect(try output(command) == "/usr\n")
    #expect(try ignoredSignals { shell($0) } == 0)
    #expect(try output(shell("grep SigBlk /proc/self/status")).hasSuffix("0000000000000000\n"))
    #expect(
      try output(ChildCommand(executable: "/bin/echo", arguments: ["a b", "", "é", "$HOME"]))
        == "a b  é $HOME\n")
  }

  @Test("a signal reaches the whole group; poll reports the end once it has come")
  func groups() throws {
    let pair = try FileDescriptor.socketPair()
    let child = try ChildProcess.spawn(
      shell("sleep 1000 & echo $! >&3; wait"), descriptors: [-1, -1, -1, pair.second.rawValue])
    let text = String(decoding: try pair.first.read(upTo: 100), as: UTF8.self)
    let grandchild = try #require(Int32(text.filter(\.isNumber)))
    #expect(try child.poll() == nil)
    #expect(ProcessTable.isAlive(grandchild))
    child.send(.kill)
    #expect(try child.wait(until: .after(seconds: 60)) == .killed(signal: 9))
    try Eventually.holds("the grandchild is gone") { !ProcessTable.isAlive(grandchild) }
  }

  @Test("killTree finds children in groups of their own")
  func tree() throws {
    let pair = try FileDescriptor.socketPair()
    let child = try ChildProcess.spawn(
      shell("setsid sleep 1000 & echo $! >&3; wait"), descriptors: [-1, -1, -1, pair.second.rawValue])
    let text = String(decoding: try pair.first.read(upTo: 100), as: UTF8.self)
    let grandchild = try #require(Int32(text.filter(\.isNumber)))
    child.killTree()
    try Eventually.holds("the grandchild is gone") { !ProcessTable.isAlive(grandchild) }
    #expect(!ProcessTable.isAlive(child.pid))
  }

  @Test("killTree finds what any thread of the child has started")
  func threads() throws {
    let pair = try FileDescriptor.socketPair()
    let script = """
      import os, subprocess, threading
      def start():
          child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
          os.write(3, str(child.pid).encode())
          child.wait()
      threading.Thread(target=start).start()
      """
    let child = try ChildProcess.spawn(
      ChildCommand(
        executable: "/usr/bin/env", arguments: ["python3", "-c", script], environment: ["PATH=/usr/bin:/bin"]),
      descriptors: [-1, -1, 2, pair.second.rawValue])
    let text = String(decoding: try pair.first.read(upTo: 100), as: UTF8.self)
    let grandchild = try #require(Int32(text))
    defer { ProcessTable.kill(grandchild) }
    child.killTree()
    try Eventually.holds("the grandchild is gone") { !ProcessTable.isAlive(grandchild) }
  }

  @Test("endTree lets programs tidy up, in groups of their own too, and kills who does not listen")
  func gentleEnd() throws {
    let directory = try TemporaryDirectory()
    let lock = directory.appending("lock")
    let pair = try FileDescriptor.socketPair()
    let tidy = "trap 'rm \(lock); exit' TERM; : > \(lock); echo tidy >&3; while :; do sleep 0.01; done"
    let stubborn = "trap '' TERM; echo $$ >&3; while :; do sleep 0.01; done"
    let child = try ChildProcess.spawn(
      shell("setsid sh -c \"\(tidy)\" & setsid sh -c '\(stubborn.replacing("'", with: "'\\''"))' & wait"),
      descriptors: [-1, -1, 2, pair.second.rawValue])
    var text = ""
    while text.count(where: \.isNewline) < 2 {
      text += String(decoding: try pair.first.read(upTo: 100), as: UTF8.self)
    }
    let deaf = try #require(Int32(text.filter(\.isNumber)))
    #expect(try Files.kind(of: lock) != nil)
    child.endTree(within: 0.5)
    #expect(try Files.kind(of: lock) == nil)
    try Eventually.holds("who does not listen is gone") { !ProcessTable.isAlive(deaf) }
    #expect(!ProcessTable.isAlive(child.pid))
  }

  @Test("endTree signals nobody who ends in time when the conversation is over", arguments: [false, true])
  func endsByItself(childFirst: Bool) throws {
    let directory = try TemporaryDirectory()
    let signalled = directory.appending("signalled")
    let ended = directory.appending("ended")
    let pair = try FileDescriptor.socketPair()
    let watched = "trap ': > \(signalled)' TERM; echo >&3; cat >/dev/null; sleep 0.1; : > \(ended)"
    // What the child itself speaks with, or what speaks with the child.
    let fifo = directory.appending("fifo")
    let script = childFirst ? "mkfifo \(fifo); { \(watched); } <\(fifo) & exec sleep 1000 >\(fifo)" : watched
    let child = try ChildProcess.spawn(
      shell(script), descriptors: [pair.second.rawValue, -1, 2, pair.second.rawValue])
    _ = try pair.first.read(upTo: 1)
    pair.first.shutDown()
    child.endTree(within: 60, childFirst: childFirst)
    #expect(try Files.kind(of: ended) != nil)
    #expect(try Files.kind(of: signalled) == nil)
  }

  @Test("endTree lets what a child that was killed has left in its group tidy up")
  func gentleEndOfOrphans() throws {
    let directory = try TemporaryDirectory()
    let lock = directory.appending("lock")
    let pair = try FileDescriptor.socketPair()
    let tidy =
      "trap 'sleep 0.1; rm \(lock); exit' TERM; : > \(lock); echo tidy >&3; while :; do sleep 0.01; done"
    let child = try ChildProcess.spawn(
      shell("sh -c \"\(tidy)\" & wait"), descriptors: [-1, -1, 2, pair.second.rawValue])
    _ = try pair.first.read(upTo: 100)
    child.sendToItself(.kill)
    try Eventually.holds("the child is gone") { !ProcessTable.isAlive(child.pid) }
    child.endTree(within: 5)
    #expect(try Files.kind(of: lock) == nil)
  }

  @Test("waiting for an end has a deadline")
  func waitDeadline() throws {
    let child = try ChildProcess.spawn(shell("sleep 1000"), descriptors: [-1, -1, -1])
    #expect(try child.wait(until: .after(seconds: 0.01)) == nil)
    child.send(.terminate)
    #expect(try child.wait(until: .after(seconds: 60)) == .killed(signal: 15))
  }

  // MARK: - Children that die with their parent

  private func mortal(_ script: String) -> ChildCommand {
    var command = shell(script, environment: ["A=b c"])
    command.newProcessGroup = false
    command.diesWithParent = true
    return command
  }

  @Test("a child that dies with its parent starts like every other")
  func mortalSurroundings() throws {
    let leak = try Files.open("/dev/null", flags: 0)
    #expect(leak.rawValue >= 0)
    #expect(try output(mortal("ls /proc/self/fd | sort -n | tr '\\n' ' '")) == "0 1 2 3 ")
    #expect(try output(mortal("echo \"$A\"; readlink /proc/self/fd/0")) == "b c\n/dev/null\n")
    #expect(try ignoredSignals(mortal) == 0)
    #expect(try output(mortal("grep SigBlk /proc/self/status")).hasSuffix("0000000000000000\n"))
    // The thread sanitizer makes a fork(2) of vfork(2), after which the child cannot tell.
    if Sanitizer.isOn { return }
    var missing = mortal("")
    missing.executable = "/nonexistent/program"
    #expect(throws: SystemCallError(.noSuchFile, "start \"/nonexistent/program\"")) {
      try ChildProcess.spawn(missing, descriptors: [])
    }
  }

  @Test("a child that dies with its parent is killed when the thread that started it ends")
  func mortalDies() throws {
    let command = mortal("exec sleep 1000")
    let started = Mutex<ChildProcess?>(nil)
    let thread = Thread {
      started.withLock { $0 = try? ChildProcess.spawn(command, descriptors: [-1, -1, -1]) }
    }
    thread.start()
    try Eventually.holds("the child was started") { started.withLock { $0 != nil } }
    let child = try #require(started.withLock { $0 })
    #expect(try child.wait(until: .after(seconds: 60)) == .killed(signal: 9))
  }
}
