public import StrictJSON

/// What kind of trouble an error is: what a client does about a code that it does not know. Codes may be
/// added to a version of the protocol, categories may not.
public enum ErrorCategory: String, Sendable, CaseIterable {
  /// The request is wrong as it stands; sending it again cannot help.
  case usage
  /// Understood and refused: by a registry rule, by the Git server, by a condition in the request.
  case refused
  /// The caller may not do that.
  case denied
  /// Something that the worker needs is set up wrong or missing; an administrator must act.
  case unavailable
  /// Not now; the same request may succeed later.
  case retry
  /// A defect of the worker.
  case `internal`

  /// The exit status of the command lines, after sysexits.h.
  public var exitStatus: Int32 {
    switch self {
    case .usage: 64
    case .refused: 65
    case .unavailable: 69
    case .internal: 70
    case .retry: 75
    case .denied: 77
    }
  }
}

/// Why a request did not get a result. The table of codes, with what each means and what the client should
/// do, is in proto-spec/protocol.md, "Errors".
public struct WireError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A word of the table; an open set.
  public struct Code: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
  }

  public var code: Code
  public var category: ErrorCategory
  /// One or more sentences for people: what was wrong, where, and what to do. Never a secret.
  public var message: String
  /// More, for programs; an object, or nil.
  public var details: JSONObject?
  /// Seconds after which another try makes sense, where the worker knows.
  public var retryAfter: Int64?

  public init(
    _ code: Code, category: ErrorCategory, _ message: String, details: JSONObject? = nil,
    retryAfter: Int64? = nil
  ) {
    self.code = code
    self.category = category
    self.message = message
    self.details = details
    self.retryAfter = retryAfter
  }

  public var description: String { message }

  public var json: JSONValue {
    var object = JSONObject()
    object["code"] = .string(code.rawValue)
    object["category"] = .string(category.rawValue)
    object["message"] = .string(message)
    if let details { object["details"] = .object(details) }
    if let retryAfter { object["retryAfter"] = .integer(retryAfter) }
    return .object(object)
  }

  /// Reads an error as a client does: unknown members are ignored, an unknown category is internal.
  public init?(json: JSONValue) {
    guard let code = json["code"]?.stringValue, let message = json["message"]?.stringValue else { return nil }
    self.init(
      Code(rawValue: code),
      category: json["category"]?.stringValue.flatMap(ErrorCategory.init) ?? .internal,
      message, details: json["details"]?.objectValue, retryAfter: json["retryAfter"]?.integerValue)
  }
}

extension WireError.Code {
  // The connection and the request
  public static let malformedFrame = Self(rawValue: "malformed_frame")
  public static let frameTooLarge = Self(rawValue: "frame_too_large")
  public static let malformedJSON = Self(rawValue: "malformed_json")
  public static let invalidRequest = Self(rawValue: "invalid_request")
  public static let unknownMethod = Self(rawValue: "unknown_method")
  public static let invalidParameter = Self(rawValue: "invalid_parameter")
  public static let unsupportedProtocol = Self(rawValue: "unsupported_protocol")
  public static let replyTooLarge = Self(rawValue: "reply_too_large")
  // Who asks
  public static let notAllowed = Self(rawValue: "not_allowed")
  // Jobs
  public static let unknownJob = Self(rawValue: "unknown_job")
  public static let requestKeyConflict = Self(rawValue: "request_key_conflict")
  public static let jobCancelled = Self(rawValue: "job_cancelled")
  public static let deadlinePassed = Self(rawValue: "deadline_passed")
  public static let jobNotCancellable = Self(rawValue: "job_not_cancellable")
  public static let jobNotRetryable = Self(rawValue: "job_not_retryable")
  // Conditions
  public static let conditionNotMet = Self(rawValue: "condition_not_met")
  // Approvals
  public static let jobNotAwaitingApproval = Self(rawValue: "job_not_awaiting_approval")
  public static let ownRequest = Self(rawValue: "own_request")
  public static let approvalStale = Self(rawValue: "approval_stale")
  public static let approvalExpired = Self(rawValue: "approval_expired")
  public static let approvalRejected = Self(rawValue: "approval_rejected")
  // The worker
  public static let busy = Self(rawValue: "busy")
  public static let shuttingDown = Self(rawValue: "shutting_down")
  public static let repositoryRemoved = Self(rawValue: "repository_removed")
  public static let repositoryPaused = Self(rawValue: "repository_paused")
  public static let internalError = Self(rawValue: "internal_error")
  // The Git server
  public static let remoteUnreachable = Self(rawValue: "remote_unreachable")
  public static let remoteTimeout = Self(rawValue: "remote_timeout")
  public static let remoteAuthenticationFailed = Self(rawValue: "remote_authentication_failed")
  public static let remoteHostKey = Self(rawValue: "remote_host_key")
  public static let remoteRedirected = Self(rawValue: "remote_redirected")
  public static let remoteNotFound = Self(rawValue: "remote_not_found")
  public static let remoteProtocol = Self(rawValue: "remote_protocol")
  public static let remoteLocked = Self(rawValue: "remote_locked")
  public static let remoteRefused = Self(rawValue: "remote_refused")
  // What the repository holds
  public static let unknownRef = Self(rawValue: "unknown_ref")
  public static let repositoryFileInvalid = Self(rawValue: "repository_file_invalid")
}
