import StrictJSON
import SystemCalls
import TestSupport
import Testing

@Suite(.serialized)
struct RequestKeyTests {
  @Test("the same key means the same job; a different body is a conflict that names the field")
  func sameKey() throws {
    let remote = try GitFixture()
    let worker = try WorkerFixture(["demo": remote.path])
    let first = try worker.ask("register", "model", "--version", "v1.0.0", "--request-key", "build-7")
    let again = try worker.ask("register", "model", "--version", "v1.0.0", "--request-key", "build-7")
    #expect(first["job"] != nil)
    #expect(again["job"] == first["job"])
    #expect(again["objectId"] == first["objectId"])
    let other = try worker.stagekeeper(
      "register", "model", "--version", "v2.0.0", "--request-key", "build-7", "--json")
    #expect(other.exit == .exited(code: 65), "\(other)")
    #expect(other.errorCode == "request_key_conflict", "\(other)")
    #expect(other.error["details"]?["field"] == "version", "\(other)")
    #expect(try remote.tags() == ["model@v1.0.0"])
    try worker.stop()
  }

  @Test("twenty at once with one key: one job, one tag, twenty equal answers")
  func concurrently() throws {
    let remote = try GitFixture()
    try remote.tag("model@v1.0.0")
    let worker = try WorkerFixture(["demo": remote.path])
    let clients = try (0..<20).map { _ in
      try worker.begin([
        "assign", "model", "--version", "v1.0.0", "--stage", "prod", "--request-key", "k", "--json",
      ])
    }
    let runs = try clients.map { try $0.finish() }
    for run in runs { #expect(run.exit == .success, "\(run)") }
    #expect(Set(runs.map { $0.json["job"]?.stringValue }).count == 1)
    #expect(Set(runs.map { $0.json["objectId"]?.stringValue }).count == 1)
    #expect(try remote.tags() == ["model#prod#1", "model@v1.0.0"])
    try worker.stop()
  }
}
