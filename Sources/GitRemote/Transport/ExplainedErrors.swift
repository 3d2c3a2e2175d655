internal import RemoteURLs

extension GitRemoteError {
  /// Begins with what has to be mended and where, in place of the frames and advice that programs put around their
  /// words.
  func explained(by configuration: RemoteConfiguration) -> GitRemoteError {
    var copy = self
    let words = message.split(separator: "\n").filter { !$0.hasPrefix("@@@") }
    switch code {
    case .hostKeyUnknown, .hostKeyChanged:
      let file = configuration.ssh.knownHostsFile ?? "the account's and the system's known_hosts"
      let host = configuration.url.hostText
      let fault =
        code == .hostKeyChanged
        ? "\(host) shows another key than \(file) has" : "\(file) has no key of \(host)"
      copy.message = ([fault] + words.map { String($0.trimming("@ ")) }).joined(separator: "\n")
    case .foreignOwner:
      // Git advises an exception in the configuration of whoever runs it, which is kept from it here.
      copy.message =
        "the repository belongs to another user than the one as whom Git runs there; give it to that user with chown -R: "
        + (words.first { $0.contains("dubious ownership") } ?? "")
    default: break
    }
    return copy
  }
}

extension RemoteURL {
  /// The host and its port, where the url names one; the whole url of what has no host.
  fileprivate var hostText: String {
    guard case .ssh(_, let host, let port, _) = location else { return description }
    return port.map { "\(host):\($0)" } ?? host
  }
}

extension Substring {
  fileprivate func trimming(_ characters: String) -> Substring {
    var rest = self
    while let first = rest.first, characters.contains(first) { rest.removeFirst() }
    while let last = rest.last, characters.contains(last) { rest.removeLast() }
    return rest
  }
}
