internal import StrictJSON
internal import SystemCalls

/// Sockets that systemd opened for this process (sd_listen_fds(3)): from descriptor 3 on, as many as
/// `LISTEN_FDS` says, named by `LISTEN_FDNAMES`.
struct SocketActivation: ~Copyable {
  /// One for each client socket of the configuration; nil where it was not passed.
  private(set) var clients: [Int32?]
  private(set) var admin: Int32?

  /// Finds out which passed socket is which: by its name and, where there are several client sockets, its path.
  ///
  /// - Throws: ``ConfigurationError`` where a socket's name says neither `client` nor `admin`, or the configuration
  ///   has no client socket of that path.
  init(_ configuration: Configuration) throws(ConfigurationError) {
    clients = configuration.clientSockets.map { _ in nil }
    guard ThisProcess.environment("LISTEN_PID") == String(ThisProcess.pid),
      let count = ThisProcess.environment("LISTEN_FDS").flatMap(Int32.init), count > 0
    else { return }
    let names = (ThisProcess.environment("LISTEN_FDNAMES") ?? "").split(
      separator: ":", omittingEmptySubsequences: false)
    for index in 0..<count {
      let name = Int(index) < names.count ? String(names[Int(index)]) : ""
      switch name {
      case "client": clients[try Self.place(of: 3 + index, configuration.clientSockets)] = 3 + index
      case "admin": admin = 3 + index
      default:
        throw ConfigurationError(
          "systemd passed a socket named \"\(name.escapedForMessage)\": FileDescriptorName must be client or admin"
        )
      }
    }
  }

  private static func place(
    of socket: Int32, _ configured: [SocketConfiguration]
  ) throws(ConfigurationError) -> Int {
    if configured.count == 1 { return 0 }
    guard let path = try? UnixSocket.path(of: socket) else {
      throw ConfigurationError("systemd passed a client socket that has no path")
    }
    guard let index = configured.firstIndex(where: { $0.path.utf8.elementsEqual(path.utf8) }) else {
      throw ConfigurationError(
        "systemd passed a client socket at \"\(path.escapedForMessage)\", which sockets.clients does not have"
      )
    }
    return index
  }
}
