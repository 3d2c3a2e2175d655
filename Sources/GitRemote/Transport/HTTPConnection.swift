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
  /// whatever it likes once it is tired of waiting, a page of its own among that.
  private static func meaning(_ result: Int32, _ message: String) -> (GitRemoteError.Code, refused: Bool) {
    if result == GIT_EAUTH.rawValue { return (.authenticationFailed, true) }
    if result == GIT_ECERTIFICATE.rawValue { return (.certificateInvalid, true) }
    let words = message.lowercased()
    if let known = table.first(where: { words.contains($0.words) }) { return (known.code, known.refused) }
    return (.protocolViolation, false)
  }

  private static let table: [(words: String, code: GitRemoteError.Code, refused: Bool)] = [
    ("redirect", .redirected, false), ("status code: 401", .authenticationFailed, true),
    ("status code: 403", .authenticationFailed, false), ("status code: 404", .repositoryNotFound, false),
    ("status code: 413", .tooLarge, true), ("status code: 429", .unreachable, false),
    ("status code: 3", .redirected, false), ("status code: 5", .unreachable, false),
    ("certificate", .certificateInvalid, true), ("authentication", .authenticationFailed, true),
    ("ssl error", .remoteHungUp, false), ("unexpected eof", .remoteHungUp, false),
    ("end of file", .remoteHungUp, false), ("early eof", .remoteHungUp, false),
  ]
}
