internal import CLibgit2

/// One conversation over http.
final class HTTPConnection: ServiceConnection {
  private let service: GitService
  private let session: HTTPSession
  private let limit: Int
  private var answer: HTTPSession.Stream?
  private var advertisement: [UInt8] = []
  private var position = 0
  /// Whether everything that the server said was read, and nothing went wrong.
  private var isComplete = false
  private var isClosed = false
  /// The server answered the request with a status that means that it did nothing.
  private(set) var requestWasRefused = false
  private var failure: GitRemoteError?
  /// Called when the server does not take the credential, at whatever point.
  var onRefusal: () -> Void = {}
  /// Called at the end with a session over which another conversation may go.
  var onRest: (HTTPSession) -> Void = { _ in }

  /// - Parameter limit: the most bytes that the advertisement may have.
  init(_ service: GitService, over session: HTTPSession, limit: Int) {
    self.service = service
    self.session = session
    self.limit = limit
  }

  deinit { close() }

  /// Connects and reads the whole advertisement.
  func open() throws(GitRemoteError) {
    try check(session.open(service) { readAdvertisement($0) })
    isComplete = true
  }

  private func readAdvertisement(_ stream: HTTPSession.Stream) -> Int32 {
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

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(GitRemoteError) -> Int {
    if position < advertisement.count {
      let count = min(buffer.count, advertisement.count - position)
      buffer.copyBytes(from: advertisement[position..<position + count])
      position += count
      return count
    }
    guard let answer else { return 0 }
    var received = 0
    try check(
      session.context.run {
        answer.pointee.read(
          answer, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count, &received)
      })
    if received == 0 { isComplete = true }
    return received
  }

  func send(_ request: [UInt8]) throws(GitRemoteError) {
    // A flush alone says good-bye; over http nobody waits for it.
    if request.count <= 4 { return }
    advertisement = []
    position = 0
    isComplete = false
    try check(session.post(request, to: service, &answer))
  }

  func unexpectedEnd() -> GitRemoteError {
    session.context.failure
      ?? GitRemoteError(.remoteHungUp, service.operation, "the server's answer ended early")
  }

  /// An http server ends its program when the client goes.
  let canBeLeft = false

  var hasEnded: Bool { !session.context.isQuiet }

  func isOver() -> Bool {
    close()
    return true
  }

  func finish() { close() }

  func close() {
    guard !isClosed else { return }
    isClosed = true
    readToTheEnd()
    if let answer { session.context.run { answer.pointee.free(answer) } }
    answer = nil
    if isComplete {
      session.rest()
      onRest(session)
    } else {
      session.close()
    }
  }

  /// What marks the end of an answer comes with it, or right after.
  private func readToTheEnd() {
    guard answer != nil, !isComplete, failure == nil, session.context.failure == nil else { return }
    session.context.deadlines = Deadlines(.init(connect: 0.05, idle: 0.05, total: 0.05))
    withUnsafeTemporaryAllocation(byteCount: 1, alignment: 1) { buffer in _ = try? read(into: buffer) }
  }

  /// Finds the best words for a failure of libgit2.
  private func check(_ result: Int32) throws(GitRemoteError) {
    if result >= 0 { return }
    isComplete = false
    let error = LibGit2.error(service.operation, result)
    if session.credential.wasRefused { onRefusal() }
    if let failure = failure ?? session.context.failure { throw failure }
    let (code, refused) = Self.meaning(result, error.message)
    requestWasRefused = refused
    let kept = GitRemoteError(code, service.operation, error.message)
    failure = kept
    throw kept
  }

  /// What libgit2's result and words mean, and whether the server certainly did nothing. A proxy before it may say
  /// whatever it likes once it is tired of waiting, a page of its own among that; so what decides is where libgit2's
  /// own words begin, and not what they quote.
  private static func meaning(_ result: Int32, _ message: String) -> (GitRemoteError.Code, refused: Bool) {
    if result == GIT_EAUTH.rawValue { return (.authenticationFailed, true) }
    if result == GIT_ECERTIFICATE.rawValue { return (.certificateInvalid, true) }
    if let known = beginnings.first(where: { message.hasPrefix($0.words) }) {
      return (known.code, known.refused)
    }
    // What follows is the TLS library's name for what happened.
    if message.hasPrefix("SSL error") {
      return (message.lowercased().contains("certificate") ? .certificateInvalid : .remoteHungUp, false)
    }
    return (.protocolViolation, false)
  }

  /// Source: libgit2 1.5, `transports/http.c`, `transports/httpclient.c`, `streams/` and `util/net.c`.
  private static let beginnings: [(words: String, code: GitRemoteError.Code, refused: Bool)] = [
    ("unexpected redirect", .redirected, false), ("redirect without location", .redirected, false),
    ("cannot redirect from", .redirected, false), ("too many redirects", .redirected, false),
    ("unexpected http status code: 403", .authenticationFailed, false),
    ("unexpected http status code: 404", .repositoryNotFound, false),
    ("unexpected http status code: 413", .tooLarge, true),
    ("unexpected http status code: 429", .unreachable, false),
    ("unexpected http status code: 3", .redirected, false),
    ("unexpected http status code: 5", .unreachable, false),
    ("the server did not provide a certificate", .certificateInvalid, true),
    ("failed to retrieve certificate information", .certificateInvalid, true),
    ("'NTLM' authentication is not supported", .authenticationFailed, true),
    ("'Negotiate' authentication is not supported", .authenticationFailed, true),
    ("unexpected EOF", .remoteHungUp, false), ("early EOF", .remoteHungUp, false),
  ]
}
