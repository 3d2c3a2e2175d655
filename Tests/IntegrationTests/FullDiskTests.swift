import Foundation
import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// A worker whose state directory is on a file system of its own that runs full.
@Suite(.enabled(if: ThisProcess.uid == 0, "needs root, to mount a file system"))
struct FullDiskTests {
  /// The file system is in the worker's own mount namespace, and goes with the worker.
  private static let mount = """
    set -e
    mount --make-rprivate /
    mkdir -m 700 "$1"
    mount -t tmpfs -o size=24m,mode=700 none "$1"
    shift
    exec "$@"
    """

  private func worker(_ remote: GitFixture) throws -> WorkerFixture {
    let worker = try WorkerFixture(options: ["--repo", "demo=\(remote.path)"])
    worker.launcher = ["unshare", "--mount", "sh", "-c", Self.mount, "sh", worker.stateDirectory]
    try worker.start()
    return worker
  }

  /// Takes all space that is left, as another program would.
  ///
  /// - Returns: the path to remove.
  private func fill(_ worker: WorkerFixture) throws -> String {
    let path = "/proc/\(worker.pid)/root\(worker.stateDirectory)/filler"
    let file = try #require(fopen(path, "w"))
    // Piece by piece, so that less than one is left.
    setvbuf(file, nil, _IONBF, 0)
    let piece = [UInt8](repeating: 0x61, count: 4096)
    while fwrite(piece, 1, piece.count, file) == piece.count {}
    fclose(file)
    return path
  }

  @Test("a lane that finds no space waits, and says that it is the worker's disk")
  func lane() throws {
    let remote = try GitFixture()
    try remote.tag("model@v1.0.0")
    let worker = try worker(remote)
    try worker.administer("pause", "demo")
    try worker.ask(
      "assign", "model", "--version", "v1.0.0", "--stage", "prod", "--repo", "demo", "--no-wait")
    let filler = try fill(worker)
    try worker.administer("resume", "demo")
    try worker.waitForJob("1", state: "waiting")
    let error = try worker.ask("job", "status", "1")["error"]
    #expect(error?["code"] == "busy", "\(String(describing: error))")
    #expect(error?["message"]?.stringValue?.contains("the worker's disk is full") == true)
    #expect(unlink(filler) == 0)
    try worker.waitForJob("1", state: "succeeded")
    #expect(try remote.tags() == ["model#prod#1", "model@v1.0.0"])
    try worker.stop()
  }

  @Test("jobs are accepted while they can be kept, refused as busy then, and none of them is lost")
  func queue() throws {
    let remote = try GitFixture()
    let worker = try worker(remote)
    try worker.administer("pause", "demo")
    let filler = try fill(worker)
    let raw = try RawConnection(worker.clientSocket)
    var accepted: Int64 = 0
    var refusal: JSONValue?
    while refusal == nil, accepted < 10_000 {
      raw.request(
        accepted + 1, "register",
        [
          "repository": "demo", "artifact": .string("model-\(accepted)"), "version": "v1.0.0", "wait": false,
          "message": .string(String(repeating: "m", count: 4000)),
        ])
      let reply = try #require(try raw.end())
      refusal = reply["error"]
      if refusal == nil { accepted += 1 }
    }
    #expect(accepted > 0)
    #expect(refusal?["code"] == "busy", "\(String(describing: refusal))")
    #expect(
      refusal?["message"]?.stringValue?.contains("disk") == true, "\(String(describing: refusal))")
    // What the queue says, and what is asked of it, needs no space.
    #expect(try worker.administer("queue", "--limit", "1")["jobs"]?.arrayValue?.count == 1)
    #expect(try worker.ask("job", "cancel", "1")["state"] == "cancelled")
    #expect(unlink(filler) == 0)
    try worker.administer("resume", "demo")
    let last = "\(accepted)"
    if accepted > 1 { #expect(try worker.ask("job", "wait", last)["state"] == "succeeded") }
    try Eventually.holds("all have ended") {
      try worker.administer("queue", "--limit", "1")["jobs"] == []
    }
    #expect(try remote.tags().count == Int(accepted) - 1)
    try worker.stop()
  }
}
