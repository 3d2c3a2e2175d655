import AuditLog
import StrictJSON
import Synchronization
import SystemCalls
import TestSupport
import Testing

/// Nobody fills the disk by being refused.
struct DenialTests {
  @Test("equal denials share two lines, whichever process they come from")
  func equal() async throws {
    let fixture = try LogFixture()
    let log = try fixture.open()
    for number in 0..<1000 { await log.deny(.denial("model", pid: Int32(number))) }
    await log.close()
    let lines = try fixture.lines().filter { $0["decision"] == "denied" }
    #expect(lines.count == 2)
    #expect(lines.first?["count"] == nil && lines.last?["count"] == 999)
    #expect(lines.last?["since"] == .string("2027-01-15T08:00:00.000Z"))
    #expect(lines.last?["artifact"] == "model" && lines.last?["peer"]?["pid"] == nil)
  }

  @Test("many different denials of many uids are bounded, and all are counted")
  func different() async throws {
    let fixture = try LogFixture()
    let log = try fixture.open()
    let uids = 300
    let each = 20
    for number in 0..<each {
      for uid in 0..<uids { await log.deny(.denial("model-\(number)", uid: UInt32(uid))) }
    }
    await log.close()
    let lines = try fixture.lines().filter { $0["decision"] == "denied" }
    #expect(lines.count < 256 * 17 + 33 + 1)
    let counted = lines.reduce(0) { $0 + ($1["count"]?.integerValue ?? 1) }
    #expect(counted == Int64(uids * each))
  }

  @Test("the next span begins with a line of its own")
  func spans() async throws {
    let fixture = try LogFixture()
    let log = try fixture.open()
    for _ in 0..<3 {
      for _ in 0..<5 { await log.deny(.denial("model")) }
      fixture.clock.withLock { $0 += 61_000 }
    }
    await log.close()
    let lines = try fixture.lines().filter { $0["decision"] == "denied" }
    #expect(lines.map { $0["count"]?.integerValue } == [nil, 4, nil, 4, nil, 4])
  }

  @Test("a summary comes when its span is over, without another denial")
  func clock() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.appending("audit")
    var settings = AuditSettings()
    settings.denialSeconds = 1
    let log = try AuditLog.open(directory: path, worker: "w", settings: settings)
    for _ in 0..<5 { await log.deny(.denial("model")) }
    try await Eventually.until {
      var reader = AuditReader(path, AuditFilter())
      var counted: Int64 = 0
      try reader.read { if $0["decision"] == "denied" { counted += $0["count"]?.integerValue ?? 1 } }
      return counted == 5
    }
    await log.close()
  }
}
