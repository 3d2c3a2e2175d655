import StrictJSON
import Testing
import WireProtocol

@Suite struct TimestampTests {
  @Test(
    arguments: [
      (0, "1970-01-01T00:00:00.000Z"), (1_767_225_600_123, "2026-01-01T00:00:00.123Z"),
      (951_782_399_999, "2000-02-28T23:59:59.999Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
      (-1, "1969-12-31T23:59:59.999Z"), (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
      (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
    ] as [(Int64, String)])
  func bothWays(_ time: Int64, _ text: String) {
    #expect(timestamp(milliseconds: time) == text)
    #expect(milliseconds(timestamp: text) == time)
  }

  @Test(arguments: [
    "", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00:00+00:00", "2026-13-01T00:00:00Z",
    "2026-01-00T00:00:00Z", "2026-01-01T00:00:00.12Z", "+026-01-01T00:00:00Z", "２026-01-01T00:00:0Z",
    "2026-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
    "2026-01-01T00:00:60Z", "2026/01/01T00:00:00Z", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00,123Z",
  ])
  func refused(_ text: String) { #expect(milliseconds(timestamp: text) == nil) }

  @Test(
    arguments: [
      (Int64.min, "0000-01-01T00:00:00.000Z"), (-62_167_219_200_001, "0000-01-01T00:00:00.000Z"),
      (Int64.max, "9999-12-31T23:59:59.999Z"), (253_402_300_800_000, "9999-12-31T23:59:59.999Z"),
    ] as [(Int64, String)])
  func beyondTheYears(_ time: Int64, _ text: String) { #expect(timestamp(milliseconds: time) == text) }

  @Test func theFractionMayBeMissing() { #expect(milliseconds(timestamp: "1970-01-01T00:00:01Z") == 1000) }
}

@Suite struct JobStatusTests {
  private let job = JobStatus(
    job: "12", state: .waiting, repository: "demo", action: .assign, artifact: "churn", version: "v1.0.0",
    stage: "prod",
    tags: [CreatedTag(ref: "churn#prod#1", objectID: "aa", commit: "bb", event: "assignment")],
    requester: JSONObject([("uid", 0)]), acceptedAt: 1000, finishedAt: 2000, attempts: 3, position: 4,
    nextAttemptAt: 5000, error: WireError(.remoteTimeout, category: .retry, "slow"))

  @Test func readsBack() {
    #expect(JobStatus(json: job.json) == job)
    let bare = JobStatus(
      job: "1", state: .queued, repository: "d", action: .deprecate, artifact: "a", acceptedAt: 0)
    #expect(JobStatus(json: bare.json) == bare)
    #expect(bare.json["ref"] == .null && bare.json["error"] == nil)
  }

  @Test func theLastTagIsTheAnswer() {
    #expect(job.ref == "churn#prod#1" && job.objectID == "aa" && job.commit == "bb")
  }

  @Test func otherThingsAreNoJob() {
    #expect(JobStatus(json: ["job": "1"]) == nil)
    guard case .object(var object) = job.json else { return }
    object["state"] = "dreaming"
    #expect(JobStatus(json: .object(object)) == nil)
  }
}

@Suite struct ReadRequestTests {
  @Test func onlyWhatDiffersFromTheDefaultIsSent() {
    #expect(ShowRequest(repository: "demo").params == ["repository": "demo"])
    var show = ShowRequest(repository: "demo", name: "churn")
    show.registeredOnly = true
    show.deprecated = true
    show.assignmentsPerVersion = -1
    show.versionsPerStage = 2
    show.sort = .semver
    show.page = Page(limit: 5, after: "x")
    show.fresh = true
    #expect(
      show.params == [
        "repository": "demo", "name": "churn", "registeredOnly": true, "deprecated": true,
        "assignmentsPerVersion": -1, "versionsPerStage": 2, "sort": "semver", "limit": 5, "after": "x",
        "fresh": true,
      ])
    var history = HistoryRequest(repository: "demo", name: "churn")
    history.ascending = true
    #expect(history.params == ["repository": "demo", "name": "churn", "ascending": true])
    var stages = StagesRequest(repository: "demo")
    stages.used = true
    #expect(stages.params == ["repository": "demo", "used": true])
    #expect(CheckRefRequest(repository: "demo", ref: "r").params == ["repository": "demo", "ref": "r"])
    let describe = DescribeRequest(repository: "demo", name: "n", rev: "r")
    #expect(describe.params == ["repository": "demo", "name": "n", "rev": "r"])
  }
}
