internal import AuditLog
internal import JobQueue
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

/// What all parts of the worker share. Immutable, but for the actors in it.
struct Worker: Sendable {
  /// Written into every tag's trailer beside the job's number; made once for each state directory.
  let identity: String
  let settings: Settings
  let store: JobStore
  let audit: AuditLog
  let counters: Counters
  /// Milliseconds since 1970.
  let startedAt: Int64

  static let version = stagekeeperVersion

  var configuration: Configuration { settings.current.configuration }
  var policy: Policy { settings.current.policy }
  var repositories: [String: Repository] { settings.current.repositories }

  /// The repository and the tenant in whose name the peer acts there.
  ///
  /// - Throws: ``WireError/notAllowed(_:)``.
  func authorize(_ access: Access, for peer: Peer) throws(WireError) -> (
    Repository, tenant: String
  ) {
    guard case .allowed(let tenant, _) = policy.decide(access, for: peer),
      let repository = repositories[access.repository]
    else { throw .notAllowed(access) }
    return (repository, tenant)
  }
}

/// How often things happened since the start.
actor Counters {
  private(set) var requests = 0
  private(set) var errors = 0
  private(set) var pushes = 0
  private(set) var pushedTags = 0
  private(set) var failedPushes = 0
  private(set) var startedLanes = 0
  private(set) var killedLanes = 0
  private(set) var runningLanes = 0

  func countRequest(failed: Bool) {
    requests += 1
    if failed { errors += 1 }
  }

  func countPush(tags: Int) {
    pushes += 1
    pushedTags += tags
  }

  func countFailedPush() { failedPushes += 1 }

  func countLaneStart() {
    startedLanes += 1
    runningLanes += 1
  }

  func countLaneEnd(killed: Bool) {
    runningLanes -= 1
    if killed { killedLanes += 1 }
  }
}
