import StrictJSON
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
    #expect(table.droppable(retention, now: 60, limit: 10) == [1, 2, 3].map { JobID($0) })
    #expect(table.droppable(retention, now: 60, limit: 2) == [1, 2].map { JobID($0) })
    // The count is exceeded by four, but keys hold until 100 ms after the end.
    #expect(table.droppable(retention, now: 140, limit: 10) == [1, 2, 3, 4].map { JobID($0) })
    #expect(table.droppable(retention, now: 1059, limit: 10) == [1, 2, 3, 4, 5].map { JobID($0) })
    #expect(table.droppable(retention, now: 1060, limit: 10).count == 6)
  }
}
