public import WireProtocol

/// Why a call did not get its answer: what happened, while doing what, and what is known of the job.
public struct ClientError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What happened. The set may grow: keep a default when you switch over it.
  public struct Code: Sendable, Hashable {
    private enum Value {
      case workerUnreachable, socketForbidden, connectionLost, timedOut, cancelled, refused, unreadableReply
    }
    private let value: Value

    /// Nobody listens at the socket.
    public static let workerUnreachable = Code(value: .workerUnreachable)
    /// The socket's permissions keep this user out.
    public static let socketForbidden = Code(value: .socketForbidden)
    /// The connection broke, and no other could be made in time. A job that was accepted goes on.
    public static let connectionLost = Code(value: .connectionLost)
    /// The time-out passed first. A job that was accepted goes on.
    public static let timedOut = Code(value: .timedOut)
    /// The calling task was cancelled. A job that was accepted goes on.
    public static let cancelled = Code(value: .cancelled)
    /// The worker answered with an error: ``ClientError/workerError``.
    public static let refused = Code(value: .refused)
    /// The worker sent what this client cannot read.
    public static let unreadableReply = Code(value: .unreadableReply)
  }

  public var code: Code
  /// While doing what, such as `assign`.
  public var operation: String
  /// One or more sentences for people. It may hold words of the Git server, so escape it before it goes
  /// to a terminal.
  public var message: String
  /// The worker's own error, where the code is ``Code/refused``.
  public var workerError: WireError?
  /// The job as it was last heard of, where one was accepted.
  public var job: JobStatus?
  /// The key of the write: the same request with it gets the same job.
  public var requestKey: String?

  public init(
    _ code: Code, operation: String, _ message: String, workerError: WireError? = nil,
    job: JobStatus? = nil, requestKey: String? = nil
  ) {
    self.code = code
    self.operation = operation
    self.message = message
    self.workerError = workerError
    self.job = job
    self.requestKey = requestKey
  }

  init(_ error: WireError, operation: String) {
    var job = error.details?["job"].flatMap { JobStatus(json: $0) }
    if job != nil, job?.error == nil {
      job?.error = WireError(
        error.code, category: error.category, error.message, retryAfter: error.retryAfter)
    }
    self.init(.refused, operation: operation, error.message, workerError: error, job: job)
  }

  public var description: String { message }

  /// What kind of trouble it is: what a program decides by.
  public var category: ErrorCategory {
    switch code {
    case .workerUnreachable: .unavailable
    case .socketForbidden: .denied
    case .connectionLost, .timedOut, .cancelled: .retry
    case .refused: workerError?.category ?? .internal
    default: .internal
    }
  }
}
