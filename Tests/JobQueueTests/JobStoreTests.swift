import JobQueue
import StrictJSON
import Testing

@Suite struct JobStoreTests {
  @Test func anAcceptedJobSurvivesARestart() async throws {
    let directory = try TemporaryDirectory()
    let store = try JobStore.open(directory: directory.path) { _ in }
    let submission = try await store.submit(Sample.request(key: "k"))
    #expect(submission.isNew)
    try await store.close()
    let again = try JobStore.open(directory: directory.path) { _ in }
    #expect(try await again.job(submission.job.id) == submission.job)
    #expect(try await again.submit(Sample.request(key: "k")).isNew == false)
    try await again.close()
  }
}
