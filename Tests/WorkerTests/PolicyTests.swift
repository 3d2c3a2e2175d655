import SystemCalls
import Testing

@testable import Worker

struct PolicyTests {
  private static let configuration = """
    { repositories: { churn: { url: "/r" }, fraud: { url: "/f" } },
      tenants: { fraud: { uids: [4001] }, readers: { gids: [5000] }, root: { uids: [0] } },
      grants: [
        { tenants: ["fraud"], repositories: ["churn"], artifacts: ["churn*"], actions: ["assign", "register", "read"],
          stages: ["dev", "stag*"] },
        { tenants: ["readers"], repositories: ["*"], actions: ["read"] },
        { tenants: ["root"], repositories: ["fraud"], actions: ["*"] },
      ] }
    """

  private func policy() throws -> Policy {
    Policy(try Configuration(json5: Array(Self.configuration.utf8)), overflowUID: 65_534)
  }

  private func peer(_ uid: UInt32, _ gid: UInt32 = 9, _ groups: [UInt32] = []) -> Peer {
    Peer(PeerCredentials(uid: uid, gid: gid, groups: groups, pid: 1))
  }

  private func access(
    _ action: GrantedAction, _ repository: String = "churn", _ artifact: String? = "churn",
    _ stage: String? = nil
  ) -> Access {
    Access(action, repository: repository, artifact: artifact, stage: stage)
  }

  @Test func grantsByUser() throws {
    let policy = try policy()
    let allowed = Decision.allowed(tenant: "fraud", grant: 0)
    for (access, decision) in [
      (access(.assign, "churn", "churn", "dev"), allowed),
      (access(.assign, "churn", "churn-eu", "staging"), allowed),
      (access(.assign, "churn", "churn", "prod"), .denied), (access(.assign, "churn", "x", "dev"), .denied),
      (access(.assign, "fraud", "churn", "dev"), .denied), (access(.deprecate), .denied),
      (access(.unassign, "churn", "churn", "dev"), .denied), (access(.register), allowed),
      (access(.read), allowed),
      (access(.read, "churn", nil), allowed), (access(.read, "nonexistent"), .denied),
    ] {
      #expect(policy.decide(access, for: peer(4001)) == decision, "\(access)")
    }
  }

  @Test func grantsByGroup() throws {
    let policy = try policy()
    let allowed = Decision.allowed(tenant: "readers", grant: 1)
    #expect(policy.decide(access(.read), for: peer(7, 5000)) == allowed)
    #expect(policy.decide(access(.read), for: peer(7, 1, [2, 5000])) == allowed)
    #expect(policy.decide(access(.read), for: peer(5000, 1, [2])) == .denied)
    #expect(policy.decide(access(.register), for: peer(7, 5000)) == .denied)
  }

  @Test("the superuser and the overflow uid belong where their number is named, never by a group")
  func specialUsers() throws {
    let policy = try policy()
    #expect(policy.decide(access(.read), for: peer(0, 5000, [5000])) == .denied)
    #expect(
      policy.decide(access(.assign, "fraud", "x", "prod"), for: peer(0)) == .allowed(tenant: "root", grant: 2)
    )
    #expect(policy.decide(access(.read), for: peer(65_534, 5000, [5000])) == .denied)
    #expect(policy.tenants(of: peer(65_534, 5000)) == [])
  }

  @Test func defaultDeny() throws {
    let empty = Policy(try Configuration(json5: Array("{ repositories: {} }".utf8)))
    for uid: UInt32 in [0, 1000, 65_534] {
      #expect(empty.decide(access(.read), for: peer(uid)) == .denied)
      #expect(empty.grants(of: peer(uid)).isEmpty)
    }
  }

  @Test("a job is checked again by its tenant")
  func byTenant() throws {
    let policy = try policy()
    #expect(policy.allows(access(.assign, "churn", "churn", "dev"), tenant: "fraud"))
    #expect(!policy.allows(access(.assign, "churn", "churn", "prod"), tenant: "fraud"))
    #expect(!policy.allows(access(.assign, "churn", "churn", "dev"), tenant: "gone"))
  }
}
