import Dispatch
import JobQueue
import StrictJSON

extension JobStore {
  /// Accepts a request that carries no lines; durable on return.
  func submit(_ request: JobRequest) async throws(JobStoreError) -> Submission {
    guard let (submission, mark, _) = try await accept(request) else {
      preconditionFailure("no lines are asked for")
    }
    try await untilDurable(mark)
    return submission
  }
}

/// Values that several tests use.
enum Sample {
  static func request(
    repository: String = "churn", artifact: String = "model", tenant: String = "fraud", uid: UInt32 = 1001,
    key: String? = nil, body: JSONValue = ["stage": "prod"], deadline: Int64? = nil
  ) -> JobRequest {
    JobRequest(
      repository: repository, artifact: artifact,
      requester: Requester(uid: uid, user: "ci-\(tenant)", tenant: tenant), requestKey: key, body: body,
      deadline: deadline)
  }

  static func intent(_ name: String = "model#prod#1") -> Intent {
    Intent(
      ref: "refs/tags/\(name)", objectID: String(repeating: "a1", count: 20),
      object: Array("object 0\ntag \(name)\n\nmessage\n".utf8))
  }

  static let error = JobError(code: "unavailable", message: "the server hung up", details: ["try": 1])

  static let plan = ApprovalPlan(
    version: "v2.0.0", commit: String(repeating: "c4", count: 20), stage: "prod", holder: "v1.0.0")

  static func approver(uid: UInt32 = 2001, tenants: [String] = ["release"]) -> Approver {
    Approver(uid: uid, gid: 100, groups: [100, 2001], user: "ren\u{e9}", tenants: tenants)
  }

  static func approver(_ uid: UInt32) -> Approver { approver(uid: uid) }

  static func job(_ number: UInt64 = 1) -> Job {
    Job(id: JobID(number), request: request(), submittedAt: 1_700_000_000_000)
  }
}
