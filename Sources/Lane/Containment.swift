internal import RemoteURLs
internal import GitRemote
internal import LaneProtocol
internal import SystemCalls
internal import WireProtocol

/// Takes from the lane, before it has heard a word of a server, what it does not need for its one repository.
enum Containment {
  /// - Parameter kernelVersion: the version of Landlock that the kernel has; 0: none.
  /// - Returns: the version that is in force; 0: none.
  /// - Throws: where the configuration demands what the kernel does not have.
  static func enter(
    _ configuration: LaneConfiguration, kernelVersion: Int = Landlock.kernelVersion
  ) throws(WireError) -> Int {
    do throws(SystemCallError) {
      let settings = configuration.containment
      try ThisProcess.bound(
        ThisProcess.Bounds(
          memory: UInt64(settings.memoryBytes), fileSize: UInt64(settings.fileBytes),
          descriptors: UInt64(settings.openFiles)))
      // A rule needs a folder that is there.
      for directory in configuration.ownDirectories { try Files.makeDirectories(directory, mode: 0o700) }
      let version = settings.landlock == .off ? 0 : kernelVersion
      if version > 0 { try Landlock(configuration).enforce() }
      if version > 0 || settings.landlock != .required { return version }
    } catch {
      throw problem("\(error)")
    }
    throw problem("the kernel has no Landlock, which the configuration requires (containment.landlock)")
  }

  private static func problem(_ why: String) -> WireError {
    WireError(.internalError, category: .unavailable, "the lane can't be contained: \(why)")
  }
}

extension LaneConfiguration {
  fileprivate var ownDirectories: [String] { [mirrorDirectory] + (controlDirectory.map { [$0] } ?? []) }
}

extension Landlock {
  /// What one repository's lane needs, and the programs that it starts.
  init(_ configuration: LaneConfiguration) {
    self.init()
    allow([.read, .execute], at: ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"])
    allow(.read, at: Self.systemDirectories + configuration.watchedFiles)
    allow([.read, .write], at: ["/dev/null", configuration.mirrorDirectory])
    if let program = configuration.httpsCredentialCommand?.first { allow([.read, .execute], at: [program]) }
    allow([.read, .execute], at: configuration.containment.read)
    allow([.read, .execute, .write], at: configuration.containment.write)
    if let url = try? RemoteURL(configuration.url) { allow(configuration, url.location) }
  }

  /// Certificate authorities, the name service's sockets, the process table, where the children stand.
  private static let systemDirectories = [
    "/dev/random", "/dev/urandom", "/dev/zero", "/etc/ca-certificates", "/etc/crypto-policies",
    "/etc/ld.so.conf.d", "/etc/pki", "/etc/ssl/certs", "/proc", "/run/nscd", "/run/resolvconf",
    "/run/systemd/resolve", "/sys/devices/system/cpu", "/var/lib/ca-certificates",
  ]

  private mutating func allow(_ configuration: LaneConfiguration, _ location: RemoteURL.Location) {
    switch location {
    case .ssh(_, _, let port, _):
      ports = [port ?? 22, Self.nameService]
      allow(.sockets, at: configuration.controlDirectory.map { [$0] } ?? [])
      if configuration.sshKeyFile == nil || configuration.sshKnownHostsFile == nil {
        allow(.read, inHome: [".ssh"])
      }
    case .http(let secure, _, _, let port, _):
      // A credential command asks whom it must.
      if configuration.httpsCredentialCommand == nil {
        ports = [port ?? (secure ? 443 : 80), Self.nameService]
      }
    case .path(let path):
      // Git runs the hooks of the repository, which may need the network.
      allow([.read, .execute, .write], at: [path, "/tmp"])
      allow(.read, inHome: [".gitconfig", ".config/git"])
    }
  }

  /// Long answers of the name service come over TCP (resolver(3)).
  private static let nameService: UInt16 = 53

  private mutating func allow(_ access: Access, inHome names: [String]) {
    guard let home = ThisProcess.environment("HOME"), home.hasPrefix("/") else { return }
    allow(access, at: names.map { "\(home)/\($0)" })
  }
}
