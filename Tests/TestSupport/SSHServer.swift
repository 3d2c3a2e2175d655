internal import SystemCalls

/// OpenSSH's server on loopback with keys of its own, for the account that runs the tests.
public final class SSHServer: Sendable {
  public enum KeyType: String, Sendable {
    case ed25519, rsa, ecdsa
  }

  public let port: UInt16
  /// The account that clients log in as.
  public let user: String
  /// The private key that the server accepts.
  public let keyFile: String
  /// The server's key as clients should know it.
  public let knownHostsFile: String
  public let process: RunningProgram
  private let directory: TemporaryDirectory

  /// Starts the server and waits until it listens.
  ///
  /// - Parameter hostKey: the only kind of host key it has.
  /// - Parameter settings: lines of sshd_config(5).
  /// - Parameter forcedCommand: what runs instead of what clients ask for; their command is in
  ///   `$SSH_ORIGINAL_COMMAND`.
  public init(hostKey: KeyType = .ed25519, settings: [String] = [], forcedCommand: String? = nil) throws {
    directory = try TemporaryDirectory(mode: 0o700)
    guard let user = Accounts.userName(ThisProcess.uid) else {
      throw Program.Failure(description: "the tests run as a user without a name")
    }
    self.user = user
    keyFile = try Self.makeKey(.ed25519, directory.appending("user"))
    let hostKeyFile = try Self.makeKey(hostKey, directory.appending("host"))
    port = try Loopback.freePort()
    let publicKey = try Self.text("\(keyFile).pub")
    let command = forcedCommand.map { "command=\"\($0.replacing("\"", with: "\\\""))\" " } ?? ""
    let authorized = try directory.write("authorized_keys", command + publicKey, mode: 0o600)
    let hostPublicKey = try Self.text("\(hostKeyFile).pub")
    knownHostsFile = try directory.write("known_hosts", "[127.0.0.1]:\(port) \(hostPublicKey)")
    if ThisProcess.uid == 0 { try Files.makeDirectories("/run/sshd", mode: 0o755) }
    let configuration = Self.configuration(
      port: port, hostKey: hostKeyFile, authorizedKeys: authorized, directory: directory)
    let file = try directory.write("sshd_config", (configuration + settings).joined(separator: "\n") + "\n")
    process = try Program.start("sshd", ["-D", "-e", "-f", file], log: directory.appending("log"))
    try Loopback.waitUntilAccepting(port, process)
  }

  /// The url of a repository on this machine through this server.
  public func url(_ path: String) -> String { "ssh://\(user)@127.0.0.1:\(port)\(path)" }

  /// Ends every connection that is open, as a failing network would: the server's own processes, and not what they
  /// run, which notices.
  public func dropConnections() {
    for pid in ProcessTable.descendants(of: process.child.pid)
    where ProcessTable.commandLine(pid).contains("sshd") {
      ProcessTable.kill(pid)
    }
  }

  /// A private key that the server does not accept.
  public func makeStrangersKey() throws -> String {
    try Self.makeKey(.ed25519, directory.appending("stranger"))
  }

  /// A known_hosts file with another key for this server.
  public func makeWrongKnownHosts() throws -> String {
    let key = try Self.makeKey(.ed25519, directory.appending("other-host"))
    return try directory.write("wrong_known_hosts", "[127.0.0.1]:\(port) \(Self.text("\(key).pub"))")
  }

  /// A known_hosts file without any key.
  public func makeEmptyKnownHosts() throws -> String { try directory.write("empty_known_hosts", "") }

  private static func configuration(
    port: UInt16, hostKey: String, authorizedKeys: String, directory: TemporaryDirectory
  ) -> [String] {
    [
      "ListenAddress 127.0.0.1", "Port \(port)", "HostKey \(hostKey)", "AuthorizedKeysFile \(authorizedKeys)",
      "PidFile \(directory.appending("pid"))", "StrictModes no", "UsePAM no",
      "PermitRootLogin prohibit-password",
      "PasswordAuthentication no", "KbdInteractiveAuthentication no", "AllowAgentForwarding no",
      "X11Forwarding no", "PrintMotd no", "UseDNS no", "MaxStartups 200", "LogLevel VERBOSE",
      // The account's shell start-up files and Git settings stay out of the tests.
      "SetEnv HOME=\(directory.path)",
    ]
  }

  private static func makeKey(_ type: KeyType, _ path: String) throws -> String {
    let bits = type == .rsa ? ["-b", "2048"] : []
    try Program.check("ssh-keygen", ["-q", "-t", type.rawValue, "-N", "", "-C", "test", "-f", path] + bits)
    return path
  }

  private static func text(_ path: String) throws -> String {
    String(decoding: try Files.read(path, limit: 1 << 20), as: UTF8.self)
  }
}
