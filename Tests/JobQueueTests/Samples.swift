import Dispatch
import JobQueue
import StrictJSON

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

  static func job(_ number: UInt64 = 1) -> Job {
    Job(id: JobID(number), request: request(), submittedAt: 1_700_000_000_000)
  }
}
