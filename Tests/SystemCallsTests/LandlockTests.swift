import SystemCalls
import TestSupport
import Testing

/// What the kernel refuses after ``Landlock/enforce()``; in processes of their own, because it is for good.
@Suite(.enabled(if: Landlock.kernelVersion > 0, "the kernel has no Landlock"))
struct LandlockTests {
  @Test func refusesFilesThatNoRuleAllows() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      let folder = try directory.makeDirectory("open")
      let closed = try directory.write("closed", "x")
      let single = try directory.write("single", "x")
      ThisProcess.protectMemory()
      var landlock = Landlock()
      landlock.allow([.read, .write], at: [folder])
      landlock.allow(.read, at: [single, "/nonexistent"])
      try landlock.enforce()
      try Files.replace("\(folder)/new", with: [1])
      #expect(try Files.read(single, limit: 10) == [0x78])
      for (path, flags) in [(closed, Int32(0)), (single, 1), ("/etc/passwd", 0)] {
        let error = #expect(throws: SystemCallError.self) { _ = try Files.open(path, flags: flags).rawValue }
        #expect(error?.errno == .permissionDenied, "\(path)")
      }
    }
  }

  @Test(.enabled(if: Landlock.kernelVersion >= 4, "the kernel's Landlock knows no ports"))
  func refusesPortsThatAreNotNamed() async {
    await #expect(processExitsWith: .success) {
      let allowed = try LoopbackListener()
      let forbidden = try LoopbackListener()
      ThisProcess.protectMemory()
      var landlock = Landlock()
      landlock.ports = [allowed.port]
      try landlock.enforce()
      let deadline = MonotonicTime.after(seconds: 10)
      _ = try TCPSocket.connect(host: "127.0.0.1", port: "\(allowed.port)", until: deadline).rawValue
      let error = #expect(throws: SystemCallError.self) {
        _ = try TCPSocket.connect(host: "127.0.0.1", port: "\(forbidden.port)", until: deadline).rawValue
      }
      #expect(error?.errno == .permissionDenied)
    }
  }
}
