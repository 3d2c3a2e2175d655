import StrictJSON
import SystemCalls
import TestSupport
import Testing

extension WorkerFixture {
  /// Waits until a job has that state.
  func waitForJob(_ job: String, state: String) throws {
    try Eventually.holds(
      "job \(job) is \(state): \((try? stagekeeper("job", "status", job, "--json"))?.text ?? "")"
    ) {
      try stagekeeper("job", "status", job, "--json").json["state"]?.stringValue == state
    }
  }

  /// Waits until a job has ended, and returns it.
  func waitForEnd(of job: String) throws -> JSONValue {
    var last = JSONValue.null
    try Eventually.holds("job \(job) has ended: \(last.text()); \(output.suffix(1000))") {
      last = try stagekeeper("job", "status", job, "--json").json
      return ["succeeded", "rejected", "failed", "cancelled"].contains(last["state"]?.stringValue)
    }
    return last
  }

  /// The number of the lane that serves a repository; nil where none runs.
  func lane(of repository: String) throws -> Int32? {
    let list = try administer("repositories")["repositories"]?.arrayValue ?? []
    let pid = list.first { $0["repository"]?.stringValue == repository }?["lanePid"]?.integerValue
    return pid.map { Int32($0) }
  }

  /// What `stagekeeper-admin audit show` prints with these filters.
  func auditLines(_ filters: String...) throws -> [JSONValue] {
    let run = try Program.run(
      try BuiltProgram.path("stagekeeper-admin"),
      ["audit", "show", "\(stateDirectory)/audit", "--json"] + filters)
    #expect(run.exit == .exited(code: 0), "\(run.errorText)")
    return try JSONValue(parsing: run.standardOutput, maximumDepth: 16)["lines"]?.arrayValue ?? []
  }
}
