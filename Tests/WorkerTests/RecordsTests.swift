import AuditLog
import JobQueue
import StrictJSON
import Synchronization
import SystemCalls
import TestSupport
import Testing
import WireProtocol

@testable import Worker

/// What becomes of a request when the journal or the audit log fails under it.
struct RecordsTests {
  /// Fails calls on the audit log's files from a certain moment on.
  private final class AuditFault: FileFaults {
    private let failing = Mutex<FileCall.Kind?>(nil)

    func arm(_ kind: FileCall.Kind) { failing.withLock { $0 = kind } }

    func verdict(on call: FileCall) -> FaultVerdict {
      failing.withLock { $0 } == call.kind ? .fail(.inputOutput) : .proceed
    }

    func succeeded(_ call: FileCall, result: Int) {}
  }

  /// A disk that is full from a certain moment on: what was reserved before can still be written.
  private final class FullDisk: FileFaults {
    private let state = Mutex<(isFull: Bool, reserved: [String: Int64])>((false, [:]))

    func fill(_ isFull: Bool) { state.withLock { $0.isFull = isFull } }

    func verdict(on call: FileCall) -> FaultVerdict {
      state.withLock { state in
        let isBeyond = call.offset + Int64(call.count) > state.reserved[call.path] ?? 0
        let isRefused = call.kind == .reserve || call.kind == .write && isBeyond
        return state.isFull && isRefused ? .fail(.noSpace) : .proceed
      }
    }

    func succeeded(_ call: FileCall, result: Int) {
      if call.kind == .reserve { state.withLock { $0.reserved[call.path] = Int64(call.count) } }
    }
  }

  /// A journal and an audit log in a directory of their own.
  private struct Fixture {
    let executor = EventLoop(label: "records")
    let fault: AuditFault
    let store: JobStore
    let audit: AuditLog
    let records: Records

    init(_ directory: TemporaryDirectory, disk: FullDisk? = nil) async throws {
      fault = AuditFault()
      let files = EventLoop(label: "files")
      store = try JobStore.open(
        directory: directory.appending("journal"), executor: executor, journalQueue: files, awaitsLog: true
      ) { _ in }
      audit = try await AuditLog.open(
        directory: directory.appending("audit"), worker: "0123456789ab", carriedBy: store, executor: executor,
        files: files, faults: disk ?? fault)
      records = Records(store, audit, executor: executor)
    }

    func submit(key: String? = nil) async throws(WireError) -> Submission {
      var decision = AuditEntry(.request)
      decision.decision = .allowed
      decision.action = "assign"
      return try await records.submit(RecordsTests.request(key: key), decision)
    }

    func close() async throws {
      try await store.close()
      await audit.close()
    }
  }

  private static func request(key: String?) -> JobRequest {
    JobRequest(
      repository: "churn", artifact: "model", requester: Requester(uid: 1000, user: "anna", tenant: "ops"),
      requestKey: key, body: ["action": "assign"], deadline: nil)
  }

  private func decidedJobs(_ directory: TemporaryDirectory) throws -> [String] {
    var reader = AuditReader(directory.appending("audit"), AuditFilter())
    var jobs: [String] = []
    try reader.read { line in
      if line["event"] == "request", let job = line["job"]?.stringValue { jobs.append(job) }
    }
    return jobs
  }

  @Test("what is admitted is in the journal and in the log, each with the job's number")
  func admitted() async throws {
    let directory = try TemporaryDirectory()
    let records = try await Fixture(directory)
    let ids = try await withThrowingTaskGroup { group in
      for _ in 0..<50 { group.addTask { try await records.submit().job.id.description } }
      return try await group.reduce(into: Set<String>()) { $0.insert($1) }
    }
    #expect(ids.count == 50)
    #expect(Set(try await records.store.jobs().map(\.id.description)) == ids)
    #expect(Set(try decidedJobs(directory)) == ids)
    try await records.close()
  }

  @Test(
    "a full disk refuses what is decided at once by many tasks that prefer the loop, and goes on when there is room"
  )
  func fullDisk() async throws {
    let (directory, disk) = (try TemporaryDirectory(), FullDisk())
    let records = try await Fixture(directory, disk: disk)
    _ = try await records.submit()
    disk.fill(true)
    let refused = await withTaskGroup { group in
      for _ in 0..<6_000 {
        group.addTask(executorPreference: records.executor.taskExecutor) {
          do throws(WireError) { _ = try await records.submit() } catch {
            return error.code == .auditUnavailable
          }
          return false
        }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(refused > 1_000 && refused < 6_000)
    disk.fill(false)
    #expect(try await records.submit().isNew)
    #expect(try await records.store.jobs(JobFilter(limit: .max)).count == 6_002 - refused)
    try await records.close()
  }

  @Test("a job whose decision can't be written is taken back for good")
  func takenBack() async throws {
    let directory = try TemporaryDirectory()
    let records = try await Fixture(directory)
    let first = try await records.submit(key: "first").job.id
    records.fault.arm(.write)
    let error = await #expect(throws: WireError.self) { try await records.submit(key: "second") }
    #expect(error?.code == .auditUnavailable && error?.category == .retry && error?.details == nil)
    // The log has failed for good by now: the next one is not even accepted.
    let again = await #expect(throws: WireError.self) { try await records.submit(key: "third") }
    #expect(again?.code == .auditUnavailable)
    #expect(try await records.store.jobs().map(\.id) == [first])
    try await records.close()

    let restarted = try await Fixture(directory)
    #expect(try await restarted.store.jobs().map(\.id) == [first])
    let repeated = try await restarted.submit(key: "second")
    #expect(repeated.isNew && repeated.job.id != first)
    try await restarted.close()
  }

  @Test("a decision that can't be synced is in the journal, and in the log after the next start")
  func carried() async throws {
    let directory = try TemporaryDirectory()
    let records = try await Fixture(directory)
    let before = try await records.submit().job.id
    try await records.audit.untilDurable()
    records.fault.arm(.sync)
    let id = try await records.submit(key: "first").job.id
    #expect(try decidedJobs(directory) == ["\(before)", "\(id)"])
    while await records.audit.statistics.isWritable { await Task.yield() }
    let error = await #expect(throws: WireError.self) { try await records.submit(key: "second") }
    #expect(error?.code == .auditUnavailable)
    try await records.close()
    // As where the power has failed then.
    let log = directory.appending("audit/audit-0000000001.jsonl")
    let bytes = try Files.read(log, limit: 1 << 20)
    let ends = bytes.indices.filter { bytes[$0] == 10 }
    try Files.replace(log, with: Array(bytes[...ends[1]]))
    #expect(try decidedJobs(directory) == ["\(before)"])

    let restarted = try await Fixture(directory)
    #expect(try decidedJobs(directory) == ["\(before)", "\(id)"])
    #expect(try await restarted.submit(key: "first").isNew == false)
    try await restarted.close()
  }

  @Test("how a job ends is in the log before the journal says so, and a crash has it in both or in neither")
  func ends() async throws {
    let directory = try TemporaryDirectory()
    let records = try await Fixture(directory)
    let id = try await records.submit().job.id
    let job = try #require(try await records.store.nextBatch(repository: "churn", limit: 1).jobs.first)
    let intent = Intent(ref: "refs/tags/a@v1.0.0", objectID: String(repeating: "a", count: 40), object: [])
    _ = try await records.records.record(intents: [JobPush(job: job, rule: "grants[0]", intents: [intent])])
    try await records.records.record([(id, .succeeded(["version": "v1.0.0"]))])
    func events() throws -> [String] {
      var reader = AuditReader(directory.appending("audit"), AuditFilter())
      var events: [String] = []
      try reader.read { line in
        if line["job"] == .string("\(id)") { events.append(line["event"]?.stringValue ?? "") }
      }
      return events
    }
    #expect(try events() == ["request", "push", "effect"])
    try await records.close()
    let log = directory.appending("audit/audit-0000000001.jsonl")
    let bytes = try Files.read(log, limit: 1 << 20)
    let ends = bytes.indices.filter { bytes[$0] == 10 }
    for kept in 1...4 {
      try Files.replace(log, with: Array(bytes[...ends[kept - 1]]))
      let journal = directory.appending("journal")
      let copies = try Files.names(in: journal).filter { $0.hasPrefix("journal-") }
      let before = try copies.map { ($0, try Files.read("\(journal)/\($0)", limit: 1 << 22)) }
      let restarted = try await Fixture(directory)
      #expect(try events() == ["request", "push", "effect"], "\(kept) lines were left")
      #expect(try await restarted.store.job(id)?.state == .succeeded(["version": "v1.0.0"]))
      try await restarted.close()
      // As the crash left it, for the next round.
      for name in try Files.names(in: journal) where name.hasPrefix("journal-") {
        try Files.remove("\(journal)/\(name)")
      }
      for (name, content) in before { try Files.replace("\(journal)/\(name)", with: content) }
    }
  }

  @Test(
    "a job whose time is over ends with its line, also at a start, and a crash has it in both",
    arguments: [false, true])
  func expired(atStart: Bool) async throws {
    let directory = try TemporaryDirectory()
    let records = try await Fixture(directory)
    let id = try await records.submit().job.id
    _ = try await records.store.nextBatch(repository: "churn", limit: 1)
    let end = WallClock.milliseconds + (atStart ? 500 : 20)
    let plan = ApprovalPlan(
      version: "v1.0.0", commit: String(repeating: "a", count: 40), stage: "prod", holder: nil)
    try await records.store.record(id, .approvalAsked(plan, until: end))
    if atStart {
      try await records.close()
      while WallClock.milliseconds <= end { try await Task.sleep(for: .milliseconds(10)) }
      let started = try await Fixture(directory)
      try await started.store.untilDurable()
      #expect(try await started.store.job(id)?.state.name == .rejected)
      try await started.close()
    } else {
      while try await records.store.job(id)?.state.name != .rejected {
        try await Task.sleep(for: .milliseconds(5))
      }
      try await records.close()
    }
    // What was written since the request's line is lost.
    let last = try await lastLineAfterLosingTheThird(directory)
    #expect(last?["event"] == "effect" && last?["code"] == "approval_expired", "\(String(describing: last))")
    #expect(last?["job"] == .string("\(id)"))
  }

  /// What a start makes of a log that lost the last of its three lines, which the journal carries.
  private func lastLineAfterLosingTheThird(_ directory: TemporaryDirectory) async throws -> JSONValue? {
    let log = directory.appending("audit/audit-0000000001.jsonl")
    let bytes = try Files.read(log, limit: 1 << 20)
    let ends = bytes.indices.filter { bytes[$0] == 10 }
    #expect(ends.count == 3)
    try Files.replace(log, with: Array(bytes[...ends[1]]))
    let restarted = try await Fixture(directory)
    var reader = AuditReader(directory.appending("audit"), AuditFilter())
    var last: JSONValue?
    try reader.read { last = $0 }
    try await restarted.close()
    return last
  }

  @Test("a job that an approver rejects ends with its line, and a crash has it in both")
  func declined() async throws {
    let directory = try TemporaryDirectory()
    let records = try await Fixture(directory)
    let id = try await records.submit().job.id
    _ = try await records.store.nextBatch(repository: "churn", limit: 1)
    let plan = ApprovalPlan(
      version: "v1.0.0", commit: String(repeating: "a", count: 40), stage: "prod", holder: nil)
    try await records.store.record(id, .approvalAsked(plan, until: WallClock.milliseconds + 60_000))
    let error = JobError(code: "approval_rejected", message: "no")
    _ = try await records.records.decline(id, error)
    // In the same words once more: nothing happens, and nothing is written.
    _ = try await records.records.decline(id, error)
    try await records.close()
    let last = try await lastLineAfterLosingTheThird(directory)
    #expect(last?["event"] == "effect" && last?["outcome"] == "rejected", "\(String(describing: last))")
    #expect(last?["code"] == "approval_rejected" && last?["job"] == .string("\(id)"))
  }

  @Test("a job that was there before stays, and so does one whose tags may be on their way")
  func kept() async throws {
    let directory = try TemporaryDirectory()
    let records = try await Fixture(directory)
    let id = try await records.submit(key: "first").job.id
    #expect(try await records.submit(key: "first").isNew == false)
    _ = try await records.store.nextBatch(repository: "churn", limit: 1)
    let intent = Intent(
      ref: "refs/tags/churn@v1.0.0", objectID: String(repeating: "1", count: 40), object: [1])
    try await records.store.record(id, .prepared([intent]))
    #expect(try await records.store.withdraw(id) == false)
    #expect(try await records.store.job(id)?.isCancelRequested == true)
    records.fault.arm(.sync)
    // Of what changes nothing, nothing has to be on disk.
    #expect(try await records.submit(key: "first").isNew == false)
    #expect(try await records.store.job(id) != nil)
    try await records.close()
  }
}
