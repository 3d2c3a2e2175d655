import Dispatch
import SystemCalls
import TestSupport
import Testing

struct DescriptorTests {
  /// Whether the number is an open descriptor of this process.
  private func isOpen(_ number: Int32) throws -> Bool {
    try Files.names(in: "/proc/self/fd").contains(String(number))
  }

  @Test func pipes() throws {
    let pipe = try FileDescriptor.pipe()
    try pipe.second.writeAll([1, 2, 3])
    #expect(try pipe.first.read(upTo: 2) == [1, 2])
    #expect(try pipe.first.read(upTo: 10) == [3])
  }

  @Test("reading ends when the last writer has closed")
  func endOfPipe() throws {
    let pipe = try FileDescriptor.pipe()
    try pipe.second.writeAll([7])
    let reader = pipe.takeFirst()
    #expect(try reader.read(upTo: 10) == [7])
    #expect(try reader.read(upTo: 10) == [])
  }

  @Test("close reports what the kernel says; the descriptor is gone either way")
  func closing() throws {
    let descriptor = try Files.open("/dev/null", flags: 0)
    let number = descriptor.release()
    #expect(try isOpen(number))
    try FileDescriptor(takingOwnership: number).close()
    #expect(throws: SystemCallError(Errno(rawValue: 9), "close")) {
      try FileDescriptor(takingOwnership: 1_000_000).close()
    }
  }

  @Test func nonBlocking() throws {
    let pair = try FileDescriptor.socketPair()
    try pair.first.setNonBlocking(true)
    #expect(throws: SystemCallError(.wouldBlock, "read")) { try pair.first.read(upTo: 1) }
    // Filling the far end's buffer ends in the same.
    let block = [UInt8](repeating: 0, count: 65_536)
    var filled = false
    for _ in 0..<1000 where !filled {
      do throws(SystemCallError) {
        _ = try block.withUnsafeBytes { bytes in
          Result { () throws(SystemCallError) in try pair.first.send(bytes) }
        }.get()
      } catch {
        #expect(error.errno == .wouldBlock)
        filled = true
      }
    }
    #expect(filled)
    #expect(try !pair.first.wait(for: .writable, until: .after(seconds: 0)))
    _ = try pair.second.read(upTo: 1 << 20)
    #expect(try pair.first.wait(for: .writable, until: .after(seconds: 60)))
  }

  @Test("a peer that is gone: an error, no signal")
  func brokenPipe() throws {
    let pair = try FileDescriptor.socketPair()
    let atFirst = pair.first.hasHungUp
    pair.second.shutDownSending()
    let afterShutdown = pair.first.hasHungUp
    let first = pair.takeFirst()
    let afterClose = first.hasHungUp
    #expect([atFirst, afterShutdown, afterClose] == [false, false, true])
    do throws(SystemCallError) {
      _ = try [UInt8](repeating: 0, count: 1).withUnsafeBytes { bytes in
        Result { () throws(SystemCallError) in try first.send(bytes) }
      }.get()
      Issue.record("sending to nobody succeeded")
    } catch {
      #expect(error.errno == .brokenPipe)
    }
  }

  @Test("waiting ends at the deadline, or when something comes")
  func waiting() throws {
    let pair = try FileDescriptor.socketPair()
    #expect(try !pair.first.wait(for: .readable, until: .after(seconds: 0.01)))
    #expect(try !pair.first.wait(for: .readable, until: .after(seconds: -5)))
    let writer = pair.second.rawValue
    DispatchQueue.global().async { ThisProcess.print("x", to: writer) }
    #expect(try pair.first.wait(for: .readable, until: nil))
    #expect(try pair.first.read(upTo: 5) == Array("x".utf8))
  }

  @Test func waitingForSeveral() throws {
    let one = try FileDescriptor.socketPair()
    let two = try FileDescriptor.socketPair()
    var entries = [
      Poll.Entry(one.first.rawValue, read: true), Poll.Entry(-1, read: true), Poll.Entry(two.first.rawValue),
      Poll.Entry(two.first.rawValue, read: true),
    ]
    #expect(try !Poll.wait(&entries, until: .after(seconds: 0.01)))
    try two.second.writeAll([1])
    #expect(try Poll.wait(&entries, until: .after(seconds: 60)))
    #expect(entries.map(\.isReadable) == [false, false, false, true])
    #expect(entries.allSatisfy { !$0.isWritable })
  }

  @Test func deadlines() {
    let now = MonotonicTime.now
    #expect(now.hasPassed)
    #expect(MonotonicTime.after(seconds: -1) < now)
    #expect(MonotonicTime.after(seconds: 1000) > now)
    #expect(!MonotonicTime.after(seconds: 1000).hasPassed)
    // Absurd spans are cut, not trapped upon.
    #expect(!now.advanced(bySeconds: .infinity).hasPassed)
    #expect(now.advanced(bySeconds: -.infinity).hasPassed)
    #expect(!now.advanced(bySeconds: 1e300).hasPassed)
  }
}
