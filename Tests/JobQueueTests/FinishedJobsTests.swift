import TestSupport
import Testing

@testable import JobQueue

@Suite struct FinishedJobsTests {
  /// How much there is of the largest thing that it holds.
  private func size(_ jobs: FinishedJobs) -> Int {
    Mirror(reflecting: jobs).children.compactMap { ($0.value as? any Collection)?.count }.max() ?? 0
  }

  private func all(_ jobs: FinishedJobs) -> [JobID] { jobs.droppable(limit: .max) { _, _, _ in .drop } }

  @Test("jobs that stay keep nothing of those that went")
  func nothingIsLeft() {
    var jobs = FinishedJobs()
    let staying = [1, 50_000].map { JobID($0) }
    for number: UInt64 in 1...100_000 {
      jobs.append(JobID(number), at: 0)
      if !staying.contains(JobID(number)) { jobs.remove(JobID(number)) }
    }
    #expect(all(jobs) == staying)
    #expect(size(jobs) == 2)
  }

  @Test("those that are left stand in the order in which they ended, also where one ended again")
  func order() {
    var random = SeededGenerator(seed: 7)
    var jobs = FinishedJobs()
    var expected: [JobID] = []
    for time: Int64 in 0..<5000 {
      let id = JobID(UInt64.random(in: 1...60, using: &random))
      if let index = expected.firstIndex(of: id) {
        expected.remove(at: index)
        jobs.remove(id)
      } else {
        expected.append(id)
        jobs.append(id, at: time)
      }
      jobs.remove(JobID(99))
      #expect(all(jobs) == expected)
    }
  }
}
