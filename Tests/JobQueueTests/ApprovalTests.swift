import StrictJSON
import Synchronization
import SystemCalls
import Testing
import WireProtocol

@testable import JobQueue

/// Jobs that wait for approval: out of the line, approved or not at the same time as something else, in time
/// or not, before and after a crash.
@Suite struct ApprovalTests {
  /// A clock that stands until it is set; milliseconds since 1970.
  final class Clock: Sendable {
    private let time = Mutex<Int64>(1_000_000)

    var now: Int64 { time.withLock { $0 } }

    func advance(by milliseconds: Int64) { time.withLock { $0 += milliseconds } }
  }

  /// A store in which job 1 waits until 60 s from now.
  private struct Fixture {
    let directory: TemporaryDirectory
    let clock = Clock()
    var store: JobStore
    let job = JobID(1)

    init(deadline: Int64? = nil) async throws {
      directory = try TemporaryDirectory()
      store = try Self.open(directory, clock)
      let request = Sample.request(key: "k", deadline: deadline.map { clock.now + $0 })
      _ = try await store.submit(request)
      try await ask()
    }

    static func open(_ directory: TemporaryDirectory, _ clock: Clock) throws -> JobStore {
      var configuration = JobStoreConfiguration()
      configuration.now = { clock.now }
      return try JobStore.open(directory: directory.path, configuration: configuration) { _ in }
    }

    func ask() async throws {
      let batch = try await store.nextBatch(repository: "churn", limit: 3)
      #expect(batch.jobs.map(\.id) == [job])
      try await store.record(job, .approvalAsked(Sample.plan, until: clock.now + 60_000))
      try await store.finishBatch(repository: "churn", milliseconds: 1)
    }

    mutating func restart() async throws {
      try await store.close()
      store = try Self.open(directory, clock)
      // What the start itself has changed.
      try await store.untilDurable()
    }

    @discardableResult
    func approve(_ uid: UInt32 = 2001, required: Int = 1) async throws -> Job {
      try await store.approve(job, by: Sample.approver(uid: uid), message: nil) {
        ($0.approval?.approvals.count ?? 0) >= required
      }
    }

    func decline(_ message: String = "no") async throws -> Job {
      try await store.decline(job, JobError(code: "approval_rejected", message: message))
    }

    var state: JobStatus.State? { get async throws { try await store.job(job)?.state.name } }

    /// Whether job 1 is what would be planned now.
    func isPlannedNext() async throws -> Bool {
      try await store.nextBatch(repository: "churn", limit: 1).jobs.map(\.id) == [job]
    }
  }

  @Test func itWaitsOutOfTheLineAndComesBackToItsPlace() async throws {
    let fixture = try await Fixture()
    let store = fixture.store
    for artifact in ["model", "other"] { _ = try await store.submit(Sample.request(artifact: artifact)) }
    #expect(try await fixture.state == .awaitingApproval)
    #expect(await store.table.position(of: fixture.job) == nil)
    #expect(await store.table.position(of: JobID(2)) == 1)
    let statistics = try await store.queueStatistics
    #expect(statistics.jobs == [.queued: 2, .awaitingApproval: 1])
    #expect(statistics.repositories.first?.awaitingApproval == 1)
    #expect(statistics.repositories.first?.tenants == ["fraud": 3])
    // Those behind it go on, even of the same artifact and tenant.
    #expect(try await store.nextBatch(repository: "churn", limit: 1).jobs.map(\.id) == [JobID(2)])
    // Approved meanwhile, it is the next.
    #expect(try await fixture.approve().state == .queued)
    #expect(await store.table.position(of: fixture.job) == 1)
    try await store.record(JobID(2), .succeeded(1))
    try await store.finishBatch(repository: "churn", milliseconds: 1)
    #expect(try await fixture.isPlannedNext())
    try await store.close()
  }

  @Test func approvedBeforeItsBatchEnds() async throws {
    let directory = try TemporaryDirectory()
    let store = try JobStore.open(directory: directory.path) { _ in }
    let id = try await store.submit(Sample.request()).job.id
    _ = try await store.nextBatch(repository: "churn", limit: 1)
    try await store.record(id, .approvalAsked(Sample.plan, until: .max))
    _ = try await store.approve(id, by: Sample.approver(), message: nil) { _ in true }
    #expect(try await store.nextBatch(repository: "churn", limit: 1).jobs.isEmpty)
    try await store.finishBatch(repository: "churn", milliseconds: 1)
    #expect(try await store.nextBatch(repository: "churn", limit: 1).jobs.map(\.id) == [id])
    try await store.close()
  }

  /// What comes second after what, and what both come to.
  struct Race: CustomTestStringConvertible, Sendable {
    enum Step: String, Sendable {
      case approve, approveSame, approveBySecond, reject, rejectAgain, rejectOtherwise, cancel, expire, crash,
        release
    }

    let steps: [Step]
    let state: JobStatus.State
    /// The last step is refused.
    var isRefused = false
    var testDescription: String { steps.map(\.rawValue).joined(separator: ", ") }
  }

  static let races: [Race] = [
    Race(steps: [.approve], state: .awaitingApproval),
    Race(steps: [.approve, .approveSame], state: .awaitingApproval),
    Race(steps: [.approve, .approveBySecond], state: .queued),
    Race(steps: [.approve, .approveBySecond, .approveSame], state: .queued),
    Race(steps: [.approve, .crash, .approveBySecond], state: .queued),
    Race(steps: [.approve, .approveBySecond, .crash], state: .queued),
    Race(steps: [.approve, .crash, .approveSame], state: .awaitingApproval),
    Race(steps: [.approve, .reject], state: .rejected),
    Race(steps: [.reject, .approve], state: .rejected, isRefused: true),
    Race(steps: [.approve, .reject, .approveSame], state: .rejected, isRefused: true),
    Race(steps: [.reject, .rejectAgain], state: .rejected),
    Race(steps: [.reject, .rejectOtherwise], state: .rejected, isRefused: true),
    Race(steps: [.approve, .approveBySecond, .reject], state: .queued, isRefused: true),
    Race(steps: [.cancel, .approve], state: .cancelled, isRefused: true),
    Race(steps: [.approve, .cancel], state: .cancelled),
    Race(steps: [.approve, .approveBySecond, .cancel], state: .cancelled),
    Race(steps: [.cancel, .reject], state: .cancelled, isRefused: true),
    Race(steps: [.approve, .expire, .approveBySecond], state: .rejected, isRefused: true),
    Race(steps: [.expire, .reject], state: .rejected, isRefused: true),
    Race(steps: [.expire, .crash], state: .rejected),
    Race(steps: [.expire, .crash, .cancel], state: .rejected, isRefused: true),
    Race(steps: [.approve, .approveBySecond, .expire, .crash], state: .queued),
    Race(steps: [.approve, .release], state: .queued),
    Race(steps: [.cancel, .release], state: .cancelled),
  ]

  @Test(arguments: races)
  func whoeverIsFirst(race: Race) async throws {
    var fixture = try await Fixture()
    var refused = false
    for step in race.steps {
      refused = false
      do {
        switch step {
        case .approve, .approveSame: try await fixture.approve(2001, required: 2)
        case .approveBySecond: try await fixture.approve(2002, required: 2)
        case .reject, .rejectAgain: _ = try await fixture.decline()
        case .rejectOtherwise: _ = try await fixture.decline("never")
        case .cancel: _ = try await fixture.store.cancel(fixture.job, by: nil)
        case .expire: fixture.clock.advance(by: 60_000)
        case .crash: try await fixture.restart()
        case .release:
          _ = try await fixture.store.releaseApproved { _ in true }
          try await fixture.store.untilDurable()
        }
      } catch let error as JobStoreError {
        refused = true
        #expect(error.code == .notAwaitingApproval || error.code == .impossible)
      }
    }
    #expect(refused == race.isRefused)
    #expect(try await fixture.state == race.state)
    // What was answered is what is on disk.
    let before = try await fixture.store.job(fixture.job)
    try await fixture.restart()
    #expect(try await fixture.store.job(fixture.job) == before)
    #expect(try await fixture.isPlannedNext() == (race.state == .queued))
    try await fixture.store.close()
  }

  @Test("of many approvers at once each counts once, and the job is put in line once")
  func manyAtOnce() async throws {
    let fixture = try await Fixture()
    let states = try await withThrowingTaskGroup(of: JobStatus.State.self) { group in
      for number in 0..<40 {
        group.addTask { try await fixture.approve(3000 + UInt32(number % 8), required: 8).state.name }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(states.contains(.queued))
    let job = try #require(try await fixture.store.job(fixture.job))
    #expect(job.state == .queued)
    #expect(job.approval?.approvals.count == 8)
    #expect(job.transitions.count { $0.event == "released" } == 1)
    #expect(job.transitions.count { $0.event == "approved" } == 8)
    try await fixture.store.close()
  }

  @Test func theRequesterNeverApproves() async throws {
    let fixture = try await Fixture()
    let error = await #expect(throws: JobStoreError.self) { try await fixture.approve(1001) }
    #expect(error?.code == .impossible)
    #expect(try await fixture.state == .awaitingApproval)
    try await fixture.store.close()
  }

  @Test(arguments: [nil, 10_000] as [Int64?])
  func theEndOfItsTime(deadline: Int64?) async throws {
    var fixture = try await Fixture(deadline: deadline)
    fixture.clock.advance(by: (deadline ?? 60_000) - 1)
    try await fixture.restart()
    #expect(try await fixture.state == .awaitingApproval)
    fixture.clock.advance(by: 1)
    try await fixture.restart()
    guard case .rejected(let error) = try await fixture.store.job(fixture.job)?.state else {
      Issue.record("it still waits")
      return
    }
    #expect(error.code == (deadline == nil ? JobError.approvalExpired : JobError.deadlinePassed))
    try await fixture.store.close()
  }

  @Test("the end comes by itself, and watchers are told")
  func timer() async throws {
    let directory = try TemporaryDirectory()
    let store = try JobStore.open(directory: directory.path) { _ in }
    let id = try await store.submit(Sample.request()).job.id
    _ = try await store.nextBatch(repository: "churn", limit: 1)
    let until = WallClock.milliseconds + 300
    try await store.record(id, .approvalAsked(Sample.plan, until: until))
    try await store.finishBatch(repository: "churn", milliseconds: 1)
    var last: Job?
    for await snapshot in await store.updates(of: id) { last = snapshot.job }
    #expect(last?.state.name == .rejected && last?.lastError?.code == JobError.approvalExpired)
    #expect(last.flatMap(\.finishedAt).map { $0 >= until } == true)
    try await store.close()
  }

  @Test("a compaction keeps what waits and what approved it")
  func compaction() async throws {
    let directory = try TemporaryDirectory()
    var configuration = JobStoreConfiguration()
    configuration.compactionMinimum = 20_000
    var store = try JobStore.open(directory: directory.path, configuration: configuration) { _ in }
    let id = try await store.submit(Sample.request()).job.id
    _ = try await store.nextBatch(repository: "churn", limit: 1)
    try await store.record(id, .approvalAsked(Sample.plan, until: .max))
    try await store.finishBatch(repository: "churn", milliseconds: 1)
    let approved = try await store.approve(id, by: Sample.approver(), message: "yes") { _ in false }
    while try await store.queueStatistics.compactions == 0 {
      let other = try await store.submit(Sample.request(artifact: "x")).job.id
      _ = try await store.cancel(other, by: nil)
    }
    try await store.close()
    store = try JobStore.open(directory: directory.path, configuration: configuration) { _ in }
    #expect(try await store.job(id) == approved)
    #expect(try await store.queueStatistics.repositories.first?.awaitingApproval == 1)
    try await store.close()
  }
}
