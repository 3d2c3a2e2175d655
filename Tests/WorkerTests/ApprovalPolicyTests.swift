import JobQueue
import StrictJSON
import SystemCalls
import Testing

@testable import Worker

/// Whose approval counts for what.
struct ApprovalPolicyTests {
  private func policy(_ rules: String = "{ required: 2, approvers: [\"release\"] }") throws -> Policy {
    let text = """
      { repositories: { churn: { url: "/r" } },
        tenants: {
          team: { uids: [1001] }, release: { uids: [2001, 1001], gids: [5000] }, box: { uids: [7001] },
          superuser: { uids: [0] },
        },
        grants: [
          { tenants: ["release", "box", "superuser"], repositories: ["churn"], artifacts: ["model*"],
            actions: ["approve"], stages: ["prod"] },
        ],
        conditions: [{ repositories: ["*"], stages: ["prod"], approvals: \(rules) }] }
      """
    return Policy(try Configuration(json5: Array(text.utf8)), overflowUID: 65_534)
  }

  /// A job of uid 1001 that waits, approved by these.
  private func job(
    _ peers: [Peer], _ policy: Policy, artifact: String = "model", stage: String = "prod"
  ) throws -> Job {
    let request = JobRequest(
      repository: "churn", artifact: artifact, requester: Requester(uid: 1001, tenant: "team"),
      body: [
        "action": "assign", "repository": "churn", "artifact": .string(artifact), "stage": .string(stage),
      ])
    var job = Job(id: JobID(1), request: request, submittedAt: 0)
    let plan = ApprovalPlan(version: "v1.0.0", commit: "c", stage: stage, holder: nil)
    _ = try job.apply(.started, at: 1)
    _ = try job.apply(.approvalAsked(plan, until: 100), at: 1)
    for peer in peers { _ = try job.apply(.approved(Approver(peer, policy), message: nil), at: 2) }
    return job
  }

  private func peer(_ uid: UInt32, gid: UInt32 = 9, groups: [UInt32] = [], socket: String? = nil) -> Peer {
    Peer(PeerCredentials(uid: uid, gid: gid, groups: groups, pid: 1), fixedTenant: socket)
  }

  private func count(_ peers: [Peer], _ policy: Policy) throws -> Int? {
    policy.standing(of: try job(peers, policy))?.lines.first?.counting.count
  }

  @Test func whoCounts() throws {
    let policy = try policy()
    #expect(try count([peer(2001), peer(3001, groups: [5000])], policy) == 2)
    #expect(try policy.isApproved(job([peer(2001), peer(3001, gid: 5000)], policy)))
    #expect(try count([peer(3001), peer(0, gid: 5000), peer(65_534, groups: [5000])], policy) == 0)
    // One uid counts once, whatever socket it uses.
    #expect(try count([peer(2001), peer(2001, socket: "release"), peer(2001, gid: 5000)], policy) == 1)
    // A socket that has a tenant makes everybody on it that tenant, and nobody who is not on it.
    #expect(try count([peer(8001, socket: "release"), peer(8002)], policy) == 1)
    #expect(try count([peer(2001, socket: "team")], policy) == 0)
    // Nobody approves what is not his to approve.
    #expect(try !policy.isApproved(job([peer(2001), peer(3001, gid: 5000)], policy, artifact: "other")))
    #expect(
      policy.approvalRules(Access(.assign, repository: "churn", artifact: "model", stage: "dev")).isEmpty)
  }

  @Test("who asked decides nothing, in the name of no tenant and over no socket")
  func requester() throws {
    let policy = try policy()
    let job = try job([], policy)
    for socket in [nil, "release", "box"] {
      let own = Approver(peer(1001, groups: [5000], socket: socket), policy)
      #expect(!policy.mayApprove(job, own))
      var tried = job
      #expect(throws: ImpossibleTransition.self) { try tried.apply(.approved(own, message: nil), at: 2) }
    }
    #expect(policy.mayApprove(job, Approver(peer(1002, socket: "release"), policy)))
  }

  @Test("the superuser approves only where a tenant names him")
  func superuser() throws {
    let policy = try policy()
    #expect(try !policy.mayApprove(job([], policy), Approver(peer(0, gid: 5000), policy)))
    let named = try self.policy("{ required: 1, approvers: [\"superuser\"] }")
    #expect(try named.mayApprove(job([], named), Approver(peer(0), named)))
    #expect(try named.isApproved(job([peer(0)], named)))
  }

  @Test("what an approver may now is what counts, and no more than what he could then")
  func later() throws {
    let before = try policy()
    let job = try job([peer(2001), peer(7001)], before)
    #expect(before.standing(of: job)?.lines[0].counting.map(\.tenant) == ["release"])
    // A tenant that is asked for now counts by who belonged to it then.
    let other = try policy("{ required: 1, approvers: [\"box\"] }")
    #expect(other.standing(of: job)?.lines[0].counting.map(\.approval.by.uid) == [7001])
    #expect(other.standing(of: job)?.isSatisfied == true)
  }
}
