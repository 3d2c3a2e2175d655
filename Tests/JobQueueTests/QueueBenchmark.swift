import Foundation
import StrictJSON
import SystemCalls
import Testing

@testable import JobQueue

/// Figures, not assertions: run with `STAGEKEEPER_BENCHMARK=1` in a release build.
@Suite(.serialized, .enabled(if: ProcessInfo.processInfo.environment["STAGEKEEPER_BENCHMARK"] != nil))
struct QueueBenchmark {
  @Test func replayOf100000Records() throws {
    var bytes = JournalFormat.header(segment: 1)
    var sequence: UInt64 = 0
    for number in 1...25_000 {
      let id = JobID(UInt64(number))
      let request = Sample.request(
        artifact: "model-\(number % 100)", tenant: "t\(number % 7)", key: "key-\(number)")
      for record: JobRecord in [
        .submitted(id, request, time: 1), .event(id, .started, time: 2),
        .event(id, .prepared([Sample.intent()]), time: 3), .event(id, .succeeded(["ref": "x"]), time: 4),
      ] {
        sequence += 1
        JournalFormat.appendRecord(
          try #require(JournalEntry(record: record).payload()), segment: 1, sequence: sequence,
          placeInCommit: 0, to: &bytes)
      }
    }
    let start = MonotonicTime.now
    let replay = JournalReplay(bytes, path: "benchmark")
    let seconds = -start.secondsLeft
    #expect(replay.scan.records == 100_000)
    print("replay: \(Int(100_000 / seconds)) records/s, \(bytes.count / 1_000_000) MB in \(seconds) s")
  }

  /// On a real disk: the directory is in the working directory.
  @Test(arguments: [1, 32, 256])
  func acknowledgedRequests(clients: Int) async throws {
    let path = FileManager.default.currentDirectoryPath + "/.build/benchmark-\(clients)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let store = try JobStore.open(directory: path) { _ in }
    let start = MonotonicTime.now
    try await withThrowingTaskGroup(of: Void.self) { group in
      for client in 0..<clients {
        group.addTask {
          for number in 0..<(4000 / clients) {
            _ = try await store.submit(Sample.request(artifact: "a\(client)", key: "\(client)-\(number)"))
          }
        }
      }
      try await group.waitForAll()
    }
    let seconds = -start.secondsLeft
    let statistics = try await store.queueStatistics
    try await store.close()
    print(
      "\(clients) clients: \(Int(Double(statistics.records) / seconds)) acknowledged/s,",
      "\(Double(statistics.records) / Double(statistics.commits)) records per fdatasync")
  }

  @Test func schedulingOf100000Jobs() throws {
    var table = JobTable()
    let start = MonotonicTime.now
    for number in 1...100_000 {
      let request = Sample.request(artifact: "a\(number % 1000)", tenant: "t\(number % 3)")
      try table.apply(.submitted(JobID(UInt64(number)), request, time: 1))
    }
    let queued = -start.secondsLeft
    var done = 0
    while true {
      let (batch, _) = table.nextBatch(repository: "churn", limit: 3, now: 1)
      if batch.isEmpty { break }
      for id in batch {
        try table.apply(.event(id, .started, time: 2))
        try table.apply(.event(id, .succeeded(1), time: 3))
        done += 1
      }
      table.finishBatch(repository: "churn", microseconds: 1000)
    }
    let seconds = -start.secondsLeft - queued
    #expect(done == 100_000)
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let memory = status.split(separator: "\n").first { $0.hasPrefix("VmHWM") } ?? ""
    print("100,000 jobs queued in \(queued) s, scheduled and settled in \(seconds) s; \(memory)")
  }
}
