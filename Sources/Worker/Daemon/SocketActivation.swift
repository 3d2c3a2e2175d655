internal import SystemCalls

/// Sockets that systemd opened for this process (sd_listen_fds(3)): from descriptor 3 on, as many as
/// `LISTEN_FDS` says, named by `LISTEN_FDNAMES`.
struct SocketActivation: ~Copyable {
  private(set) var client: Int32?
  private(set) var admin: Int32?

  /// - Throws: ``ConfigurationError`` where a socket's name says neither `client` nor `admin`.
  init() throws(ConfigurationError) {
    guard ThisProcess.environment("LISTEN_PID") == String(ThisProcess.pid),
      let count = ThisProcess.environment("LISTEN_FDS").flatMap(Int32.init), count > 0
    else { return }
    let names = (ThisProcess.environment("LISTEN_FDNAMES") ?? "").split(
      separator: ":", omittingEmptySubsequences: false)
    for index in 0..<count {
      let name = Int(index) < names.count ? String(names[Int(index)]) : ""
      switch name {
      case "client": client = 3 + index
      case "admin": admin = 3 + index
      default:
        throw ConfigurationError(
          "systemd passed a socket named \"\(name)\": FileDescriptorName must be client or admin")
      }
    }
  }
}
