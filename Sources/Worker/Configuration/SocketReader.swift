internal import StrictJSON
internal import SystemCalls

extension Configuration {
  /// `sockets`: one client socket or several, and the administrators'.
  static func readSockets(
    _ configuration: inout ObjectReader
  ) throws(JSONShapeError) -> (clients: [SocketConfiguration], admin: SocketConfiguration) {
    var client = SocketConfiguration(path: "/run/stagekeeper/worker.sock", mode: 0o666)
    var admin = SocketConfiguration(path: "/run/stagekeeper/admin.sock", mode: 0o600)
    guard var reader = try configuration.optionalObject("sockets") else { return ([client], admin) }
    if let own = try reader.optionalObject("admin") { try admin.read(own) }
    if let own = try reader.optionalObject("client") { try client.read(own, isClient: true) }
    var clients = [client]
    if let elements = try reader.optionalElements("clients") {
      if reader.value("client") != nil {
        throw reader.error("clients", "stands in place of client: give one of them")
      }
      if elements.isEmpty { throw reader.error("clients", "is empty: name at least one socket") }
      clients = []
      for (value, path) in elements {
        var socket = SocketConfiguration(path: "", mode: 0o666)
        try socket.read(try ObjectReader(value, path: path), isClient: true)
        if socket.path.isEmpty { throw JSONShapeError(path: "\(path).path", message: "is missing") }
        clients.append(socket)
      }
    }
    try reader.finish()
    return (clients, admin)
  }

  /// No two sockets at one path, and no tenant that nobody has heard of.
  ///
  /// - Parameter areListed: whether the file has the client sockets in `clients`.
  func checkSockets(areListed: Bool) throws(JSONShapeError) {
    var paths = [adminSocket.path]
    for (index, socket) in clientSockets.enumerated() {
      let path = areListed ? "sockets.clients[\(index)]" : "sockets.client"
      if paths.contains(where: { $0.utf8.elementsEqual(socket.path.utf8) }) {
        throw JSONShapeError(path: "\(path).path", message: "another socket has that path")
      }
      paths.append(socket.path)
      if let tenant = socket.tenant { try checkTenants([tenant], "\(path).tenant") }
    }
    let named = clientSockets.compactMap(\.tenant)
    for tenant in tenants where tenant.uids.isEmpty && tenant.gids.isEmpty && !named.contains(tenant.name) {
      throw JSONShapeError(
        path: "tenants.\(tenant.name.escapedForMessage)",
        message: "nobody belongs to it: give users, groups, uids or gids, or name it at a client socket")
    }
  }
}

extension SocketConfiguration {
  fileprivate mutating func read(_ reader: ObjectReader, isClient: Bool = false) throws(JSONShapeError) {
    var reader = reader
    path = try reader.absolutePath("path") ?? path
    let names = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    if !path.isEmpty, names.contains(where: { ["", ".", ".."].contains($0) }) {
      throw reader.error("path", "expected the path of a file, without \"//\", \".\" and \"..\"")
    }
    if !UnixSocket.hasRoom(for: path) {
      throw reader.error(
        "path", "is longer than the \(UnixSocket.maximumPathLength) bytes of a socket's address")
    }
    if isClient { tenant = try reader.optionalString("tenant") }
    // Whoever can connect is the tenant then.
    if tenant != nil { mode = 0o600 }
    if let text = try reader.optionalString("mode") {
      guard let bits = UInt32(text, radix: 8), bits <= 0o777 else {
        throw reader.error("mode", "expected octal permission bits in a string, such as \"0660\"")
      }
      mode = bits
    }
    user = try reader.account("user", "user", Accounts.uid(ofUser:))
    group = try reader.account("group", "group", Accounts.gid(ofGroup:))
    try reader.finish()
  }
}

extension ObjectReader {
  /// The number of a user or group that is given as a number or by name; nil where the member is missing.
  fileprivate mutating func account(
    _ key: String, _ kind: String, _ find: (String) -> UInt32?
  ) throws(JSONShapeError) -> UInt32? {
    guard let value = value(key) else { return nil }
    // The last id means "no id" to the kernel (chown(2)).
    if case .integer = value {
      return UInt32(try value.integer(at: path(of: key), in: 0...Int64(UInt32.max - 1)))
    }
    let name = try value.string(at: path(of: key))
    if let number = find(name) { return number }
    throw error(key, "there is no \(kind) \"\(name.escapedForMessage)\" on this host")
  }
}
