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
  let records: Records
  let counters: Counters
  let questions = QuestionShares()
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
