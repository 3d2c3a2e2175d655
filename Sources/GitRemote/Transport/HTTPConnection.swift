internal import CLibgit2

/// One conversation over http. libgit2's smart transport sets up its http client for us; the advertisement
/// and the request are our own, so that they can be bounded and read without a copy for each ref.
final class HTTPConnection: ServiceConnection {
  private let service: GitService
  private let url: String
  private let context: StreamContext
  private let credential: HTTPCredential
  private let limit: Int
  private var remote: OpaquePointer?
  fileprivate var client: UnsafeMutablePointer<git_smart_subtransport>?
  private var answer: UnsafeMutablePointer<git_smart_subtransport_stream>?
  private var advertisement: [UInt8] = []
  private var position = 0
  /// The server answered the request with a status that means that it did nothing.
  private(set) var requestWasRefused = false
  private var failure: GitRemoteError?
  /// Called when the server does not take the credential, at whatever point.
  var onRefusal: () -> Void = {}

  init(
    _ service: GitService, url: String, context: StreamContext, credential: HTTPCredential, limit: Int
  ) throws(GitRemoteError) {
    self.service = service
    self.url = url
    self.context = context
    self.credential = credential
    self.limit = limit
    var options = git_remote_create_options()
    git_remote_create_options_init(&options, UInt32(GIT_REMOTE_CREATE_OPTIONS_VERSION))
    options.flags =
      GIT_REMOTE_CREATE_SKIP_INSTEADOF.rawValue | GIT_REMOTE_CREATE_SKIP_DEFAULT_FETCHSPEC.rawValue
    try LibGit2.check(service.operation) { git_remote_create_with_opts(&remote, url, &options) }
  }

  deinit { close() }

  /// Connects and reads the whole advertisement.
  func open() throws(GitRemoteError) {
    var options = git_remote_connect_options()
    git_remote_connect_options_init(&options, UInt32(GIT_REMOTE_CONNECT_OPTIONS_VERSION))
    options.follow_redirects = GIT_REMOTE_REDIRECT_NONE
    options.callbacks.payload = Unmanaged.passUnretained(self).toOpaque()
    options.callbacks.transport = { out, owner, payload in HTTPConnection.makeTransport(out, owner, payload) }
    options.callbacks.credentials = { out, url, _, _, payload in
      guard let payload, let url else { return GIT_EAUTH.rawValue }
      let connection = Unmanaged<HTTPConnection>.fromOpaque(payload).takeUnretainedValue()
      return connection.credential.acquire(out, url: String(cString: url))
    }
    let direction = service == .uploadPack ? GIT_DIRECTION_FETCH : GIT_DIRECTION_PUSH
    try check { git_remote_connect_ext(remote, direction, &options) }
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(GitRemoteError) -> Int {
    if position < advertisement.count {
      let count = min(buffer.count, advertisement.count - position)
      buffer.copyBytes(from: advertisement[position..<position + count])
      position += count
      return count
    }
    guard let answer else { return 0 }
    var received = 0
    try check {
      answer.pointee.read(
        answer, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count, &received)
    }
    return received
  }

  func send(_ request: [UInt8]) throws(GitRemoteError) {
    // A flush alone says good-bye; over http nobody waits for it.
    if request.count <= 4 { return }
    advertisement = []
    position = 0
    let action = service == .uploadPack ? GIT_SERVICE_UPLOADPACK : GIT_SERVICE_RECEIVEPACK
    guard let client else { throw unexpectedEnd() }
    try check { client.pointee.action(&answer, client, url, action) }
    guard let answer else { throw unexpectedEnd() }
    try check {
      request.withUnsafeBytes {
        answer.pointee.write(answer, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
      }
    }
  }

  func unexpectedEnd() -> GitRemoteError {
    context.failure ?? GitRemoteError(.remoteHungUp, service.operation, "the server's answer ended early")
  }

  /// An http server ends its program when the client goes.
  let canBeLeft = false

  func isOver() -> Bool {
    close()
    return true
  }

  func finish() { close() }

  func close() {
    context.run {
      if let answer { answer.pointee.free(answer) }
      answer = nil
      git_remote_free(remote)
      remote = nil
    }
    client = nil
  }

  /// Runs a call of libgit2 with this conversation's deadlines, and finds the best words for its failure.
  private func check(_ call: () -> Int32) throws(GitRemoteError) {
    let result = context.run { call() }
    if result >= 0 { return }
    let error = LibGit2.error(service.operation, result)
    if credential.wasRefused { onRefusal() }
    if let failure = failure ?? context.failure { throw failure }
    let (code, refused) = Self.meaning(result, error.message)
    requestWasRefused = refused
    throw GitRemoteError(code, service.operation, error.message)
  }

  /// What libgit2's result and words mean, and whether the server certainly did nothing.
  private static func meaning(_ result: Int32, _ message: String) -> (GitRemoteError.Code, refused: Bool) {
    if result == GIT_EAUTH.rawValue { return (.authenticationFailed, true) }
    if result == GIT_ECERTIFICATE.rawValue { return (.certificateInvalid, true) }
    let words = message.lowercased()
    if let known = table.first(where: { words.contains($0.words) }) { return (known.code, known.refused) }
    return (.protocolViolation, false)
  }

  private static let table: [(words: String, code: GitRemoteError.Code, refused: Bool)] = [
    ("redirect", .redirected, true), ("status code: 401", .authenticationFailed, true),
    ("status code: 403", .authenticationFailed, true), ("status code: 404", .repositoryNotFound, true),
    ("status code: 413", .tooLarge, true), ("status code: 429", .unreachable, true),
    ("status code: 3", .redirected, true), ("status code: 5", .unreachable, false),
    ("certificate", .certificateInvalid, true), ("authentication", .authenticationFailed, true),
    ("ssl error", .remoteHungUp, false), ("unexpected eof", .remoteHungUp, false),
    ("end of file", .remoteHungUp, false), ("early eof", .remoteHungUp, false),
  ]

  // MARK: - What libgit2 calls

  /// Makes libgit2's smart transport over its http client, with us in between.
  private static func makeTransport(
    _ out: UnsafeMutablePointer<UnsafeMutablePointer<git_transport>?>?, _ owner: OpaquePointer?,
    _ payload: UnsafeMutableRawPointer?
  ) -> Int32 {
    var definition = git_smart_subtransport_definition()
    definition.rpc = 1
    definition.param = payload
    definition.callback = { out, owner, payload in
      guard let out, let payload else { return -1 }
      let connection = Unmanaged<HTTPConnection>.fromOpaque(payload).takeUnretainedValue()
      let result = git_smart_subtransport_http(&connection.client, owner, nil)
      if result < 0 { return result }
      out.pointee = AdvertisementTap.make(connection)
      return 0
    }
    return withUnsafeMutablePointer(to: &definition) { git_transport_smart(out, owner, $0) }
  }

  /// Takes the whole advertisement off the server.
  fileprivate func readAdvertisement(_ url: UnsafePointer<CChar>?, _ action: git_smart_service_t) -> Int32 {
    guard let client else { return -1 }
    var stream: UnsafeMutablePointer<git_smart_subtransport_stream>?
    let result = client.pointee.action(&stream, client, url, action)
    guard result >= 0, let stream else { return result }
    defer { stream.pointee.free(stream) }
    return readAll(stream)
  }

  private func readAll(_ stream: UnsafeMutablePointer<git_smart_subtransport_stream>) -> Int32 {
    let buffer = UnsafeMutableBufferPointer<CChar>.allocate(capacity: 128 << 10)
    defer { buffer.deallocate() }
    while true {
      var received = 0
      let result = stream.pointee.read(stream, buffer.baseAddress, buffer.count, &received)
      if result < 0 { return result }
      if received == 0 { return 0 }
      advertisement.append(contentsOf: UnsafeRawBufferPointer(buffer).prefix(received))
      if advertisement.count > limit {
        failure = GitRemoteError(
          .tooLarge, service.operation, "the server sent more than the configured limit allows")
        return -1
      }
    }
  }
}

/// The subtransport that libgit2's smart transport sees: it hands the advertisement to us and an empty one
/// to libgit2.
private struct AdvertisementTap {
  /// Must be the first field.
  private var parent: git_smart_subtransport
  private let connection: Unmanaged<HTTPConnection>

  static func make(_ connection: HTTPConnection) -> UnsafeMutablePointer<git_smart_subtransport> {
    var parent = git_smart_subtransport()
    parent.action = { out, own, url, action in
      guard let own, let out else { return -1 }
      let result = AdvertisementTap.connection(own).readAdvertisement(url, action)
      if result >= 0 { out.pointee = EmptyAdvertisement.make(own, action) }
      return result
    }
    parent.close = { own in
      guard let own, let client = AdvertisementTap.connection(own).client else { return 0 }
      return client.pointee.close(client)
    }
    parent.free = { own in
      guard let own else { return }
      let connection = AdvertisementTap.connection(own)
      if let client = connection.client { client.pointee.free(client) }
      connection.client = nil
      UnsafeMutableRawPointer(own).assumingMemoryBound(to: AdvertisementTap.self).deallocate()
    }
    let tap = UnsafeMutablePointer<AdvertisementTap>.allocate(capacity: 1)
    tap.initialize(to: AdvertisementTap(parent: parent, connection: .passUnretained(connection)))
    return UnsafeMutableRawPointer(tap).assumingMemoryBound(to: git_smart_subtransport.self)
  }

  private init(parent: git_smart_subtransport, connection: Unmanaged<HTTPConnection>) {
    self.parent = parent
    self.connection = connection
  }

  private static func connection(_ own: UnsafeMutablePointer<git_smart_subtransport>) -> HTTPConnection {
    UnsafeMutableRawPointer(own).assumingMemoryBound(to: AdvertisementTap.self).pointee.connection
      .takeUnretainedValue()
  }
}

/// The advertisement of a repository without refs, for libgit2 to read.
private struct EmptyAdvertisement {
  /// Must be the first field.
  private var parent: git_smart_subtransport_stream
  private var rest: [UInt8]

  static func make(
    _ owner: UnsafeMutablePointer<git_smart_subtransport>, _ action: git_smart_service_t
  ) -> UnsafeMutablePointer<git_smart_subtransport_stream> {
    var parent = git_smart_subtransport_stream()
    parent.subtransport = owner
    parent.read = { own, buffer, size, received in
      guard let own, let buffer, let received else { return -1 }
      let stream = UnsafeMutableRawPointer(own).assumingMemoryBound(to: EmptyAdvertisement.self)
      let count = min(size, stream.pointee.rest.count)
      UnsafeMutableRawBufferPointer(start: buffer, count: size).copyBytes(
        from: stream.pointee.rest.prefix(count))
      stream.pointee.rest.removeFirst(count)
      received.pointee = count
      return 0
    }
    parent.write = { _, _, _ in -1 }
    parent.free = { own in
      guard let own else { return }
      let stream = UnsafeMutableRawPointer(own).assumingMemoryBound(to: EmptyAdvertisement.self)
      stream.deinitialize(count: 1)
      stream.deallocate()
    }
    let stream = UnsafeMutablePointer<EmptyAdvertisement>.allocate(capacity: 1)
    stream.initialize(to: EmptyAdvertisement(parent: parent, rest: text(action)))
    return UnsafeMutableRawPointer(stream).assumingMemoryBound(to: git_smart_subtransport_stream.self)
  }

  private init(parent: git_smart_subtransport_stream, rest: [UInt8]) {
    self.parent = parent
    self.rest = rest
  }

  private static func text(_ action: git_smart_service_t) -> [UInt8] {
    let service = action == GIT_SERVICE_UPLOADPACK_LS ? GitService.uploadPack : .receivePack
    var writer = PacketWriter()
    writer.line("# service=\(service.rawValue)")
    writer.flush()
    writer.line("\(ObjectID.zero) capabilities^{}\0report-status ofs-delta")
    writer.flush()
    return writer.bytes
  }
}
