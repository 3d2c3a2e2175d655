import StrictJSON
import Synchronization
import TestSupport
import Testing

@testable import JobQueue

@Suite struct RequestKeyTests {
  private func table(with request: JobRequest) throws -> JobTable {
    var table = JobTable()
    try table.apply(.submitted(JobID(1), request, time: 1))
    return table
  }

  @Test func theSameRequestIsTheSameJob() throws {
    let request = Sample.request(key: "k", deadline: 10)
    let table = try table(with: request)
    var again = request
    again.deadline = 99
    again.requester.user = "renamed"
    #expect(try table.original(of: again)?.id == JobID(1))
  }

  @Test(arguments: [
    Sample.request(key: nil), Sample.request(key: "other"), Sample.request(uid: 1002, key: "k"),
    Sample.request(repository: "fraud", key: "k"),
  ])
  func anotherCallerRepositoryOrKeyIsAnotherJob(request: JobRequest) throws {
    #expect(try table(with: Sample.request(key: "k")).original(of: request) == nil)
  }

  @Test func keysAreComparedAsBytes() throws {
    let table = try table(with: Sample.request(key: "caf\u{e9}"))
    #expect(try table.original(of: Sample.request(key: "cafe\u{301}")) == nil)
  }

  static let differences: [(body: JSONValue, artifact: String, field: String)] = [
    (["stage": "dev"], "model", "stage"),
    (["stage": "prod", "force": true], "model", "force"),
    ([:], "model", "stage"),
    (["stage": "prod"], "other", "artifact"),
  ]

  @Test(arguments: differences)
  func aDifferentRequestNamesTheField(body: JSONValue, artifact: String, field: String) throws {
    let table = try table(with: Sample.request(key: "k"))
    #expect(throws: RequestKeyConflict(original: JobID(1), field: field)) {
      try table.original(of: Sample.request(artifact: artifact, key: "k", body: body))
    }
  }

  @Test func aNestedFieldIsNamedByItsPath() throws {
    let table = try table(with: Sample.request(key: "k", body: ["a": ["b": 1, "c": 2]]))
    #expect(throws: RequestKeyConflict(original: JobID(1), field: "a.c")) {
      try table.original(of: Sample.request(key: "k", body: ["a": ["b": 1, "c": 3]]))
    }
  }

  @Test func theOrderOfMembersDoesNotMatter() throws {
    let table = try table(with: Sample.request(key: "k", body: ["a": 1, "b": 2]))
    #expect(try table.original(of: Sample.request(key: "k", body: ["b": 2, "a": 1])) != nil)
  }

  @Test func aDroppedJobGivesItsKeyBack() throws {
    var table = try table(with: Sample.request(key: "k"))
    try table.apply(.event(JobID(1), .cancelRequested(by: nil), time: 2))
    #expect(try table.original(of: Sample.request(key: "k"))?.state == .cancelled)
    try table.apply(.dropped([JobID(1)]))
    #expect(try table.original(of: Sample.request(key: "k")) == nil)
  }

  @Test func finishedJobsAreKeptAsLongAsPromised() throws {
    var table = JobTable()
    for number in 1...6 {
      let id = JobID(UInt64(number))
      try table.apply(.submitted(id, Sample.request(key: number > 3 ? "k\(number)" : nil), time: 0))
      try table.apply(.event(id, .cancelRequested(by: nil), time: Int64(number * 10)))
    }
    let retention = JobRetention(milliseconds: 1000, count: 2, requestKeyMilliseconds: 100)
    let tenant = Sample.request().requester.tenant
    #expect(table.droppable(retention, tenant: "another", now: 60, limit: 10).isEmpty)
    #expect(table.droppable(retention, tenant: tenant, now: 60, limit: 10) == [1, 2, 3].map { JobID($0) })
    #expect(table.droppable(retention, tenant: tenant, now: 60, limit: 2) == [1, 2].map { JobID($0) })
    // The count is exceeded by four, but keys hold until 100 ms after the end.
    #expect(
      table.droppable(retention, tenant: tenant, now: 140, limit: 10) == [1, 2, 3, 4].map { JobID($0) })
    #expect(
      table.droppable(retention, tenant: tenant, now: 1059, limit: 10) == [1, 2, 3, 4, 5].map { JobID($0) })
    #expect(table.droppable(retention, tenant: tenant, now: 1060, limit: 10).count == 6)
  }

  @Test("a tenant's finished jobs are bounded in number and bytes, and one with intents is none of them")
  func tenantsShare() throws {
    var table = JobTable()
    func finish(_ number: UInt64, _ request: JobRequest, _ event: JobEvent) throws {
      try table.apply(.submitted(JobID(number), request, time: 0))
      try table.apply(.event(JobID(number), .started, time: 1))
      if case .failed = event {
        try table.apply(.event(JobID(number), .prepared([Sample.intent()]), time: 1))
      }
      try table.apply(.event(JobID(number), event, time: Int64(number)))
    }
    let long = Sample.request(body: ["message": .string(String(repeating: "m", count: 5000))])
    try finish(1, long, .failed(Sample.error))
    for number: UInt64 in 2...4 { try finish(number, long, .succeeded([:])) }
    try finish(5, Sample.request(tenant: "other"), .succeeded([:]))
    let bytes = table.finishedBytes(ofTenant: "fraud")
    #expect(bytes > 4 * 5000 && table.finishedBytes(ofTenant: "other") < 5000)
    func droppable(count: Int = 100, bytes: Int = 1 << 20, now: Int64 = 10) -> [JobID] {
      let retention = JobRetention(milliseconds: 1000, count: count, bytes: bytes)
      return table.droppable(retention, tenant: "fraud", now: now, limit: 10)
    }
    #expect(droppable().isEmpty)
    #expect(droppable(count: 2) == [2, 3].map { JobID($0) })
    #expect(droppable(bytes: bytes - 1) == [JobID(2)])
    #expect(droppable(count: 0) == [2, 3, 4].map { JobID($0) })
    // Old is old, whosesoever it is.
    #expect(droppable(now: 2000).count == 5)
    try table.apply(.dropped([JobID(2)]))
    #expect(table.finishedBytes(ofTenant: "fraud") < bytes)
  }

  @Test("whose finished jobs with keys take too much is told to come again, until they may be dropped")
  func keysAreBounded() async throws {
    let directory = try TemporaryDirectory()
    final class Clock: Sendable { let time = Mutex<Int64>(0) }
    let clock = Clock()
    var configuration = JobStoreConfiguration(
      retention: JobRetention(bytes: 25_000, requestKeyMilliseconds: 1000))
    configuration.now = { clock.time.withLock { $0 } }
    let store = try JobStore.open(
      directory: directory.path, configuration: configuration
    ) { _ in }
    let body: JSONValue = ["message": .string(String(repeating: "m", count: 9000))]
    for number in 1...3 {
      let job = try await store.submit(Sample.request(key: "k\(number)", body: body)).job
      _ = try await store.cancel(job.id, by: nil)
    }
    let error = await #expect(throws: JobStoreError.self) {
      try await store.submit(Sample.request(key: "k4", body: body))
    }
    #expect(error?.code == .busy && error?.limit == "finishedBytesPerTenant")
    // The same request still gets its job, and whoever needs no key is let in.
    #expect(try await store.submit(Sample.request(key: "k1", body: body)).isNew == false)
    #expect(try await store.submit(Sample.request(body: body)).isNew)
    #expect(try await store.submit(Sample.request(tenant: "other", key: "k5", body: body)).isNew)
    clock.time.withLock { $0 = 2000 }
    #expect(try await store.submit(Sample.request(key: "k4", body: body)).isNew)
    try await store.close()
  }
}
