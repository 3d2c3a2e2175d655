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

  /// A journal and an audit log in a directory of their own.
  private struct Fixture {
    let executor = DispatchQueueExecutor(label: "records")
    let fault = AuditFault()
    let store: JobStore
    let audit: AuditLog
    let records: Records

    init(_ directory: TemporaryDirectory) throws {
      store = try JobStore.open(directory: directory.appending("journal"), executor: executor) { _ in }
      audit = try AuditLog.open(
        directory: directory.appending("audit"), worker: "0123456789ab", executor: executor, faults: fault)
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
    let records = try Fixture(directory)
    let ids = try await withThrowingTaskGroup { group in
      for _ in 0..<50 { group.addTask { try await records.submit().job.id.description } }
      return try await group.reduce(into: Set<String>()) { $0.insert($1) }
    }
    #expect(ids.count == 50)
    #expect(Set(try await records.store.jobs().map(\.id.description)) == ids)
    #expect(Set(try decidedJobs(directory)) == ids)
    try await records.close()
  }

  @Test("without its decision a job is taken back for good", arguments: [FileCall.Kind.write, .sync])
  func takenBack(kind: FileCall.Kind) async throws {
    let directory = try TemporaryDirectory()
    let records = try Fixture(directory)
    let first = try await records.submit(key: "first").job.id
    records.fault.arm(kind)
    let error = await #expect(throws: WireError.self) { try await records.submit(key: "second") }
    #expect(error?.code == .auditUnavailable && error?.category == .retry && error?.details == nil)
    // The log has failed for good by now: the next one is not even accepted.
    let again = await #expect(throws: WireError.self) { try await records.submit(key: "third") }
    #expect(again?.code == .auditUnavailable)
    #expect(try await records.store.jobs().map(\.id) == [first])
    try await records.close()

    let restarted = try Fixture(directory)
    #expect(try await restarted.store.jobs().map(\.id) == [first])
    let repeated = try await restarted.submit(key: "second")
    #expect(repeated.isNew && repeated.job.id != first)
    try await restarted.close()
  }

  @Test("a job that was there before stays, and so does one that has begun")
  func kept() async throws {
    let directory = try TemporaryDirectory()
    let records = try Fixture(directory)
    let id = try await records.submit(key: "first").job.id
    #expect(try await records.submit(key: "first").isNew == false)
    _ = try await records.store.nextBatch(repository: "churn", limit: 1)
    #expect(try await records.store.withdraw(id) == false)
    #expect(try await records.store.job(id)?.isCancelRequested == true)
    records.fault.arm(.sync)
    await #expect(throws: WireError.self) { try await records.submit(key: "first") }
    #expect(try await records.store.job(id) != nil)
    try await records.close()
  }
}
