internal import SystemCalls

/// The arguments with which OpenSSH's client runs: nothing of the account's configuration, agent or
/// terminal has a say, and the server must prove to be the known one (ssh_config(5)).
struct SSHCommandLine {
  private let destination: [String]
  private let options: [String]
  private let program: String

  init(
    user: String?, host: String, port: UInt16?, configuration: RemoteConfiguration
  ) throws(GitRemoteError) {
    program = configuration.programs.ssh
    let user = user ?? configuration.ssh.username
    if let user, user.hasPrefix("-") || user.contains(where: \.isWhitespace) {
      throw GitRemoteError(.invalid, "connect", "the ssh user name is malformed")
    }
    let name = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    destination = (user.map { ["-l", $0] } ?? []) + (port.map { ["-p", "\($0)"] } ?? []) + ["--", name]
    var files: [String] = []
    if let keyFile = configuration.ssh.keyFile {
      files.append("IdentityFile=\(try Self.quoted(keyFile))")
    }
    if let knownHosts = configuration.ssh.knownHostsFile {
      files += ["UserKnownHostsFile=\(try Self.quoted(knownHosts))", "GlobalKnownHostsFile=/dev/null"]
    }
    options = Self.fixedOptions + files + ["ConnectTimeout=\(max(1, Int(configuration.timeouts.connect)))"]
  }

  private static let fixedOptions = [
    "BatchMode=yes", "StrictHostKeyChecking=yes", "UpdateHostKeys=no", "CheckHostIP=no",
    "PubkeyAuthentication=yes", "PreferredAuthentications=publickey", "PasswordAuthentication=no",
    "KbdInteractiveAuthentication=no", "GSSAPIAuthentication=no", "HostbasedAuthentication=no",
    "IdentitiesOnly=yes", "IdentityAgent=none", "AddKeysToAgent=no", "ForwardAgent=no", "ForwardX11=no",
    "ClearAllForwardings=yes", "Tunnel=no", "RequestTTY=no", "EscapeChar=none", "ProxyCommand=none",
    "CanonicalizeHostname=no", "ServerAliveInterval=10", "ServerAliveCountMax=3", "LogLevel=ERROR",
    // The default key exchange costs 90 ms more for each fresh connection.
    "KexAlgorithms=^curve25519-sha256,curve25519-sha256@libssh.org",
  ]

  /// Runs a service over a connection of its own.
  func client(_ service: GitService, path: String) -> ChildCommand {
    command(["ControlMaster=no", "ControlPath=none"], [], [Self.remoteCommand(service, path: path)])
  }

  /// What the server is to run.
  static func remoteCommand(_ service: GitService, path: String) -> String {
    "\(service.rawValue) \(shellQuoted(path))"
  }

  /// Opens the shared connection, says a line on its standard output once others can use it, and stays.
  func master(controlPath: String) throws(GitRemoteError) -> ChildCommand {
    let sharing = ["ControlMaster=yes", "ControlPath=\(try Self.quoted(controlPath))", "ControlPersist=no"]
    let announce = ["PermitLocalCommand=yes", "LocalCommand=echo ready"]
    var command = command(sharing + announce, ["-N"], [])
    // Nobody else would end it after a crash.
    command.diesWithParent = true
    return command
  }

  private func command(_ options: [String], _ flags: [String], _ remote: [String]) -> ChildCommand {
    let settings = (options + self.options).flatMap { ["-o", $0] }
    return ChildCommand(
      executable: program, arguments: ["-F", "/dev/null"] + flags + settings + destination + remote,
      environment: ChildEnvironment.variables, newProcessGroup: false)
  }

  /// A path as ssh_config(5) reads it: quoted, and with its percent signs doubled.
  private static func quoted(_ path: String) throws(GitRemoteError) -> String {
    let forbidden = path.contains("\"") || path.contains("\\") || path.contains("${")
    guard path.hasPrefix("/"), !forbidden, !path.unicodeScalars.contains(where: { $0.value < 0x20 }) else {
      throw GitRemoteError(
        .invalid, "connect",
        "ssh cannot take this path, which must be absolute, without quotes, backslashes and ${: \(path)")
    }
    return "\"\(path.split(separator: "%", omittingEmptySubsequences: false).joined(separator: "%%"))\""
  }

  /// A word for the server's shell, as Git quotes it: also csh keeps its hands off.
  static func shellQuoted(_ word: String) -> String {
    var result = "'"
    for character in word.unicodeScalars {
      if character == "'" || character == "!" {
        result += "'\\\(character)'"
      } else {
        result.unicodeScalars.append(character)
      }
    }
    return result + "'"
  }
}
