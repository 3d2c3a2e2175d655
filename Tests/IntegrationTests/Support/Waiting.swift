import StrictJSON
import TestSupport

extension WorkerFixture {
  /// Waits until a job has that state.
  func waitForJob(_ job: String, state: String) throws {
    try Eventually.holds(
      "job \(job) is \(state): \((try? stagekeeper("job", "status", job, "--json"))?.text ?? "")"
    ) {
      try stagekeeper("job", "status", job, "--json").json["state"]?.stringValue == state
    }
  }

  /// The number of the lane that serves a repository; nil where none runs.
  func lane(of repository: String) throws -> Int32? {
    let list = try administer("repositories")["repositories"]?.arrayValue ?? []
    let pid = list.first { $0["repository"]?.stringValue == repository }?["lanePid"]?.integerValue
    return pid.map { Int32($0) }
  }
}
