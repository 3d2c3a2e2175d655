public import StrictJSON

/// Why a job, or one attempt at it, came to nothing.
public struct JobError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A word for programs; the worker uses the wire protocol's error codes.
  public var code: String
  /// A sentence for people.
  public var message: String
  /// What else programs may want to know, such as the server's words.
  public var details: JSONValue?

  public init(code: String, message: String, details: JSONValue? = nil) {
    self.code = code
    self.message = message
    self.details = details == .null ? nil : details
  }

  public var description: String { "\(code): \(message)" }

  /// The code of jobs that the queue itself rejects because their deadline had passed before their turn.
  public static let deadlinePassed = "deadline_passed"
}
