internal import AuditLog
internal import StrictJSON
internal import SystemCalls

/// The command line of `stagekeeperd`.
struct DaemonOptions: Equatable {
  enum Action: Equatable {
    case run, help, version, check
  }

  var action = Action.run
  var configurationFile: String?
  /// In the order of the command line.
  var repositories: [RepositoryConfiguration] = []
  var stateDirectory: String?
  var clientSocket: String?
  var adminSocket: String?
  /// For whom `--check` judges key files; nil: who owns the state directory.
  var checkedUser: String?
  /// What `--check` finds, as JSON.
  var wantsJSON = false
  /// The lane's program; nil: `stagekeeper-lane` beside this one.
  var laneProgram: String?

  static let help = """
    Usage: stagekeeperd --repo ID=URL [--repo ID=URL ...] [options]
           stagekeeperd --config FILE [options]

    The worker that holds Git credentials and makes GTO tags for jobs that hold none.
    Without a configuration file it serves the user who starts it, and nobody else.

      --repo ID=URL        serve the repository at URL under the name ID; URL is
                           ssh://[user@]host[:port]/path, user@host:path, https://host/path,
                           http://host/path, an absolute path or file:///path
      --config FILE        read everything from FILE (JSON5; docs/configuration.md)
      --state DIR          keep the journal and the mirrors here
                           (default: $XDG_STATE_HOME/stagekeeper or ~/.local/state/stagekeeper)
      --socket PATH        listen for clients here
                           (default: $XDG_RUNTIME_DIR/stagekeeper/worker.sock, /run/stagekeeper/worker.sock for root)
      --admin-socket PATH  listen for administrators here (default: admin.sock beside the other)
      --lane PATH          the program stagekeeper-lane (default: beside this program)
      --check              read the configuration, try out the keys and trust files that it names, say in
                           sentences who may do what, warn of rules that can never do anything, and end
      --as USER            with --check, for root: judge the files as that user can use them
                           (default: who owns the state directory, where it is there)
      --json               with --check: say that as JSON, {"repositories", "user", "policy", "warnings"},
                           or {"error"}
      --version            print the version and end
      --help               print this and end

    Ends with status 0 after SIGTERM or SIGINT, 64 for a wrong command line, 78 for a wrong
    configuration, 75 when another worker has the state directory or a socket, 71 when the system
    denies what is needed, such as a disk that can be written; 74 when what --check, --help or
    --version say can't be written.
    """

  init(arguments: [String]) throws(ConfigurationError) {
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0])
      if Self.flags.contains(name), parts.count == 2 {
        throw ConfigurationError("\(name) takes no value")
      }
      switch name {
      case "--help", "-h": action = .help
      case "--version": action = .version
      case "--check": action = .check
      case "--json": wantsJSON = true
      case _ where Self.valued.contains(name):
        guard let value = parts.count == 2 ? String(parts[1]) : rest.popFirst() else {
          throw ConfigurationError("\(name) needs a value")
        }
        try set(name, value)
      default: throw Self.unknown(argument)
      }
    }
    if wantsJSON, action == .run { throw ConfigurationError("--json goes with --check alone") }
    if checkedUser != nil, action == .run { throw ConfigurationError("--as goes with --check alone") }
    if configurationFile != nil, !repositories.isEmpty {
      throw ConfigurationError("--repo does not go with --config: name the repository in the file")
    }
  }

  private static let flags = ["--help", "-h", "--version", "--check", "--json"]
  private static let valued = [
    "--repo", "--config", "--state", "--socket", "--admin-socket", "--lane", "--as",
  ]

  private static func unknown(_ argument: String) -> ConfigurationError {
    let hint = nearest(to: argument, among: flags + valued).map { "; did you mean \($0)?" } ?? ""
    return ConfigurationError("unknown argument \"\(argument.escapedForMessage)\"\(hint)")
  }

  private mutating func set(_ name: String, _ value: String) throws(ConfigurationError) {
    if value.isEmpty { throw ConfigurationError("\(name) needs a value") }
    switch name {
    case "--repo": try addRepository(value)
    case "--config": configurationFile = value
    case "--as": checkedUser = value
    case "--state": stateDirectory = try Self.absolute(value)
    case "--socket": clientSocket = try Self.absolute(value)
    case "--admin-socket": adminSocket = try Self.absolute(value)
    default: laneProgram = try Self.absolute(value)
    }
  }

  private mutating func addRepository(_ value: String) throws(ConfigurationError) {
    guard let sign = value.firstIndex(of: "=") else {
      throw ConfigurationError(
        "--repo \"\(value.escapedForMessage)\": expected ID=URL, such as churn=git@git.example.com:ml/churn.git"
      )
    }
    let id = String(value[..<sign])
    if repositories.contains(where: { $0.id == id }) {
      throw ConfigurationError("--repo \(id) is there twice")
    }
    repositories.append(try RepositoryConfiguration(id: id, url: String(value[value.index(after: sign)...])))
  }

  private static func absolute(_ path: String) throws(ConfigurationError) -> String {
    if path.hasPrefix("/") { return path }
    do throws(SystemCallError) {
      return try Files.workingDirectory() + "/" + path
    } catch {
      throw ConfigurationError("\(error)")
    }
  }
}

extension DaemonOptions {
  /// The whole configuration that the command line and the file it names ask for.
  func configuration() throws(ConfigurationError) -> Configuration {
    var configuration: Configuration
    if let configurationFile {
      configuration = try Configuration(file: configurationFile)
    } else {
      configuration = try embedded()
    }
    if let stateDirectory { configuration.stateDirectory = stateDirectory }
    if let clientSocket {
      guard configuration.clientSockets.count == 1 else {
        throw ConfigurationError("--socket does not go with several client sockets: change the file")
      }
      configuration.clientSockets[0].path = clientSocket
    }
    if let adminSocket { configuration.adminSocket.path = adminSocket }
    return configuration
  }

  /// Serves the user who starts it: everything is allowed to that uid, nothing to others.
  private func embedded() throws(ConfigurationError) -> Configuration {
    guard !repositories.isEmpty else {
      throw ConfigurationError("nothing to serve: give --repo ID=URL or --config FILE")
    }
    let client: String
    if let clientSocket {
      client = clientSocket
    } else {
      client = try Self.runtimeDirectory() + "/worker.sock"
    }
    let state: String
    if let stateDirectory { state = stateDirectory } else { state = try Self.stateDirectory() }
    let folder = client.lastIndex(of: "/").map { String(client[..<$0]) } ?? ""
    return Configuration(
      stateDirectory: state,
      clientSockets: [SocketConfiguration(path: client, mode: 0o600)],
      adminSocket: SocketConfiguration(path: adminSocket ?? folder + "/admin.sock", mode: 0o600),
      repositories: repositories,
      tenants: [TenantConfiguration(name: "owner", uids: [ThisProcess.uid], gids: [])],
      grants: [
        Grant(
          index: 0, tenants: ["owner"], repositories: [Pattern("*")], artifacts: nil,
          actions: Set(GrantedAction.allCases), stages: nil)
      ],
      conditions: [], audit: AuditSettings(), limits: Limits())
  }

  private static func runtimeDirectory() throws(ConfigurationError) -> String {
    if let directory = ThisProcess.environment("XDG_RUNTIME_DIR"), directory.hasPrefix("/") {
      return directory + "/stagekeeper"
    }
    if ThisProcess.uid == 0 { return "/run/stagekeeper" }
    throw ConfigurationError("where to listen? XDG_RUNTIME_DIR is not set: give --socket PATH")
  }

  private static func stateDirectory() throws(ConfigurationError) -> String {
    if let directory = ThisProcess.environment("XDG_STATE_HOME"), directory.hasPrefix("/") {
      return directory + "/stagekeeper"
    }
    if let home = ThisProcess.environment("HOME"), home.hasPrefix("/") {
      return home + "/.local/state/stagekeeper"
    }
    throw ConfigurationError("where to keep the journal? HOME is not set: give --state DIR")
  }
}
