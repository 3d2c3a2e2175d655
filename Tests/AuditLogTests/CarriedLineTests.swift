import StrictJSON
import Synchronization
import SystemCalls
import Testing

@testable import AuditLog

/// Lines that something else makes durable: in the file at once, on disk soon, and back after a crash.
struct CarriedLineTests {
  private func jobs(_ fixture: LogFixture) throws -> [String] {
    try fixture.lines().compactMap { $0["job"]?.stringValue }
  }

  /// Keeps the first lines of the newest file.
  private func keep(_ count: Int, _ fixture: LogFixture) throws {
    let name = try #require(try fixture.files().last)
    let lines = try fixture.read(name).split(separator: 10)
    try fixture.write(name, Array(lines.prefix(count).joined(separator: [10])) + (count > 0 ? [10] : []))
  }

  @Test("who waits for the file does not wait for the disk; it is synced all the same")
  func written() async throws {
    let fixture = try LogFixture()
    let disk = FailingDisk()
    let log = try fixture.open(faults: disk)
    try await log.record([.sample(0)])
    disk.holdSyncs()
    let line = try await log.carryAndWrite([.sample(1), .sample(2)])
    #expect(try jobs(fixture) == ["0", "1", "2"])
    #expect(await log.durableHead.sequence == line - 2)
    disk.releaseSyncs()
    while await log.durableHead.sequence < line { await Task.yield() }
    await log.close()
    #expect(try fixture.verify().isIntact)
  }

  /// However many of the last lines were lost, and however far the start came before the next crash.
  @Test("a start adds the lines that the log has lost", arguments: 0...4)
  func restored(lost: Int) async throws {
    let fixture = try LogFixture()
    var log = try fixture.open()
    try await log.record([.sample(0), .sample(1)])
    var carried: [CarriedEntries] = []
    carried.append(await log.carry([.sample(2)]))
    // Of a line between them nobody knows any more.
    try await log.record([.sample(3)])
    carried.append(await log.carry([.sample(4), .sample(6)]))
    await log.close()
    try keep(7 - lost, fixture)
    let whole = try fixture.lines()

    fixture.clock.withLock { $0 += 60_000 }
    log = try fixture.open(carried: carried)
    try await log.record([AuditEntry(.start)])
    let expected = lost == 4 ? 3 : min(lost, 2)
    #expect(await log.restoredLines == expected)
    await log.close()
    #expect(try fixture.verify().isIntact)
    let restored = try fixture.lines()
    #expect(Array(restored.prefix(whole.count)) == whole)
    #expect(Set(["2", "4", "6"]).isSubset(of: try jobs(fixture)))
    #expect(Set(try jobs(fixture)).count == (try jobs(fixture)).count)
    for line in restored where line["event"] != "start" {
      #expect(line["time"] == restored.first?["time"], "a restored line has the time of the decision")
    }

    let name = try #require(try fixture.files().last)
    let bytes = try fixture.read(name)
    for count in whole.count...restored.count {
      try fixture.write(name, bytes)
      try keep(count, fixture)
      log = try fixture.open(carried: carried)
      await log.close()
      #expect(Set(["2", "4", "6"]).isSubset(of: try jobs(fixture)), "a crash after line \(count)")
      #expect(try fixture.verify().isIntact)
    }
  }

  @Test("a log that was moved away begins anew with what is carried")
  func begun() async throws {
    let fixture = try LogFixture()
    var log = try fixture.open()
    for number in 0..<5 { try await log.record([.sample(number)]) }
    let carried = [await log.carry([.sample(5)]), await log.carry([.sample(6)])]
    await log.close()
    for name in try fixture.files() { try fixture.write(name, []) }
    log = try fixture.open(carried: carried)
    #expect(await log.restoredLines == 2)
    await log.close()
    #expect(try fixture.verify().isIntact)
    #expect(try jobs(fixture) == ["5", "6"])
  }

  @Test("after a failed sync not even what stood in line already is written", arguments: [false, true])
  func standingInLine(_ isSynced: Bool) async throws {
    let fixture = try LogFixture()
    let disk = FailingDisk()
    let log = try fixture.open(faults: disk)
    try await log.record([.sample(0)])
    disk.holdSyncs()
    disk.set(.sync, .inputOutput)
    let failing = Task { try await log.record([.sample(1)]) }
    let before = disk.count(.sync)
    while disk.count(.sync) == before { await Task.yield() }
    disk.set(.sync, nil)
    let next = Task {
      if isSynced {
        try await log.record([.sample(2)])
      } else {
        _ = try await log.carryAndWrite([.sample(2)])
      }
    }
    while await !log.isBehind { await Task.yield() }
    disk.releaseSyncs()
    await #expect(throws: AuditError.self) { try await failing.value }
    await #expect(throws: AuditError.self) { try await next.value }
    #expect(await log.durableHead.sequence == 2)
    await log.close()
    #expect(try fixture.verify().isIntact)
    #expect(try jobs(fixture) == ["0", "1"])
  }

  @Test("the first line of a file is missed where a later one shows that it was durable", arguments: [1, 3])
  func firstLine(commit: UInt64) throws {
    var (bytes, head) = ([UInt8](), AuditHead.none)
    for (number, commit) in [UInt64(1), 1, 1, commit].enumerated() {
      let members: JSONObject =
        number == 0
        ? JSONObject([("event", "file"), ("file", 1), ("format", 1)]) : JSONObject([("event", "x")])
      let line = AuditFormat.line(members, after: head, commit: commit, time: 0, worker: "w")
      bytes += line.bytes
      head = AuditHead(sequence: head.sequence + 1, hash: line.hash)
    }
    #expect(AuditScan(bytes, file: 1).lines == 4)
    bytes[5] ^= 1
    let scan = AuditScan(bytes, file: 1)
    if commit == 1 {
      #expect(scan.flaw == .tornTail)
    } else {
      #expect(scan.flaw != .tornTail && scan.flaw != nil)
    }
  }

  @Test("the file before is on disk when the next one begins")
  func nextFile() async throws {
    let fixture = try LogFixture()
    var settings = AuditSettings()
    settings.fileBytes = 4096
    let log = try fixture.open(settings)
    for number in 0..<200 { _ = try await log.carryAndWrite([.sample(number)]) }
    await log.close()
    #expect(try fixture.files().count > 1)
    #expect(try fixture.verify().isIntact)
    #expect(try jobs(fixture) == (0..<200).map(String.init))
  }
}

extension AuditLog {
  /// Whether something stands in line that was appended after what is being synced.
  fileprivate var isBehind: Bool { last > durableHead.sequence + 1 }

  /// Without a moment in between, in which the clock could have it synced.
  fileprivate func carryAndWrite(_ entries: [AuditEntry]) async throws -> UInt64 {
    let carried = carry(entries)
    let last = carried.first + UInt64(carried.lines.count) - 1
    try await untilWritten(last)
    return last
  }
}
