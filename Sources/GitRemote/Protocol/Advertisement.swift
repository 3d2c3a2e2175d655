/// What a service says first: its refs and what it can do (gitprotocol-pack, "Reference Discovery").
struct Advertisement {
  var refs = RefList()
  var capabilities: Set<String> = []

  /// Reads it from a connection that was just opened.
  init(reading reader: PacketReader, operation: String) throws(GitRemoteError) {
    var parser = AdvertisementParser(reader: reader, operation: operation)
    try parser.run()
    refs = parser.refs
    capabilities = parser.capabilities
  }

  func requires(_ capability: String, _ operation: String) throws(GitRemoteError) {
    if capabilities.contains(capability) { return }
    throw GitRemoteError(.unsupported, operation, "the server lacks the capability \(capability)")
  }
}

private struct AdvertisementParser {
  let reader: PacketReader
  let operation: String
  var refs = RefList()
  var capabilities: Set<String> = []
  private var isFirst = true

  init(reader: PacketReader, operation: String) {
    self.reader = reader
    self.operation = operation
  }

  mutating func run() throws(GitRemoteError) {
    while case .data(let line) = try nextRefPacket() { try take(line) }
    guard refs.finish() else { throw reader.violation("a ref name twice") }
    if let branch = refs.headBranch, refs.head == nil { refs.head = refs[branch]?.id }
  }

  /// Over http the refs follow a line that names the service, and a flush.
  private func nextRefPacket() throws(GitRemoteError) -> Packet {
    let packet = try reader.next()
    guard isFirst, case .data(let line) = packet, line.hasPrefix("# service=") else { return packet }
    guard case .flush = try reader.next() else { throw reader.violation("a malformed service line") }
    return try reader.next()
  }

  private mutating func take(_ packet: UnsafeRawBufferPointer) throws(GitRemoteError) {
    var line = packet
    if line.last == 0x0a { line = UnsafeRawBufferPointer(rebasing: line.dropLast()) }
    if isFirst {
      if let error = ServerRefusal.error(in: line, operation) { throw error }
      line = takeCapabilities(line)
      isFirst = false
      try checkObjectFormat()
    }
    if line.hasPrefix("shallow ") { return }
    guard line.count > 41, line[40] == 0x20, let id = ObjectID(hexDigits: line) else {
      throw reader.violation("\"\(ServerText.sanitized(line.prefix(80)))\" in its list of refs")
    }
    takeRef(UnsafeRawBufferPointer(rebasing: line[41...]), id)
  }

  private mutating func takeCapabilities(_ line: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    guard let zero = line.firstIndex(of: 0) else { return line }
    let words = String(decoding: line[(zero + 1)...], as: UTF8.self).split(separator: " ")
    capabilities = Set(words.map(String.init))
    let branch = words.first { $0.hasPrefix("symref=HEAD:refs/heads/") }
    refs.headBranch = branch.map { String($0.dropFirst("symref=HEAD:".count)) }
    return UnsafeRawBufferPointer(rebasing: line[..<zero])
  }

  private func checkObjectFormat() throws(GitRemoteError) {
    // Not the first of them: which that is, is chance.
    if capabilities.contains(where: { $0.hasPrefix("object-format=") && $0 != "object-format=sha1" }) {
      throw GitRemoteError(
        .unsupported, operation, "the repository uses SHA-256 object ids; only SHA-1 is supported")
    }
  }

  private mutating func takeRef(_ name: UnsafeRawBufferPointer, _ id: ObjectID) {
    if name.hasPrefix("refs/tags/") || name.hasPrefix("refs/heads/") {
      if name.last == UInt8(ascii: "}"), name.hasSuffix("^{}") {
        _ = refs.peelLast(name: UnsafeRawBufferPointer(rebasing: name.dropLast(3)), id: id)
      } else if RefName.isAcceptable(name) {
        refs.append(name: name, id: id)
      }
    } else if name.elementsEqual("HEAD".utf8) {
      refs.head = id
    }
  }
}

/// What Git allows as the name of a ref (git-check-ref-format), as far as it protects readers.
enum RefName {
  /// No control characters, no space, none of `~^:?*[\`, and text in UTF-8.
  static func isAcceptable(_ name: UnsafeRawBufferPointer) -> Bool {
    var isASCII = true
    for byte in name {
      if byte >= 0x80 { isASCII = false }
      if isForbidden(byte) { return false }
    }
    return isASCII || String(validating: name, as: UTF8.self) != nil
  }

  @inline(__always)
  private static func isForbidden(_ byte: UInt8) -> Bool {
    switch byte {
    case 0...0x20, 0x7f, 0x7e, 0x5e, 0x3a, 0x3f, 0x2a, 0x5b, 0x5c: true
    default: false
    }
  }

  /// Whether a ref of that name may be created, by all of git-check-ref-format's rules.
  static func isCreatable(_ name: String) -> Bool {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    let acceptable = Array(name.utf8).withUnsafeBytes { isAcceptable($0) }
    return acceptable && name.hasPrefix("refs/") && name.utf8.count <= 1024
      && !name.contains("..") && !name.contains("@{") && !name.hasSuffix(".")
      && parts.allSatisfy { !$0.isEmpty && !$0.hasPrefix(".") && !$0.hasSuffix(".lock") }
  }
}

/// The two ways in which a service says no instead of answering.
enum ServerRefusal {
  /// The error in a line `ERR words`; nil for any other line.
  static func error(in line: UnsafeRawBufferPointer, _ operation: String) -> GitRemoteError? {
    guard line.hasPrefix("ERR ") else { return nil }
    let words = ServerText.sanitized(line.dropFirst(4))
    return GitRemoteError(code(for: words), operation, words.isEmpty ? "the server refused" : words)
  }

  /// The kind of refusal that a server's or ssh's words mean.
  static func code(for words: String, otherwise: GitRemoteError.Code = .refused) -> GitRemoteError.Code {
    let words = words.lowercased()
    return table.first { words.contains($0.words) }?.code ?? otherwise
  }

  /// Whether a server did not take a pack because of its disk, and not by a rule. What is not known counts as a rule.
  /// Source: Git, receive-pack.c, `unpack`; tmp-objdir.c; object-file.c; the C library's `strerror`.
  static func isOfDisk(_ words: String) -> Bool {
    let words = words.lowercased()
    func says(_ some: [String]) -> Bool { some.contains { words.contains($0) } }
    return !says(["fsck", "exceeds maximum"])
      && says([
        "no space left on device", "disk quota exceeded", "read-only file system", "permission denied",
        "input/output error", "unable to create temporary object directory", "failed to write",
        "unable to write", "unable to create temporary file", "insufficient permission for adding an object",
      ])
  }

  private static let table: [(words: String, code: GitRemoteError.Code)] = [
    ("remote host identification has changed", .hostKeyChanged),
    ("host key is known for", .hostKeyUnknown),
    ("host key verification failed", .hostKeyUnknown),
    ("permission denied (", .authenticationFailed),
    ("too many authentication failures", .authenticationFailed),
    ("could not resolve hostname", .unreachable),
    ("connection refused", .unreachable),
    ("no route to host", .unreachable),
    ("network is unreachable", .unreachable),
    ("connection timed out", .timeout),
    ("operation timed out", .timeout),
    ("repository not found", .repositoryNotFound),
    ("could not be found", .repositoryNotFound),
    ("does not appear to be a git repository", .repositoryNotFound),
    ("not a git repository", .repositoryNotFound),
    ("dubious ownership", .foreignOwner),
    ("repository not exported", .repositoryNotFound),
    ("access denied", .authenticationFailed),
    ("connection closed by", .remoteHungUp),
    ("connection reset", .remoteHungUp),
    ("broken pipe", .remoteHungUp),
    ("kex_exchange_identification", .remoteHungUp),
  ]
}
