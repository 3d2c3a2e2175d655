import RemoteURLs
import GitRemote
import LaneProtocol
import StrictJSON
import SystemCalls

@testable import Worker

extension FuzzTarget {
  /// A configuration file is refused in words that can be shown, or what it says stays within its bounds, no tenant is
  /// granted anything that does not exist, and each lane reads of it what it was told.
  static let configuration = FuzzTarget("configuration") { input in
    let configuration: Configuration
    do throws(ConfigurationError) {
      configuration = try Configuration(json5: input)
    } catch {
      return try checkShown(error.message, limit: 4096, "the message")
    }
    try checkReferences(configuration)
    for line in PolicyWarnings(configuration: configuration, now: 1_767_225_600).lines {
      try checkShown(line, limit: 16 << 10, "a warning")
    }
    for repository in configuration.repositories {
      _ = try RemoteURL(repository.url)
      let lane = repository.laneConfiguration(
        stateDirectory: configuration.stateDirectory, limits: configuration.limits)
      let text = lane.json.serialized()
      try check(try LaneConfiguration(try JSONValue(parsing: text)) == lane, "a lane reads differently")
      try check(lane.mirrorDirectory.utf8.allSatisfy { $0 != 0 }, "a path holds a zero byte")
      try checkPolicy(configuration, repository.id)
    }
  }

  private static func checkReferences(_ configuration: Configuration) throws {
    let names = Set(configuration.tenants.map(\.name))
    let named = configuration.grants.flatMap(\.tenants) + configuration.clientSockets.compactMap(\.tenant)
    try check(named.allSatisfy(names.contains), "a tenant that does not exist")
    try check(configuration.clientSockets.count >= 1, "no socket")
    for socket in configuration.clientSockets + [configuration.adminSocket] {
      try check(socket.path.hasPrefix("/") && socket.path.utf8.count <= 107, "the socket \(socket.path)")
    }
    let limits = configuration.limits
    try check(limits.connections > 0 && limits.attempts > 0 && limits.lanes > 0, "a limit of nothing")
  }

  /// Who is in no tenant may do nothing.
  private static func checkPolicy(_ configuration: Configuration, _ repository: String) throws {
    let policy = Policy(configuration)
    let uid = (0...UInt32.max).first { uid in !configuration.tenants.contains { $0.uids.contains(uid) } } ?? 0
    let nobody = Peer(PeerCredentials(uid: uid, gid: .max, groups: [], pid: 1))
    for action in GrantedAction.allCases {
      let access = Access(action, repository: repository, artifact: "churn", stage: "prod")
      if case .allowed = policy.decide(access, for: nobody) { try check(false, "uid \(uid) may \(action)") }
      _ = policy.explain(access, tenants: configuration.tenants.map(\.name)).json
    }
  }
}
