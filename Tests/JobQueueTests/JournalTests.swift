import Foundation
import StrictJSON
import SystemCalls
import WireProtocol
import TestSupport
import Testing

@testable import JobQueue

/// What is done about files that are not as they were written.
@Suite struct JournalTests {
  /// A journal with some jobs, closed.
  private func journal(jobs: Int = 8) async throws -> (TemporaryDirectory, name: String) {
    let directory = try TemporaryDirectory()
    let store = try JobStore.open(directory: directory.path) { _ in }
    for number in 0..<jobs {
      _ = try await store.submit(Sample.request(artifact: "a\(number)", key: "\(number)"))
    }
    try await store.close()
    return (directory, try #require(try directory.segments().last))
  }

  private func offsets(_ bytes: [UInt8]) -> [Int] {
    var offsets: [Int] = []
    _ = SegmentScan(bytes) { record, _ in offsets.append(record.offset) }
    return offsets
  }

  private func jobCount(_ directory: TemporaryDirectory) async throws -> Int {
    let store = try JobStore.open(directory: directory.path) { _ in }
    let count = try await store.jobs().count
    try await store.close()
    return count
  }

  /// Cut at every length after the first job: what is whole is there, the rest is kept aside.
  @Test func aTornTailIsCutAndKept() async throws {
    let (directory, name) = try await journal(jobs: 3)
    let whole = try directory.read(name)
    let starts = offsets(whole)
    for length in stride(from: starts[2] + 1, to: whole.count, by: 7) where !starts.contains(length) {
      let torn = try TemporaryDirectory()
      try torn.write(name, Array(whole[..<length]))
      let intact = starts.count { $0 < length } - 2
      #expect(try await jobCount(torn) == intact)
      let start = try #require(starts.last { $0 < length })
      // Zeros at the end may have been reserved: they are not kept, and alone no sign of a torn write.
      let written = whole[start..<length].lastIndex { $0 != 0 }
      if let written {
        #expect(try torn.read("\(name).torn-\(start)") == Array(whole[start...written]))
      }
      // The cut is durable: nothing is torn the next time.
      #expect(try await jobCount(torn) == intact)
      #expect(try torn.files { $0.contains(".torn-") }.count == (written == nil ? 0 : 1))
    }
  }

  /// Also where space is reserved behind it, and where a page in between was never written.
  @Test(arguments: [
    [UInt8](repeating: 0xFF, count: 100), [1], [UInt8](repeating: 0, count: 5000) + [1, 0, 0],
  ])
  func garbageBehindTheEndIsATornTail(garbage: [UInt8]) async throws {
    let (directory, name) = try await journal()
    try directory.write(name, try directory.read(name) + garbage)
    #expect(try JournalVerifier.verify("\(directory.path)/\(name)").hasTornTail)
    #expect(try await jobCount(directory) == 8)
  }

  /// Each bit of each kind of byte, flipped: the start is refused with the place, and nothing is changed.
  @Test func aFlippedBitBeforeTheLastCommitStopsTheStart() async throws {
    let (directory, name) = try await journal()
    let whole = try directory.read(name)
    let starts = offsets(whole)
    let last = try #require(starts.last)
    var random = SeededGenerator(seed: 3)
    for _ in 0..<400 {
      var flipped = whole
      let place = Int.random(in: 0..<last, using: &random)
      flipped[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      try directory.write(name, flipped)
      let error = #expect(throws: JobStoreError.self) {
        try JobStore.open(directory: directory.path) { _ in }
      }
      let at = starts.last { $0 <= place } ?? 0
      #expect(error?.code == .damaged)
      #expect(
        [" \(at):", " \(at) ", " \(at);"].contains { error?.message.contains($0) ?? false }, "\(place)")
      #expect(error?.description.contains(name) ?? false)
      #expect(error?.message.contains("journal verify") ?? false)
      #expect(try directory.read(name) == flipped)
    }
  }

  @Test func aMissingRecordStopsTheStart() async throws {
    let (directory, name) = try await journal()
    let whole = try directory.read(name)
    let starts = offsets(whole)
    try directory.write(name, Array(whole[..<starts[3]] + whole[starts[4]...]))
    #expect(throws: JobStoreError.self) { try JobStore.open(directory: directory.path) { _ in } }
    let report = try JournalVerifier.verify("\(directory.path)/\(name)")
    #expect(!report.isIntact)
    #expect(report.intactEnd == starts[3])
    #expect(report.jobs == [.queued: 2])
  }

  /// No version was ever 0: that is damage.
  @Test(arguments: [(4, JobStoreError.Code.unsupported), (0, .damaged)] as [(UInt8, JobStoreError.Code)])
  func anotherVersionIsRefused(_ version: UInt8, _ code: JobStoreError.Code) async throws {
    let (directory, name) = try await journal()
    var bytes = JournalFormat.header(segment: 1)
    bytes[19] = version
    let crc = CRC32C.update(0, bytes[..<20])
    for index in 0..<4 { bytes[20 + index] = UInt8(truncatingIfNeeded: crc >> (24 - 8 * UInt32(index))) }
    try directory.write(name, bytes)
    let error = #expect(throws: JobStoreError.self) { try JobStore.open(directory: directory.path) { _ in } }
    #expect(error?.code == code)
  }

  /// Though its checksum is right: a record whose version is 0, or in whose zero bytes something stands.
  @Test(arguments: [(21, 0), (22, 1), (23, 1)] as [(Int, UInt8)])
  func aRecordThatNobodyWroteIsNotBelieved(_ offset: Int, _ value: UInt8) {
    var bytes = JournalFormat.header(segment: 1)
    let start = bytes.count
    JournalFormat.appendRecord([0x7B, 0x7D], segment: 1, sequence: 1, placeInCommit: 0, to: &bytes)
    bytes[start + offset] = value
    let seed = JournalFormat.seed(segment: 1, length: 2)
    let crc = CRC32C.update(seed, Array(bytes[(start + 8)...]))
    for index in 0..<4 {
      bytes[start + 4 + index] = UInt8(truncatingIfNeeded: crc >> (24 - 8 * UInt32(index)))
    }
    let scan = SegmentScan(bytes) { _, _ in }
    #expect(scan.records == 0)
    #expect(scan.flaw == .tornTail)
  }

  @Test func recordsOfAnotherSegmentAreNotBelieved() async throws {
    let (directory, name) = try await journal()
    let whole = try directory.read(name)
    let bytes = JournalFormat.header(segment: 2) + whole[JournalFormat.headerLength...]
    let scan = SegmentScan(bytes) { _, _ in }
    #expect(scan.records == 0)
    #expect(scan.flaw == .tornTail)
  }

  @Test func twoWorkersNeverShareADirectory() async throws {
    let directory = try TemporaryDirectory()
    let store = try JobStore.open(directory: directory.path) { _ in }
    let error = #expect(throws: JobStoreError.self) { try JobStore.open(directory: directory.path) { _ in } }
    #expect(error?.code == .inUse)
    try await store.close()
    let next = try JobStore.open(directory: directory.path) { _ in }
    try await next.close()
  }

  @Test func theChecksumIsTheCastagnoliOne() {
    // RFC 3720, appendix B.4.
    #expect(CRC32C.update(0, [UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(CRC32C.update(0, [UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(CRC32C.update(0, (0..<32).map { UInt8($0) }) == 0x46DD_794E)
    #expect(CRC32C.update(0, Array("123456789".utf8)) == 0xE306_9283)
    #expect(CRC32C.update(CRC32C.update(0, Array("1234".utf8)), Array("56789".utf8)) == 0xE306_9283)
  }

  @Test func aFullDiskRefusesJobsAndRecordsResults() async throws {
    let directory = try TemporaryDirectory()
    let disk = FaultyDisk()
    let configuration = JobStoreConfiguration(
      reservedBytes: 64 << 10, reservationStep: 4096, faults: disk)
    let store = try JobStore.open(directory: directory.path, configuration: configuration) { _ in }
    let job = try await store.submit(Sample.request(key: "k")).job
    disk.set(.reserve, failing: .noSpace)
    var accepted = 1
    let error = await #expect(throws: JobStoreError.self) {
      while true {
        _ = try await store.submit(Sample.request())
        accepted += 1
      }
    }
    #expect(error?.code == .busy)
    #expect(try await store.queueStatistics.isDiskFull)
    #expect(try await store.submit(Sample.request(key: "k")).job.id == job.id)
    _ = try await store.nextBatch(repository: "churn", limit: 1)
    try await store.record(job.id, .prepared([Sample.intent()]))
    try await store.record(job.id, .succeeded(["ref": "x"]))
    #expect(try await store.job(job.id)?.state == .succeeded(["ref": "x"]))
    disk.set(.reserve, failing: nil)
    #expect(try await store.submit(Sample.request()).isNew)
    #expect(try await !store.queueStatistics.isDiskFull)
    try await store.close()
    #expect(try await jobCount(directory) == accepted + 1)
  }

  /// A worker that was killed leaves its reserved space, which reads as zeros, behind; one that ends in order does not.
  @Test func reservedSpaceIsNoPartOfTheJournal() async throws {
    let directory = try TemporaryDirectory()
    let store = try JobStore.open(directory: directory.path) { _ in }
    _ = try await store.submit(Sample.request())
    let name = try #require(try directory.segments().last)
    let killed = try directory.read(name)
    try await store.close()
    let ended = try directory.read(name)
    #expect(killed.count >= 1 << 20 && ended.count < 1000 && killed.starts(with: ended))
    let scan = SegmentScan(killed) { _, _ in }
    #expect(scan.flaw == nil && scan.end == ended.count)

    try directory.write(name, killed)
    #expect(try !JournalVerifier.verify("\(directory.path)/\(name)").hasTornTail)
    #expect(try await jobCount(directory) == 1)
    #expect(try directory.files { $0.contains(".torn-") }.isEmpty)
  }

  /// Records replace zeros that were written, which is synced faster than space that only is reserved.
  @Test func recordsComeIntoClearedSpace() async throws {
    let directory = try TemporaryDirectory()
    let disk = FaultyDisk()
    let store = try JobStore.open(
      directory: directory.path, configuration: JobStoreConfiguration(faults: disk)
    ) { _ in }
    var (cleared, reserved, records): (Int64, Int64, Int64) = (0, 0, 0)
    for number in 0..<1_500 {
      _ = try await store.submit(Sample.request())
      if number % 100 != 99 { continue }
      // What is cleared is on its way while the next record is accepted.
      for round in 1... {
        try #require(round < 10_000, "it is not cleared behind the records")
        for call in disk.log {
          switch call.kind {
          case .reserve: reserved = max(reserved, Int64(call.count))
          case .write: records = max(records, call.offset + Int64(call.count))
          case .clear: cleared = max(cleared, call.offset + Int64(call.count))
          default: break
          }
        }
        if cleared >= records + 100_000 { break }
        try await Task.sleep(for: .milliseconds(10))
      }
      #expect(cleared <= reserved)
    }
    let calls = disk.log
    for (index, call) in calls.enumerated() where call.kind == .clear {
      #expect(calls[..<index].allSatisfy { $0.kind != .write || $0.offset + Int64($0.count) <= call.offset })
    }
    #expect(records > 2 * 100_000 && calls.count { $0.kind == .clear } < 60)
    try await store.close()
    let again = try JobStore.open(directory: directory.path) { _ in }
    #expect(try await again.job(JobID(1_500)) != nil)
    try await again.close()
  }

  @Test func aLongJournalIsCompacted() async throws {
    let directory = try TemporaryDirectory()
    var configuration = JobStoreConfiguration(compactionMinimum: 20_000)
    configuration.retention = JobRetention(milliseconds: 0, count: 0, requestKeyMilliseconds: 0)
    let store = try JobStore.open(directory: directory.path, configuration: configuration) { _ in }
    let kept = try await store.submit(Sample.request(tenant: "other", key: "kept")).job
    for _ in 0..<300 {
      let job = try await store.submit(Sample.request()).job
      _ = try await store.cancel(job.id, by: nil)
    }
    let statistics = try await store.queueStatistics
    try await store.close()
    #expect(statistics.compactions > 1)
    let segments = try directory.segments()
    #expect(segments.count == 1)
    #expect(try directory.read(segments[0]).count < 50_000)
    #expect(try directory.files { $0.hasSuffix(".new") } == [])
    let again = try JobStore.open(directory: directory.path) { _ in }
    #expect(try await again.job(kept.id) == kept)
    #expect(try await again.submit(Sample.request()).job.id == JobID(302))
    try await again.close()
  }
}
