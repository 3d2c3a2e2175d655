public import SystemCalls

/// Settings of an ``AuditLog``. Source: docs/configuration.md, `audit`.
public struct AuditSettings: Sendable, Equatable {
  /// The length at which the next file is begun, in bytes. A start reads the newest file whole.
  public var fileBytes = 4 << 20
  /// The age at which it is, in seconds.
  public var fileSeconds = 30 * 86_400
  /// How many files are kept; the oldest are removed.
  public var files = 256
  /// The span in which equal denials of one uid share a line, in seconds.
  public var denialSeconds = 60

  public init() {}
}

/// What happened to the log itself, for whoever runs the worker.
public enum AuditReport: Sendable {
  /// The next file was begun; the head is the last line of the file before it.
  case rotated(file: String, head: AuditHead)
  /// A start has cut an unfinished write and kept a copy of it.
  case tornTailCut(file: String, bytes: Int, copy: String)
  /// There is no room for more decisions, or there is again.
  case diskFull(Bool)
  /// Nothing more is written.
  case failed(AuditError)
  /// The next file could not be begun, or an old one not removed; the log goes on.
  case notRotated(SystemCallError)
}
