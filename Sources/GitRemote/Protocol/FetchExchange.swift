/// What to ask an upload-pack service for (gitprotocol-pack, "Packfile Negotiation").
struct FetchRequest {
  /// Objects to send, with what they refer to.
  var wants: [ObjectID]
  /// Commits that, with all they refer to, need not be sent.
  var haves: [ObjectID] = []
  /// A filter as of `git rev-list --filter`, where the server can.
  var filter: String?
  /// Only so many commits deep.
  var depth: Int?
  /// Commits that are here without their parents.
  var shallow: [ObjectID] = []
}

extension Conversation {
  var offersFilter: Bool { advertisement.capabilities.contains("filter") }

  /// Whether this object may be asked for by its id.
  func allowsWant(_ id: ObjectID) -> Bool {
    let capabilities = advertisement.capabilities
    return capabilities.contains("allow-any-sha1-in-want")
      || capabilities.contains("allow-reachable-sha1-in-want")
  }

  /// Asks once, and adds what comes to the store. The conversation is over then.
  func fetch(_ request: FetchRequest, into store: ObjectStore) throws(GitRemoteError) {
    try advertisement.requires("side-band-64k", operation)
    reader.allowance = limits.pack + limits.sidebandText + (64 << 20)
    try connection.send(encoded(request))
    if request.depth != nil { try skipShallowLines() }
    var band = Sideband(reader, operation: operation, wordsLimit: limits.sidebandText)
    let indexer = try PackIndexer(store, operation: operation, limit: limits.pack)
    if let first = try skipAcknowledgements(&band) { try indexer.append(first) }
    while let piece = try band.next() { try indexer.append(piece) }
    // A pack of nothing has a header and a checksum.
    if indexer.received > 32 { try indexer.finish() }
    markSaid()
  }

  private func encoded(_ request: FetchRequest) -> [UInt8] {
    var writer = PacketWriter()
    let filter = offersFilter ? request.filter : nil
    var capabilities = ["side-band-64k", "ofs-delta", "no-progress", Self.agent]
    if filter != nil { capabilities.append("filter") }
    for (index, id) in request.wants.enumerated() {
      writer.line("want \(id)" + (index == 0 ? " " + capabilities.joined(separator: " ") : ""))
    }
    for id in request.shallow { writer.line("shallow \(id)") }
    if let depth = request.depth { writer.line("deepen \(depth)") }
    if let filter { writer.line("filter \(filter)") }
    writer.flush()
    for id in request.haves { writer.line("have \(id)") }
    writer.line("done")
    return writer.bytes
  }

  private func skipShallowLines() throws(GitRemoteError) {
    while case .data(let line) = try reader.next() {
      if let error = ServerRefusal.error(in: line, operation) { throw error }
    }
  }

  /// Passes over `NAK` and `ACK` lines.
  ///
  /// - Returns: the first piece of the pack if it was met.
  private func skipAcknowledgements(_ band: inout Sideband) throws(GitRemoteError) -> UnsafeRawBufferPointer?
  {
    while case .data(let line) = try reader.next() {
      if line.hasPrefix("NAK") || line.hasPrefix("ACK ") { continue }
      return try band.take(line)
    }
    throw reader.violation("no pack")
  }
}
