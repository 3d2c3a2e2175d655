public import SystemCalls

/// Why the audit log was not opened or not written.
public struct AuditError: Error, Sendable, CustomStringConvertible {
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    private enum Kind: String { case failed, diskFull, damaged, unsupported, closed }

    private let kind: Kind

    /// Writing or syncing failed: nothing more is written until the worker starts again.
    public static let failed = Code(kind: .failed)
    /// There is no room for what would be decided; what was decided can still be recorded.
    public static let diskFull = Code(kind: .diskFull)
    /// The newest file cannot be gone on with; the message says where and what to do.
    public static let damaged = Code(kind: .damaged)
    /// Written by a newer version.
    public static let unsupported = Code(kind: .unsupported)
    /// It is closed.
    public static let closed = Code(kind: .closed)

    public var description: String { kind.rawValue }
  }

  public let code: Code
  /// While doing what.
  public let operation: String
  public let message: String
  public let underlying: SystemCallError?

  public init(_ code: Code, _ operation: String, _ message: String, underlying: SystemCallError? = nil) {
    self.code = code
    self.operation = operation
    self.message = message
    self.underlying = underlying
  }

  init(_ operation: String, _ error: SystemCallError) {
    self.init(.failed, operation, "\(error)", underlying: error)
  }

  public var description: String { "\(operation): \(message)" }
}
