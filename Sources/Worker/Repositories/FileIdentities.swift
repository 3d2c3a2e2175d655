internal import SystemCalls

/// Which files some paths led to. A lane is bound to the files that were there when it started: where one is
/// replaced, as a rotated key or a new `resolv.conf` is, another lane has to be started.
struct FileIdentities: Sendable {
  private let paths: [String]
  private let identities: [Files.Identity?]

  init(_ paths: [String]) {
    self.paths = paths
    identities = paths.map(Files.identity)
  }

  /// Whether a path leads to another file by now.
  var haveChanged: Bool { paths.map(Files.identity) != identities }
}
