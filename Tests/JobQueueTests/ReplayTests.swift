import Foundation
import StrictJSON
import TestSupport
import Testing

@testable import JobQueue

/// Replay ends where live operation stood.
@Suite struct ReplayTests {
  @Test(arguments: 1...150)
  func replayEqualsLiveOperation(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    var live = JobTable()
    var records: [JobRecord] = []
    for time in 1...200 {
      let record = Self.record(for: live, at: Int64(time), &random)
      do {
        try live.apply(record)
        records.append(record)
      } catch {
        #expect(error is ImpossibleTransition || error is ContradictoryRecord)
      }
    }
    #expect(records.count > 50)
    let replayed = try Self.replay(records)
    // Not the tables themselves: a failure would print them.
    let firstDifference = live.ids(after: nil).first { live.jobs[$0] != replayed.jobs[$0] }
    #expect(firstDifference.flatMap { live.jobs[$0] } == firstDifference.flatMap { replayed.jobs[$0] })
    let isReplayEqual = replayed == live
    #expect(isReplayEqual)
    let compacted = try Self.replay(Array(live.snapshot))
    let isSnapshotEqual = compacted == live
    #expect(isSnapshotEqual)
    // Both tables give the same answers from then on, too: to keys, and about who is first.
    for id in live.ids(after: nil) {
      #expect(compacted.position(of: id) == live.position(of: id))
      #expect(replayed.position(of: id) == live.position(of: id))
      let request = try #require(live.jobs[id]).request
      #expect(try compacted.original(of: request)?.id == live.original(of: request)?.id)
    }
    #expect(compacted.repositoriesWithWork == live.repositoriesWithWork)
  }

  /// Through the bytes of a segment.
  private static func replay(_ records: [JobRecord]) throws -> JobTable {
    var bytes = JournalFormat.header(segment: 9)
    for (index, record) in records.enumerated() {
      JournalFormat.appendRecord(
        try #require(JournalEntry(record: record).payload()), segment: 9, sequence: UInt64(index + 1),
        placeInCommit: 0, to: &bytes)
    }
    let replay = JournalReplay(bytes, path: "test")
    if let refusal = replay.refusal { throw refusal }
    #expect(replay.scan.records == records.count)
    return replay.table
  }

  /// A record that may or may not be possible; impossible ones are not journalled.
  private static func record(
    for table: JobTable, at time: Int64, _ random: inout SeededGenerator
  ) -> JobRecord {
    let choice = Int.random(in: 0..<20, using: &random)
    if choice < 4 { return .submitted(table.nextID, request(&random), time: time) }
    if choice == 4 {
      return .paused(
        repository: "r\(Int.random(in: 0..<3, using: &random))", .random(using: &random), time: 0)
    }
    if choice == 5 {
      let retention = JobRetention(milliseconds: 60, count: 5, requestKeyMilliseconds: 20)
      return .dropped(
        table.droppable(retention, tenant: "t\(Int.random(in: 0..<3, using: &random))", now: time, limit: 3))
    }
    let id = JobID(UInt64.random(in: 1...max(1, table.nextID.number - 1), using: &random))
    return .event(id, event(at: time, &random), time: time)
  }

  private static func request(_ random: inout SeededGenerator) -> JobRequest {
    let key = Int.random(in: 0..<4, using: &random)
    return JobRequest(
      repository: "r\(Int.random(in: 0..<3, using: &random))",
      artifact: "a\(Int.random(in: 0..<3, using: &random))",
      requester: Requester(
        uid: UInt32.random(in: 0...UInt32.max, using: &random), user: key == 0 ? nil : "é\u{1F600}\n",
        tenant: "t\(Int.random(in: 0..<3, using: &random))"),
      requestKey: key == 0 ? nil : "k\(UInt32.random(in: 0...UInt32.max, using: &random))",
      body: [
        "n": .number(Double.random(in: -1e9...1e9, using: &random)), "list": [nil, true, [:], "\u{7f}"],
      ],
      deadline: key == 1 ? 5 : nil)
  }

  private static func event(at time: Int64, _ random: inout SeededGenerator) -> JobEvent {
    let error = JobError(code: "c", message: "m \(time)", details: time % 2 == 0 ? ["a": [1]] : nil)
    let who = time % 3 == 0 ? nil : Requester(uid: 1, tenant: "admin")
    return switch Int.random(in: 0..<20, using: &random) {
    case 14, 15: .approvalAsked(Sample.plan, until: time + 30)
    case 16, 17: .approved(Sample.approver(uid: UInt32(time % 3)), message: time % 2 == 0 ? "m" : nil)
    case 18, 19: .released
    case 0..<4: .started
    case 4: .prepared([Sample.intent("x#\(time)"), Sample.intent("y#\(time)")])
    case 5: .pushing
    case 6: .replanned(error)
    case 7: .waiting(until: time + 20, error)
    case 8: .interrupted
    case 9: .succeeded(["time": .integer(time)])
    case 10: .rejected(error)
    case 11: .failed(error)
    case 12: .cancelRequested(by: who)
    default: .retried(by: who)
    }
  }

  // MARK: Released formats

  /// What format version 2 added. Never make these two files anew, either.
  @Test func theJournalOfVersionTwoReplays() throws { try expectReplay(of: "journal-v2") }

  /// What format version 3 added. Never make these two files anew, either.
  @Test func theJournalOfVersionThreeReplays() throws {
    try expectReplay(of: "journal-v3")
    let bytes = [UInt8](try Data(contentsOf: Self.fixtures.appendingPathComponent("journal-v3")))
    #expect(bytes.last == 0)
    #expect(JournalReplay(bytes, path: "journal-v3").carried == Self.carriedLines)
  }

  private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Fixtures")

  /// The journal of format version 1, as the first release wrote it. It must replay for ever: never
  /// make these two files anew.
  @Test func theJournalOfVersionOneReplays() throws { try expectReplay(of: "journal-v1") }

  private func expectReplay(of name: String) throws {
    let bytes = [UInt8](try Data(contentsOf: Self.fixtures.appendingPathComponent(name)))
    let replay = JournalReplay(bytes, path: name)
    #expect(replay.refusal == nil)
    #expect(replay.scan.flaw == nil)
    let expected = try Data(contentsOf: Self.fixtures.appendingPathComponent("\(name).expected.json"))
    let found = JSONValue.array(Array(replay.table.snapshot).map(\.json))
    #expect(try JSONValue(parsing: [UInt8](expected), maximumDepth: 64) == found)
  }

  /// Makes the files of ``theJournalOfVersionThreeReplays()`` where they are missing.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["STAGEKEEPER_MAKE_JOURNAL_FIXTURE"] != nil))
  func makeTheFixture() throws {
    let file = Self.fixtures.appendingPathComponent("journal-v3")
    if FileManager.default.fileExists(atPath: file.path) { return }
    var bytes = JournalFormat.header(segment: 7)
    var table = JobTable()
    for (index, entry) in Self.carryingEntries.enumerated() {
      try table.apply(entry.record)
      JournalFormat.appendRecord(
        try #require(entry.payload()), segment: 7, sequence: UInt64(index + 1),
        placeInCommit: UInt32(index % 3), to: &bytes)
    }
    bytes += [UInt8](repeating: 0, count: 1000)
    try Data(bytes).write(to: file)
    let json = JSONValue.array(Array(table.snapshot).map(\.json)).serialized(indentation: 2)
    try Data(json + [10]).write(to: Self.fixtures.appendingPathComponent("journal-v3.expected.json"))
  }

  private static let carriedLines = [
    CarriedLines(
      first: 12, time: 1_790_000_000_000,
      lines: [["event": "request", "decision": "allowed", "peer": ["uid": 1001], "job": "10"]]),
    CarriedLines(first: 13, time: 1_790_000_000_000, lines: [["event": "request", "job": "11"]]),
    CarriedLines(first: 14, time: 1_790_000_000_007, lines: [["event": "request"], ["event": "push"]]),
  ]

  /// What version 3 added, also for a job that was taken back.
  private static let carryingEntries: [JournalEntry] = {
    let start: Int64 = 1_790_000_000_000
    func submitted(_ number: UInt64, _ carried: CarriedLines?) -> JournalEntry {
      JournalEntry(record: .submitted(JobID(number), Sample.request(), time: start), carried: carried)
    }
    return [
      JournalEntry(record: .base(nextID: JobID(10))), submitted(10, carriedLines[0]),
      submitted(11, carriedLines[1]),
      JournalEntry(record: .event(JobID(11), .cancelRequested(by: nil), time: start + 1)),
      JournalEntry(record: .dropped([JobID(11)])), submitted(12, carriedLines[2]), submitted(13, nil),
    ]
  }()
}
