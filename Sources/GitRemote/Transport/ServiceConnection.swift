internal import SystemCalls

/// Git's two services on a server (gitprotocol-pack).
enum GitService: String {
  case uploadPack = "git-upload-pack"
  case receivePack = "git-receive-pack"

  /// What a person calls it, for messages.
  var operation: String { self == .uploadPack ? "list and fetch" : "push" }
}

/// One conversation with a service: the server's advertisement, one request, its answer.
///
/// Assumes: reading until the advertisement's flush, then at most one ``send(_:)``, then reading on. Every
/// wait has a deadline. Ensures: after ``close()`` no process, thread or descriptor of it is left.
protocol ServiceConnection: AnyObject {
  /// Reads some bytes; 0 at the end.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(GitRemoteError) -> Int
  /// Sends the whole request.
  func send(_ request: [UInt8]) throws(GitRemoteError)
  /// Why the server may have ended the conversation too early, by its own words.
  func unexpectedEnd() -> GitRemoteError
  /// After a failed request: the server said that it did nothing.
  var requestWasRefused: Bool { get }
  /// Whether the far side goes on with what it does after its report, while nobody reads.
  var canBeLeft: Bool { get }
  /// Whether the far side has ended by itself.
  var hasEnded: Bool { get }
  /// When all was said: whether the far side has ended too, without waiting for it. What it still says is
  /// dropped.
  func isOver() -> Bool
  /// Ends the conversation when all was said: gives the far side a moment to end by itself.
  func finish()
  /// Ends it now.
  func close()
}

/// The times after which one operation gives up.
struct Deadlines {
  private let connect: MonotonicTime
  private let total: MonotonicTime
  private let idle: Double
  private(set) var hasReceived = false

  init(_ timeouts: RemoteConfiguration.Timeouts) {
    connect = .after(seconds: timeouts.connect)
    total = .after(seconds: timeouts.total)
    idle = timeouts.idle
  }

  /// When to stop waiting for the next byte.
  var next: MonotonicTime {
    min(total, hasReceived ? .after(seconds: idle) : connect)
  }

  mutating func received() { hasReceived = true }

  /// The error for a wait that reached ``next``.
  func passed(_ operation: String) -> GitRemoteError {
    let what =
      total.hasPassed
      ? "the operation took longer than allowed"
      : hasReceived ? "the server was silent for too long" : "the server did not answer in time"
    return GitRemoteError(.timeout, operation, what)
  }
}
