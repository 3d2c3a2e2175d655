import AuditLog
import StrictJSON
import Synchronization
import SystemCalls
import TestSupport
import Testing

/// What is recorded is on disk, in a chain, across starts and files.
struct AuditLogTests {
  @Test("each line holds the SHA-256 of the line before, by the system's own program")
  func chain() async throws {
    let fixture = try LogFixture()
    let log = try fixture.open()
    for number in 0..<20 { try await log.record([.sample(number), .sample(number + 100)]) }
    await log.close()
    let text = String(decoding: try fixture.read("audit-0000000001.jsonl"), as: UTF8.self)
    #expect(text.hasSuffix("\n"))
    let lines = text.split(separator: "\n")
    #expect(lines.count == 41)
    var previous = String(repeating: "0", count: 64)
    for (index, line) in lines.enumerated() {
      let json = try JSONValue(parsing: Array(line.utf8))
      #expect(json["seq"] == .integer(Int64(index + 1)))
      #expect(json["previous"] == .string(previous))
      previous = String(try Program.check("sha256sum", [], input: Array(line.utf8)).prefix(64))
    }
    #expect(await log.durableHead == AuditHead(sequence: 41, hash: previous))
    let first = try JSONValue(parsing: Array(try #require(lines.first).utf8))
    #expect(first["event"] == "file" && first["format"] == 1 && first["file"] == 1)
  }

  @Test("many at once share syncs and stay in order; a start goes on with the chain")
  func groupCommit() async throws {
    let fixture = try LogFixture()
    let disk = FailingDisk()
    let log = try fixture.open(faults: disk)
    disk.holdSyncs()
    try await withThrowingTaskGroup { group in
      for number in 0..<500 { group.addTask { _ = try await log.begin([.sample(number)]) } }
      try await group.waitForAll()
    }
    // One line at least is on its way to the disk; all others share what comes after it.
    try Eventually.holds("the disk is asked") { disk.count(.sync) > 0 }
    let before = disk.count(.sync)
    disk.releaseSyncs()
    try await log.untilDurable()
    #expect(disk.count(.sync) == before + 1)
    await log.close(with: AuditEntry(.stop))
    let again = try fixture.open()
    try await again.record([AuditEntry(.start)])
    await again.close()
    let report = try fixture.verify(head: await again.durableHead.hash)
    #expect(report.isIntact, "\(report.findings)")
    #expect(report.lines == 503)
    let jobs = try fixture.lines().compactMap { $0["job"]?.stringValue }
    #expect(Set(jobs) == Set((0..<500).map(String.init)))
  }

  @Test("text of clients is cut, and cannot break a line")
  func hostileText() async throws {
    let fixture = try LogFixture()
    let log = try fixture.open()
    var entry = AuditEntry.sample(0)
    entry.artifact = "a\n\"}\u{0}\u{202e}" + String(repeating: "é", count: 40_000)
    try await log.record([entry])
    await log.close()
    #expect(try fixture.verify().isIntact)
    let text = try #require(try fixture.lines().last?["artifact"]?.stringValue)
    #expect(text.hasPrefix("a\n\"}\u{0}") && text.hasSuffix("é…") && text.utf8.count <= 260)
  }

  // MARK: Files

  @Test("files follow one another by size and by age; the chain goes through; the oldest are removed")
  func rotation() async throws {
    let fixture = try LogFixture()
    var settings = AuditSettings()
    settings.fileBytes = 4096
    settings.files = 3
    let log = try fixture.open(settings)
    for number in 0..<120 { try await log.record([.sample(number)]) }
    try await Eventually.until { try fixture.files().filter { try !fixture.read($0).isEmpty }.count == 3 }
    let heads = fixture.reports.withLock { $0 }.filter { $0.hasPrefix("rotated") }
    #expect(heads.count > 5)
    await log.close()
    let report = try fixture.verify(head: await log.durableHead.hash)
    #expect(report.isIntact, "\(report.findings)")
    #expect(report.first ?? 0 > 1)
    // By age.
    let later = try fixture.open(settings)
    let count = try fixture.lines().last?["seq"]
    fixture.clock.withLock { $0 += Int64(settings.fileSeconds) * 1000 }
    try await later.record([.sample(1)])
    try await Eventually.until {
      try await later.record([.sample(2)])
      return await later.statistics.fileBytes < 3000
    }
    await later.close()
    #expect(count != nil)
    #expect(try fixture.verify().isIntact)
  }

  @Test("a next file that was made and not begun is taken again")
  func emptyNextFile() async throws {
    let fixture = try LogFixture()
    let log = try fixture.open()
    try await log.record([.sample(1)])
    await log.close()
    try fixture.write("audit-0000000002.jsonl", [])
    #expect(try fixture.verify().isIntact)
    let again = try fixture.open()
    try await again.record([.sample(2)])
    await again.close()
    #expect(try fixture.files() == ["audit-0000000001.jsonl"])
    #expect(try fixture.verify().lines == 3)
  }

  // MARK: Crashes

  @Test("wherever a write was torn, what was acknowledged is kept, the rest is cut and copied, and said")
  func tornTail() async throws {
    let fixture = try LogFixture()
    let log = try fixture.open()
    for number in 0..<5 { try await log.record([.sample(number)]) }
    await log.close()
    let name = "audit-0000000001.jsonl"
    let whole = try fixture.read(name)
    let lastLine = try #require(whole.dropLast().lastIndex(of: 0x0A)) + 1
    for end in [lastLine + 1, lastLine + 40, whole.count - 1] {
      try fixture.write(name, Array(whole[..<end]))
      let again = try fixture.open()
      try await again.record([.sample(9)])
      await again.close()
      #expect(try fixture.verify().isIntact)
      let lines = try fixture.lines()
      #expect(lines.count == 7)
      #expect(lines[5]["event"] == "recovered" && lines[5]["cutBytes"] == .integer(Int64(end - lastLine)))
      let copy = try #require(lines[5]["copy"]?.stringValue)
      #expect(try fixture.read(copy) == Array(whole[lastLine..<end]))
    }
  }

  @Test("a line that was durable and is not as it was: the start is refused and nothing changed")
  func damage() async throws {
    let fixture = try LogFixture()
    let log = try fixture.open()
    for number in 0..<5 { try await log.record([.sample(number)]) }
    await log.close()
    let name = "audit-0000000001.jsonl"
    var bytes = try fixture.read(name)
    bytes[700] ^= 1
    try fixture.write(name, bytes)
    let error = #expect(throws: AuditError.self) { try fixture.open() }
    #expect(error?.code == .damaged && error?.message.contains("audit verify") == true)
    #expect(try fixture.read(name) == bytes)
  }

  @Test("a file of a later format is refused")
  func laterFormat() throws {
    let fixture = try LogFixture()
    try Files.makeDirectories(fixture.path)
    let body =
      #"{"seq":1,"previous":"\#(String(repeating: "0", count: 64))","commit":1,"time":"2030-01-01T00:00:00.000Z","#
      + #""worker":"x","event":"file","format":2,"file":1"#
    let check = SHA256.hexadecimal(body.utf8).prefix(16)
    try fixture.write("audit-0000000001.jsonl", Array(#"\#(body),"check":"\#(check)"}"#.utf8) + [0x0A])
    #expect(throws: AuditError.self) { try fixture.open() }
    #expect(try fixture.verify().findings.first?.message.contains("format version 2") == true)
  }

  // MARK: Failures

  @Test("the first failed write or sync is the last", arguments: [FileCall.Kind.write, .sync])
  func failure(_ kind: FileCall.Kind) async throws {
    let fixture = try LogFixture()
    let disk = FailingDisk()
    let log = try fixture.open(faults: disk)
    try await log.record([.sample(1)])
    disk.set(kind, .inputOutput)
    let error = await #expect(throws: AuditError.self) { try await log.decide([.sample(2)]) }
    #expect(error?.code == .failed)
    disk.set(kind, nil)
    await #expect(throws: AuditError.self) { try await log.record([.sample(3)]) }
    await #expect(throws: AuditError.self) { try await log.checkRoom() }
    #expect(await log.statistics.isWritable == false)
    #expect(fixture.reports.withLock { $0 }.contains { $0.hasPrefix("failed") })
    // A new start goes on with what is there.
    let again = try fixture.open()
    try await again.record([.sample(4)])
    await again.close()
    #expect(try fixture.verify().isIntact)
  }

  @Test("a full disk refuses decisions, takes what they led to, and recovers by itself")
  func fullDisk() async throws {
    let fixture = try LogFixture()
    let disk = FailingDisk()
    let log = try fixture.open(faults: disk)
    try await log.record([.sample(0)])
    disk.set(.reserve, .noSpace)
    var accepted = 0
    let error = await #expect(throws: AuditError.self) {
      while accepted < 10_000 {
        try await log.decide((0..<50).map { .sample($0) })
        accepted += 1
      }
    }
    #expect(error?.code == .diskFull)
    #expect(accepted > 10)
    try await log.record([.sample(1), .sample(3)])
    disk.set(.reserve, nil)
    try await log.decide([.sample(2)])
    await log.close()
    #expect(try fixture.verify().isIntact)
    let reports = fixture.reports.withLock { $0 }
    #expect(reports.contains("diskFull(true)") && reports.contains("diskFull(false)"))
  }

  @Test("a burst of decisions is no full disk, however much waits to be written")
  func burst() async throws {
    let fixture = try LogFixture()
    let disk = HeldDisk()
    let log = try fixture.open(faults: disk)
    try await log.record([.sample(0)])
    disk.hold()
    try await withThrowingTaskGroup { group in
      for number in 0..<200 {
        group.addTask { try await log.decide((0..<50).map { .sample(number * 50 + $0) }) }
      }
      // One sync is under way, and all that there is room for waits behind it.
      for _ in 0..<5000 { _ = await log.statistics }
      disk.letGo()
      try await group.waitForAll()
    }
    #expect(await log.statistics.isWritable)
    await log.close()
    #expect(try fixture.verify().isIntact)
    #expect(!fixture.reports.withLock { $0 }.contains { $0.hasPrefix("diskFull") })
  }

  @Test("a file that somebody removes is noticed at the next line")
  func removedFile() async throws {
    let fixture = try LogFixture()
    let log = try fixture.open()
    try await log.record([.sample(1)])
    try Files.remove("\(fixture.path)/audit-0000000001.jsonl")
    let error = await #expect(throws: AuditError.self) { try await log.decide([.sample(2)]) }
    #expect(error?.code == .failed)
  }
}

extension Eventually {
  /// Waits for a condition that has to be asked for.
  static func until(_ condition: () async throws -> Bool) async throws {
    let deadline = MonotonicTime.after(seconds: 60)
    while try await !condition() {
      if deadline.hasPassed { throw Program.Failure("still not so") }
      try await Task.sleep(for: .milliseconds(2))
    }
  }
}
