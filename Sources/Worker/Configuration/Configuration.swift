public import AuditLog
public import LaneProtocol

/// What the worker was told to be: the content of the configuration file, checked.
/// Source: docs/configuration.md.
public struct Configuration: Sendable, Equatable {
  /// Where the journal, the mirrors and the worker's name are kept; absolute.
  public var stateDirectory: String
  /// At least one, in the order of the file.
  public var clientSockets: [SocketConfiguration]
  public var adminSocket: SocketConfiguration
  /// In the order of the file.
  public var repositories: [RepositoryConfiguration]
  public var tenants: [TenantConfiguration]
  public var grants: [Grant]
  /// In the order of the file; all that match bind.
  public var conditions: [Condition]
  public var audit: AuditSettings
  public var limits: Limits

  public func repository(_ id: String) -> RepositoryConfiguration? {
    repositories.first { $0.id.utf8.elementsEqual(id.utf8) }
  }
}

public struct SocketConfiguration: Sendable, Equatable {
  /// Absolute, at most 107 bytes.
  public var path: String
  /// Permission bits.
  public var mode: UInt32
  /// The uid that owns it; nil: the worker's.
  public var user: UInt32?
  /// The gid that it belongs to; nil: the worker's.
  public var group: UInt32?
  /// As which everybody acts who connects here; nil: the kernel's word decides.
  public var tenant: String?

  public init(
    path: String, mode: UInt32, user: UInt32? = nil, group: UInt32? = nil, tenant: String? = nil
  ) {
    self.path = path
    self.mode = mode
    self.user = user
    self.group = group
    self.tenant = tenant
  }
}

/// One repository and everything that its lane alone is given.
public struct RepositoryConfiguration: Sendable, Equatable {
  /// What clients call it: letters, digits, `.`, `_`, `-`; it never becomes part of a path.
  public var id: String
  public var url: String
  public var ssh: SSHConfiguration?
  public var https: HTTPSConfiguration?
  public var tagger: TaggerConfiguration
  public var signing: SigningConfiguration?
  /// Nil: nobody is trusted to have signed anything.
  public var verification: VerificationConfiguration?
  public var containment: LaneConfiguration.Containment
  /// Nil: the remote's HEAD.
  public var defaultBranch: String?
  /// Tags sent in one push, 1 to 1000. Forges send no event for a push of more than three.
  public var tagsPerPush: Int
  /// Whether tags may be deleted by those who have a grant for that.
  public var allowDelete: Bool
}

public struct SSHConfiguration: Sendable, Equatable {
  public var keyFile: String?
  public var knownHostsFile: String?
}

public struct HTTPSConfiguration: Sendable, Equatable {
  public var username: String?
  public var tokenFile: String?
  /// A program by its absolute path, and its arguments. Never together with ``tokenFile``.
  public var credentialCommand: [String]?
  public var caFile: String?
}

public struct TaggerConfiguration: Sendable, Equatable {
  public var name: String
  public var email: String
}

public struct SigningConfiguration: Sendable, Equatable {
  public enum Format: String, Sendable, CaseIterable {
    case ssh, x509
  }

  public var format: Format
  public var keyFile: String
  public var certificateFile: String?
  public var chainFile: String?
  public var passphraseFile: String?
  /// Whether `doctor` reports tags without a good signature.
  public var required: Bool
}

/// Who belongs to a tenant; nobody where only a socket says so. Names were resolved to numbers when the file was read.
public struct TenantConfiguration: Sendable, Equatable {
  public var name: String
  public var uids: Set<UInt32>
  public var gids: Set<UInt32>
}

/// What a grant can allow.
public enum GrantedAction: String, Sendable, CaseIterable {
  case register, assign, unassign, deregister, deprecate, read
  /// What others ask for, where a condition wants it approved.
  case approve
  /// To delete tags where the repository allows it.
  case delete
}

/// One line of the policy: these tenants may do these things there.
public struct Grant: Sendable, Equatable {
  /// Its place in the file, from 0, by which decisions name it.
  public var index: Int
  public var tenants: Set<String>
  /// Patterns of repository ids.
  public var repositories: [Pattern]
  /// Nil: every artifact.
  public var artifacts: [Pattern]?
  public var actions: Set<GrantedAction>
  /// Nil: every stage.
  public var stages: [Pattern]?
}

/// What bounds a tenant, a connection, a push. The ranges are those of ``Limits/init(reading:)``.
public struct Limits: Sendable, Equatable {
  /// Open client connections in all.
  public var connections = 1024
  /// Open client connections of one uid.
  public var connectionsPerUser = 256
  /// Requests of one uid under way, on all its connections.
  public var requestsPerUser = 8192
  /// Requests of one uid each second in the long run.
  public var requestsPerSecond = 10_000
  /// Requests of one uid at once, after a time without any.
  public var requestBurst = 20_000
  /// Requests under way on one connection.
  public var requestsPerConnection = 64
  /// Seconds in which a frame that began must be complete.
  public var frameSeconds = 10
  /// Seconds after which a connection without a request is closed.
  public var idleSeconds = 600
  /// Jobs of one tenant that are not finished.
  public var jobsPerTenant = 100_000
  /// Those of them in one repository.
  public var jobsPerTenantAndRepository = 100_000
  /// The longest message that a client may ask for, in bytes.
  public var messageBytes = 16_384
  /// Seconds that one attempt at the Git server may take; then its lane is ended.
  public var attemptSeconds = 60
  /// Attempts until a job fails.
  public var attempts = 8
  /// The first wait after a failed attempt, in milliseconds; it doubles with each attempt.
  public var backoffMilliseconds = 500
  /// The longest wait between attempts, in seconds.
  public var backoffMaximumSeconds = 60
  /// Lanes that run at once.
  public var lanes = 16
  /// Seconds after which an idle lane is ended.
  public var laneIdleSeconds = 300
  /// Seconds for which a finished job stays visible and its request key is known.
  public var finishedJobSeconds = 7 * 86_400
  /// Seconds after SIGTERM in which what is in flight may finish.
  public var shutdownSeconds = 10

  public init() {}
}

extension Limits {
  /// The keys of those that are looked at when the worker starts and never again, marked ¹ in docs/configuration.md.
  static var fixedAtStart: [(key: String, field: KeyPath<Limits, Int>)] {
    [
      ("connections", \.connections), ("connectionsPerUser", \.connectionsPerUser),
      ("requestsPerUser", \.requestsPerUser), ("requestsPerSecond", \.requestsPerSecond),
      ("requestBurst", \.requestBurst), ("requestsPerConnection", \.requestsPerConnection),
      ("frameSeconds", \.frameSeconds), ("idleSeconds", \.idleSeconds), ("jobsPerTenant", \.jobsPerTenant),
      ("jobsPerTenantAndRepository", \.jobsPerTenantAndRepository), ("lanes", \.lanes),
      ("finishedJobSeconds", \.finishedJobSeconds),
    ]
  }

  /// The keys of those that have another value in the limits that the worker has started with.
  func fixedAtStart(differingFrom start: Limits) -> [String] {
    Self.fixedAtStart.filter { self[keyPath: $0.field] != start[keyPath: $0.field] }.map(\.key)
  }
}
