import StrictJSON
import TestSupport
import Testing

@testable import JobQueue

/// Who runs when. Everything is counted in batches.
@Suite struct FairnessTests {
  /// A line with names for tenants and artifacts, which runs batches of a given cost.
  struct Line {
    var line = RepositoryLine()
    var next: UInt64 = 0

    @discardableResult
    mutating func add(_ tenant: String, _ artifact: String? = nil, until: Int64? = nil) -> JobID {
      next += 1
      let id = JobID(next)
      line.stand(
        id, tenant: BytewiseString(tenant), artifact: BytewiseString(artifact ?? "artifact-\(next)"),
        until: until)
      return id
    }

    mutating func begin(_ limit: Int = 3, now: Int64 = 0) -> [JobID] {
      line.nextBatch(limit: limit, now: now) { _ in false }.batch
    }

    mutating func end(microseconds: Int64 = 30_000, finishing: Bool = true) {
      for id in line.inFlight where finishing { line.leave(id) }
      line.finishBatch(microseconds: microseconds)
    }

    func tenant(_ id: JobID) -> String { line.entries[id]?.tenant.string ?? "" }
  }

  @Test(arguments: [1, 2, 3, 10])
  func aSingleJobWaitsForTheBatchInFlightPlusOne(limit: Int) {
    var line = Line()
    for _ in 0..<1000 { line.add("hog") }
    for _ in 0..<20 {
      #expect(!line.begin(limit).isEmpty)
      let single = line.add("single")
      line.end()
      var batches = 0
      while true {
        let batch = line.begin(limit)
        batches += 1
        line.end()
        if batch.contains(single) { break }
      }
      #expect(batches <= 2)
    }
  }

  @Test func thatHoldsForATenantThatOwesTimeToo() {
    var line = Line()
    for _ in 0..<1000 { line.add("hog") }
    for _ in 0..<20 {
      // The single tenant's jobs cost a thousand times what the others cost.
      let first = line.begin(1)
      let costly = line.tenant(first[0]) == "single"
      let single = line.add("single")
      line.end(microseconds: costly ? 10_000_000 : 10_000)
      var batches = 0
      var found = false
      while !found {
        let batch = line.begin(1)
        batches += 1
        found = batch.contains(single)
        line.end(microseconds: line.tenant(batch[0]) == "single" || found ? 10_000_000 : 10_000)
      }
      #expect(batches <= 2)
    }
  }

  @Test func turnsAreSharedByTime() {
    var line = Line()
    for _ in 0..<500 {
      line.add("slow")
      line.add("quick")
    }
    var used = ["slow": 0, "quick": 0]
    for _ in 0..<200 {
      let tenant = line.tenant(line.begin(1)[0])
      let cost = tenant == "slow" ? 9000 : 1000
      used[tenant, default: 0] += cost
      line.end(microseconds: Int64(cost))
    }
    let difference = abs((used["slow"] ?? 0) - (used["quick"] ?? 0))
    #expect(difference <= 2 * 9000)
  }

  @Test func fiftyTenantsGetEqualShares() {
    var line = Line()
    for tenant in 0..<50 { for _ in 0..<(tenant == 0 ? 1000 : 20) { line.add("tenant-\(tenant)") } }
    var turns: [String: Int] = [:]
    for _ in 0..<250 {
      for id in line.begin(2) { turns[line.tenant(id), default: 0] += 1 }
      line.end()
    }
    #expect(turns.count == 50)
    #expect(turns.values.allSatisfy { $0 == 10 })
  }

  @Test func idlingSavesNothingUp() {
    var line = Line()
    for _ in 0..<1000 { line.add("busy") }
    for _ in 0..<100 {
      _ = line.begin(1)
      line.end()
    }
    for _ in 0..<100 { line.add("late") }
    var late = 0
    for _ in 0..<20 {
      if line.tenant(line.begin(1)[0]) == "late" { late += 1 }
      line.end()
    }
    #expect((9...11).contains(late))
  }

  @Test func jobsOfOneArtifactShareABatchInTheirOrder() throws {
    var line = Line()
    let first = line.add("a", "model")
    let second = line.add("a", "model")
    let other = line.add("a", "other")
    let foreign = line.add("b", "model")
    let batch = line.begin(10)
    #expect(Set(batch) == [first, second, other, foreign])
    #expect(try #require(batch.firstIndex(of: first)) < #require(batch.firstIndex(of: second)))
    #expect(line.begin(10).isEmpty)
  }

  @Test func aFullBatchLeavesTheLaterJobOfAnArtifact() {
    var line = Line()
    let first = line.add("a", "model")
    let second = line.add("a", "model")
    #expect(line.begin(1) == [first])
    line.end()
    #expect(line.begin(1) == [second])
  }

  @Test func aWaitingJobHoldsItsArtifactOnly() {
    var line = Line()
    let poisoned = line.add("a", "model")
    let held = line.add("a", "model")
    let other = line.add("a", "other")
    #expect(line.begin(1) == [poisoned])
    line.line.stand(poisoned, tenant: BytewiseString("a"), artifact: BytewiseString("model"), until: 100)
    line.end(finishing: false)
    #expect(line.line.nextWakeUp == 100)
    #expect(line.begin(10, now: 99) == [other])
    line.end()
    #expect(line.begin(10, now: 99).isEmpty)
    #expect(line.begin(10, now: 100) == [poisoned, held])
  }

  @Test func anInterruptedJobComesBeforeThoseThatCameLater() {
    var line = Line()
    let ids = (0..<5).map { _ in line.add("a", "model") }
    #expect(line.begin(1) == [ids[0]])
    line.line.stand(ids[0], tenant: BytewiseString("a"), artifact: BytewiseString("model"), until: nil)
    line.end(finishing: false)
    #expect(line.begin(2) == [ids[0], ids[1]])
  }

  @Test func leavingFromTheMiddleLeavesTheOrder() {
    var line = Line()
    let ids = (0..<5).map { _ in line.add("a", "model") }
    line.line.leave(ids[0])
    line.line.leave(ids[2])
    var order: [JobID] = []
    for _ in 0..<3 {
      order += line.begin()
      line.end()
    }
    #expect(order == [ids[1], ids[3], ids[4]])
    #expect(line.line.entries.isEmpty)
  }

  @Test func positionsBoundWhatRunsBefore() {
    var line = Line()
    var generator = SeededGenerator(seed: 11)
    for _ in 0..<200 { line.add("tenant-\(Int.random(in: 0..<5, using: &generator))") }
    let promised = line.line.entries.keys.map { ($0, line.line.position(of: $0) ?? 0) }
    var ranAt: [JobID: Int] = [:]
    while true {
      let batch = line.begin(1)
      if batch.isEmpty { break }
      ranAt[batch[0]] = ranAt.count + 1
      line.end()
    }
    for (id, position) in promised { #expect((ranAt[id] ?? .max) <= position) }
    #expect(Set(promised.map(\.1)).min() == 5)
  }

  @Test func ranksSurviveComingAndGoing() {
    var line = RankedLine()
    var model: Set<JobID> = []
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<3000 {
      let id = JobID(UInt64.random(in: 1...300, using: &generator))
      if Bool.random(using: &generator) {
        line.insert(id)
        model.insert(id)
      } else {
        line.remove(id)
        model.remove(id)
      }
      let probe = JobID(UInt64.random(in: 1...300, using: &generator))
      #expect(line.rank(of: probe) == (model.contains(probe) ? model.count { $0 < probe } : nil))
      #expect(line.count == model.count)
    }
  }
}
