/// Why the store did not do what it was asked.
public struct JobStoreError: Error, Sendable, CustomStringConvertible {
  /// What kind of refusal or failure it is.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    private enum Kind: String {
      case busy, closed, failed, noSuchJob, impossible, notAwaitingApproval, requestKeyConflict, inUse,
        damaged, unsupported
    }

    private let kind: Kind

    /// The disk or the queue is full: ask again later. Jobs that were accepted go on.
    public static let busy = Code(kind: .busy)
    /// The store is closing or closed.
    public static let closed = Code(kind: .closed)
    /// Writing or syncing the journal failed: nothing is certain until the worker starts again.
    public static let failed = Code(kind: .failed)
    public static let noSuchJob = Code(kind: .noSuchJob)
    /// The event cannot happen to the job in its state.
    public static let impossible = Code(kind: .impossible)
    /// The job does not wait for approval, or no longer.
    public static let notAwaitingApproval = Code(kind: .notAwaitingApproval)
    /// A different request has that key; ``JobStoreError/conflict`` says where they differ.
    public static let requestKeyConflict = Code(kind: .requestKeyConflict)
    /// Another worker uses the state directory.
    public static let inUse = Code(kind: .inUse)
    /// The journal is damaged; the message says where and what to do.
    public static let damaged = Code(kind: .damaged)
    /// The journal was written by a newer version.
    public static let unsupported = Code(kind: .unsupported)

    public var description: String { kind.rawValue }
  }

  public let code: Code
  /// While doing what.
  public let operation: String
  public let message: String
  public let conflict: RequestKeyConflict?
  public let underlying: (any Error)?
  /// Of ``Code/busy``: the name of the setting that is reached, where it is one.
  public var limit: String?

  public init(
    _ code: Code, _ operation: String, _ message: String, conflict: RequestKeyConflict? = nil,
    underlying: (any Error)? = nil
  ) {
    self.code = code
    self.operation = operation
    self.message = message
    self.conflict = conflict
    self.underlying = underlying
  }

  public var description: String { "\(operation): \(message)" }
}
