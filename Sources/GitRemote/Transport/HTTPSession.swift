internal import CLibgit2
internal import SystemCalls

/// A connection to an http server, over which one conversation follows the other. libgit2's smart transport sets up
/// its http client for us; the advertisements and the requests are our own, so that they can be bounded and read
/// without a copy for each ref.
final class HTTPSession {
  let context: StreamContext
  let credential: HTTPCredential
  private let url: String
  private var remote: OpaquePointer?
  fileprivate var client: UnsafeMutablePointer<git_smart_subtransport>?
  private let replaceAt: MonotonicTime
  /// Until when it waits for another conversation.
  private(set) var restUntil = MonotonicTime.now
  /// What the conversation that is being opened does with its advertisement; negative on failure.
  private var readAdvertisement: ((Stream) -> Int32)?

  typealias Stream = UnsafeMutablePointer<git_smart_subtransport_stream>

  /// Servers and what is between close connections that rest; few do so earlier.
  private static let longestRest = 45.0

  /// - Parameter lifetime: in seconds; then another one takes its place.
  init(
    url: String, context: StreamContext, credential: HTTPCredential, lifetime: Double
  ) throws(GitRemoteError) {
    self.url = url
    self.context = context
    self.credential = credential
    replaceAt = .after(seconds: lifetime)
    var options = git_remote_create_options()
    git_remote_create_options_init(&options, UInt32(GIT_REMOTE_CREATE_OPTIONS_VERSION))
    options.flags =
      GIT_REMOTE_CREATE_SKIP_INSTEADOF.rawValue | GIT_REMOTE_CREATE_SKIP_DEFAULT_FETCHSPEC.rawValue
    try LibGit2.check("connect") { git_remote_create_with_opts(&remote, url, &options) }
  }

  deinit { close() }

  /// Asks for a service's advertisement, connecting if need be.
  ///
  /// - Parameter read: is given the answer, once; negative on failure.
  /// - Returns: libgit2's result.
  func open(_ service: GitService, read: (Stream) -> Int32) -> Int32 {
    withoutActuallyEscaping(read) { read in
      readAdvertisement = read
      defer { readAdvertisement = nil }
      let list = service == .uploadPack ? GIT_SERVICE_UPLOADPACK_LS : GIT_SERVICE_RECEIVEPACK_LS
      return context.run { client == nil ? connect(service) : advertise(url, list) }
    }
  }

  private func connect(_ service: GitService) -> Int32 {
    var options = git_remote_connect_options()
    git_remote_connect_options_init(&options, UInt32(GIT_REMOTE_CONNECT_OPTIONS_VERSION))
    options.follow_redirects = GIT_REMOTE_REDIRECT_NONE
    options.callbacks.payload = Unmanaged.passUnretained(self).toOpaque()
    options.callbacks.transport = { out, owner, payload in HTTPSession.makeTransport(out, owner, payload) }
    options.callbacks.credentials = { out, url, _, _, payload in
      guard let payload, let url else { return GIT_EAUTH.rawValue }
      let session = Unmanaged<HTTPSession>.fromOpaque(payload).takeUnretainedValue()
      return session.credential.acquire(out, url: String(cString: url))
    }
    let direction = service == .uploadPack ? GIT_DIRECTION_FETCH : GIT_DIRECTION_PUSH
    return git_remote_connect_ext(remote, direction, &options)
  }

  /// Sends a request.
  ///
  /// - Parameter answer: where to read what the server says to it; the caller's to free, also on failure.
  /// - Returns: libgit2's result.
  func post(_ request: [UInt8], to service: GitService, _ answer: inout Stream?) -> Int32 {
    guard let client else { return -1 }
    let action = service == .uploadPack ? GIT_SERVICE_UPLOADPACK : GIT_SERVICE_RECEIVEPACK
    return context.run {
      let result = client.pointee.action(&answer, client, url, action)
      guard result >= 0, let answer else { return result }
      return request.withUnsafeBytes {
        answer.pointee.write(answer, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
      }
    }
  }

  /// To be called when a conversation is over and its answer read to the end.
  func rest() {
    restUntil = min(replaceAt, .after(seconds: Self.longestRest))
  }

  /// Whether another conversation may go over the same connection: it is young enough, and the server has neither
  /// closed it nor said anything unasked.
  var canGoOn: Bool { client != nil && !restUntil.hasPassed && context.isQuiet }

  func close() {
    context.run { git_remote_free(remote) }
    remote = nil
    client = nil
  }

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
      let session = Unmanaged<HTTPSession>.fromOpaque(payload).takeUnretainedValue()
      let result = git_smart_subtransport_http(&session.client, owner, nil)
      if result < 0 { return result }
      out.pointee = AdvertisementTap.make(session)
      return 0
    }
    return withUnsafeMutablePointer(to: &definition) { git_transport_smart(out, owner, $0) }
  }

  /// Takes an advertisement off the server.
  fileprivate func advertise(_ url: UnsafePointer<CChar>?, _ action: git_smart_service_t) -> Int32 {
    guard let client, let readAdvertisement else { return -1 }
    var stream: Stream?
    let result = client.pointee.action(&stream, client, url, action)
    guard result >= 0, let stream else { return result }
    defer { stream.pointee.free(stream) }
    return readAdvertisement(stream)
  }
}

/// The subtransport that libgit2's smart transport sees: it hands the advertisement to us and an empty one
/// to libgit2.
private struct AdvertisementTap {
  /// Must be the first field.
  private var parent: git_smart_subtransport
  private let session: Unmanaged<HTTPSession>

  static func make(_ session: HTTPSession) -> UnsafeMutablePointer<git_smart_subtransport> {
    var parent = git_smart_subtransport()
    parent.action = { out, own, url, action in
      guard let own, let out else { return -1 }
      let result = AdvertisementTap.session(own).advertise(url, action)
      if result >= 0 { out.pointee = EmptyAdvertisement.make(own, action) }
      return result
    }
    parent.close = { own in
      guard let own, let client = AdvertisementTap.session(own).client else { return 0 }
      return client.pointee.close(client)
    }
    parent.free = { own in
      guard let own else { return }
      let session = AdvertisementTap.session(own)
      if let client = session.client { client.pointee.free(client) }
      session.client = nil
      UnsafeMutableRawPointer(own).assumingMemoryBound(to: AdvertisementTap.self).deallocate()
    }
    let tap = UnsafeMutablePointer<AdvertisementTap>.allocate(capacity: 1)
    tap.initialize(to: AdvertisementTap(parent: parent, session: .passUnretained(session)))
    return UnsafeMutableRawPointer(tap).assumingMemoryBound(to: git_smart_subtransport.self)
  }

  private init(parent: git_smart_subtransport, session: Unmanaged<HTTPSession>) {
    self.parent = parent
    self.session = session
  }

  private static func session(_ own: UnsafeMutablePointer<git_smart_subtransport>) -> HTTPSession {
    UnsafeMutableRawPointer(own).assumingMemoryBound(to: AdvertisementTap.self).pointee.session
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
