import Synchronization
import SystemCalls
import TestSupport
import Testing

struct DurableDirectoryTests {
  /// Writes down what is asked of a disk.
  private final class Recorder: FileFaults {
    let calls = Mutex<[FileCall]>([])

    func verdict(on call: FileCall) -> FaultVerdict { .proceed }
    func succeeded(_ call: FileCall, result: Int) { calls.withLock { $0.append(call) } }

    var syncedDirectories: [String] {
      calls.withLock { calls in calls.filter { $0.kind == .syncDirectory }.map(\.path) }
    }
  }

  @Test("the entry of every directory that is made is durable")
  func levels() throws {
    let directory = try TemporaryDirectory()
    let recorder = Recorder()
    let made = try DurableDirectory(directory.appending("a/b/c"), faults: recorder)
    #expect(try Files.status(of: directory.appending("a"))?.mode == 0o700)
    #expect(recorder.syncedDirectories == ["", "/a", "/a/b"].map { directory.path + $0 })
    _ = try DurableDirectory(made.path, faults: recorder)
    #expect(recorder.syncedDirectories.count == 3)
  }
}
