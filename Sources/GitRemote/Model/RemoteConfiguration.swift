public import RemoteURLs

/// What is needed to reach one repository.
public struct RemoteConfiguration: Sendable {
  public var url: RemoteURL
  /// Absolute path of a directory for this repository alone; a cache that may be deleted when unused.
  public var mirrorDirectory: String
  /// Absolute path of a directory for the socket of this repository's shared ssh connection. Where that is nil, or
  /// so long (88 bytes) that a socket in it has no address, each operation makes a connection of its own.
  public var controlDirectory: String?
  public var ssh = SSHCredential()
  public var https = HTTPSCredential()
  public var timeouts = Timeouts()
  public var limits = Limits()
  public var programs = Programs()

  public init(url: RemoteURL, mirrorDirectory: String, controlDirectory: String? = nil) {
    self.url = url
    self.mirrorDirectory = mirrorDirectory
    self.controlDirectory = controlDirectory
  }

  public struct SSHCredential: Sendable {
    /// Absolute path of the private key, without passphrase; nil: the account's default key files.
    public var keyFile: String?
    /// Absolute path of the only known_hosts file; nil: the account's and the system's.
    public var knownHostsFile: String?
    /// Where the url names none.
    public var username: String?

    public init(keyFile: String? = nil, knownHostsFile: String? = nil, username: String? = nil) {
      self.keyFile = keyFile
      self.knownHostsFile = knownHostsFile
      self.username = username
    }
  }

  public struct HTTPSCredential: Sendable {
    /// Where the url names none; nil: `git`, if there is a token.
    public var username: String?
    /// Absolute path of a file whose first line is the token or password; read for each connection.
    public var tokenFile: String?
    /// A program that gives out the credential instead, by its absolute path, and its arguments.
    public var command: [String]?
    /// Absolute path of the certificate authorities in PEM; nil: the system's.
    public var caFile: String?

    public init(
      username: String? = nil, tokenFile: String? = nil, command: [String]? = nil, caFile: String? = nil
    ) {
      self.username = username
      self.tokenFile = tokenFile
      self.command = command
      self.caFile = caFile
    }
  }

  /// In seconds.
  public struct Timeouts: Sendable {
    /// Until the server's first byte.
    public var connect: Double = 15
    /// Between two bytes, such as while a hook of the server runs.
    public var idle: Double = 60
    /// For a whole operation.
    public var total: Double = 300
    /// The age at which a shared ssh connection is replaced between two operations.
    public var sharedConnection: Double = 3600

    public init(connect: Double = 15, idle: Double = 60, total: Double = 300) {
      self.connect = connect
      self.idle = idle
      self.total = total
    }
  }

  /// In bytes.
  public struct Limits: Sendable {
    public var advertisement = 256 << 20
    public var pack = 4 << 30
    /// Of the server's words during one operation; what is beyond is dropped.
    public var sidebandText = 64 << 10
    /// Of a file of the repository that is read; greater ones are not downloaded where the server can help it.
    public var file = 1 << 20
    /// Of a tag object; what its message has beyond is cut off.
    public var tag = 1 << 20
    /// Of a tag object that is read at all.
    public var wholeTag = 64 << 20

    public init() {}
  }

  /// Absolute paths of the programs that are started.
  public struct Programs: Sendable {
    public var git = "/usr/bin/git"
    public var ssh = "/usr/bin/ssh"

    public init() {}
  }
}
