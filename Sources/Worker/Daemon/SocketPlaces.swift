internal import SystemCalls

/// The sockets that this worker made, as files: what clients find at their paths.
struct SocketPlaces: Sendable {
  private var places: [(path: String, identity: Files.Identity)] = []

  /// Listens where the configuration says.
  mutating func listen(_ configuration: SocketConfiguration) throws(SystemCallError) -> FileDescriptor {
    let path = configuration.path
    let socket = try UnixSocket.listen(
      at: path, mode: configuration.mode, user: configuration.user, group: configuration.group)
    if let identity = Files.identity(of: path) { places.append((path, identity)) }
    return socket
  }

  /// Says so once for each that somebody removes or replaces, which nothing but a new start mends. Runs until its
  /// task is cancelled.
  func watch() async {
    var lost: Set<String> = []
    while (try? await Task.sleep(for: .seconds(2))) != nil {
      for place in places where !lost.contains(place.path) && !isThere(place) {
        lost.insert(place.path)
        Log.write(
          .error, "a socket was removed or replaced; nobody reaches this worker there until it starts again",
          ["path": place.path])
      }
    }
  }

  /// Removes those that are still this worker's.
  func remove() {
    for place in places where isThere(place) { try? Files.remove(place.path) }
  }

  private func isThere(_ place: (path: String, identity: Files.Identity)) -> Bool {
    Files.identity(of: place.path) == place.identity
  }
}
