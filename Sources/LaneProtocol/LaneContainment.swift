public import StrictJSON

extension LaneConfiguration {
  /// What the lane and the programs that it starts may use and reach.
  public struct Containment: Sendable, Equatable {
    /// Whether the kernel's Landlock is used.
    public enum Landlock: String, Sendable, CaseIterable {
      /// The lane does not open the repository without it.
      case required
      case whenAvailable = "when-available"
      case off
    }

    public var landlock = Landlock.whenAvailable
    /// Further paths that may be read and executed.
    public var read: [String] = []
    /// Further paths that may be read, executed and written.
    public var write: [String] = []
    /// In bytes, for each process.
    public var memoryBytes = 4 << 30
    /// In bytes, for each file that is written.
    public var fileBytes = 16 << 30
    /// For each process.
    public var openFiles = 4096
    /// What the lane may report of the repository, in bytes of JSON, which the worker keeps in memory. It is the worker
    /// that ends a lane that reports more.
    public var reportBytes = 512 << 20

    public init() {}

    var json: JSONValue {
      [
        "landlock": .string(landlock.rawValue), "read": .array(read.map { .string($0) }),
        "write": .array(write.map { .string($0) }), "memoryBytes": .integer(Int64(memoryBytes)),
        "fileBytes": .integer(Int64(fileBytes)), "openFiles": .integer(Int64(openFiles)),
        "reportBytes": .integer(Int64(reportBytes)),
      ]
    }

    init(_ reader: ObjectReader) throws(JSONShapeError) {
      var reader = reader
      landlock = try reader.optionalChoice("landlock", Landlock.self) ?? landlock
      read = try reader.optionalStrings("read") ?? []
      write = try reader.optionalStrings("write") ?? []
      memoryBytes = Int(try reader.integer("memoryBytes", in: 0...Int64.max))
      fileBytes = Int(try reader.integer("fileBytes", in: 0...Int64.max))
      openFiles = Int(try reader.integer("openFiles", in: 0...Int64.max))
      reportBytes = Int(try reader.integer("reportBytes", in: 0...Int64.max))
      try reader.finish()
    }
  }

  /// The files that the configuration names: nothing but this repository's lane reads them.
  public var namedFiles: [String] {
    let files = [
      sshKeyFile, sshKnownHostsFile, httpsTokenFile, httpsCAFile, httpsCredentialCommand?.first,
      signing?.keyFile,
      signing?.certificateFile, signing?.chainFile, signing?.passphraseFile, verification?.allowedSignersFile,
      verification?.revokedKeysFile, verification?.caFile,
    ]
    return files.compactMap { $0 }
  }

  /// Files of the system that programs read to find hosts, accounts and libraries (hosts(5), resolv.conf(5), …).
  public static let systemFiles = [
    "/etc/gai.conf", "/etc/gitconfig", "/etc/group", "/etc/host.conf", "/etc/hosts", "/etc/ld.so.cache",
    "/etc/ld.so.preload", "/etc/localtime", "/etc/nsswitch.conf", "/etc/passwd", "/etc/protocols",
    "/etc/resolv.conf", "/etc/services", "/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2",
    "/etc/ssl/openssl.cnf",
  ]

  /// All files that the lane may read one by one. Rules hold for the files as they are when it starts: where one is
  /// replaced, another lane has to be started.
  public var watchedFiles: [String] { namedFiles + Self.systemFiles }
}

/// The answer to ``LaneRequest/open(_:)``.
public struct LaneOpening: Sendable, Equatable {
  public var keyProblems: [KeyProblem]
  /// The version of Landlock that contains the lane; 0: none.
  public var landlockVersion: Int

  public init(keyProblems: [KeyProblem], landlockVersion: Int) {
    self.keyProblems = keyProblems
    self.landlockVersion = landlockVersion
  }

  public var json: JSONValue {
    ["keyProblems": .array(keyProblems.map(\.json)), "landlockVersion": .integer(Int64(landlockVersion))]
  }

  public init(_ value: JSONValue) throws(JSONShapeError) {
    var reader = try ObjectReader(value, path: "open")
    keyProblems = try reader.elements("keyProblems", KeyProblem.init)
    landlockVersion = Int(try reader.integer("landlockVersion", in: 0...1_000_000))
    try reader.finish()
  }
}
