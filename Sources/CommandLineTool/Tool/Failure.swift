internal import StagekeeperClient
internal import SystemCalls

/// How a run ended without success: the exit status, and what to say about it.
package struct Failure: Error, Sendable, Equatable {
  package var status: Int32
  /// One sentence; nil: nothing is said.
  package var message: String?
  /// What to do about it.
  package var hint: String?

  package init(status: Int32, _ message: String? = nil, hint: String? = nil) {
    self.status = status
    self.message = message
    self.hint = hint
  }

  /// - Parameter tool: the program's name, for hints.
  package init(_ error: any Error, tool: String) {
    switch error {
    case let failure as Failure: self = failure
    case let error as UsageError: self.init(status: 64, error.message, hint: error.hint)
    case let error as MalformedArgument: self.init(status: 64, "\(error)")
    case let error as OutputError:
      // 141 is what a shell shows for a program that a closed pipe ended.
      self.init(
        status: error.isClosedPipe ? 141 : 74, error.isClosedPipe ? nil : error.message)
    case let interruption as Interruption:
      self.init(interruption.error, tool: tool)
      status = interruption.status
    case let error as ClientError: self.init(error, tool: tool)
    default: self.init(status: 70, "\(error)")
    }
  }

  private init(_ error: ClientError, tool: String) {
    self.init(
      status: error.category.exitStatus, error.code == .cancelled ? "interrupted" : error.message,
      hint: error.hint(tool: tool))
    if error.isWaitThatEnded, let job = error.job { message? += "; \(job.standing)" }
  }

  /// The text for standard error.
  func text(tool: String, colored: Bool) -> String? {
    guard let message else { return nil }
    let label = colored ? "\u{1b}[31m\(tool):\u{1b}[0m" : "\(tool):"
    let lines = ["\(label) \(message.sentence.escapedLinesForTerminal)"]
    return (lines + (hint.map { [$0.escapedLinesForTerminal] } ?? [])).joined(separator: "\n")
  }
}

extension ClientError {
  /// The wait is over and the job is not.
  fileprivate var isWaitThatEnded: Bool {
    code == .timedOut || code == .cancelled || code == .connectionLost
      || (workerError?.code == .shuttingDown && job != nil)
  }

  fileprivate func hint(tool: String) -> String? {
    if isWaitThatEnded {
      if let job { return "The job goes on. To wait again: \(tool) job wait \(job.job)" }
      if let requestKey {
        return "Whether the worker accepted the request is not known. "
          + "The same command with --request-key \(requestKey) asks again and never does it twice."
      }
      return nil
    }
    switch code {
    case .workerUnreachable:
      return "Start stagekeeperd, or name its socket: --socket PATH, or the environment's "
        + (tool.hasSuffix("admin") ? "STAGEKEEPER_ADMIN_SOCKET." : "STAGEKEEPER_SOCKET.")
    case .socketForbidden:
      return "Ask the worker's administrator for access; the socket's mode is in its configuration."
    default: break
    }
    if let retryAfter = workerError?.retryAfter { return "Try again in \(retryAfter) s." }
    // Words of the worker's that say it already.
    if message.contains("whoami") { return nil }
    return workerError?.code.hint(tool: tool)
  }
}

extension WireError.Code {
  fileprivate func hint(tool: String) -> String? {
    switch self {
    case .notAllowed:
      tool.hasSuffix("admin")
        ? nil : "'\(tool) whoami' shows who the worker takes you for and what you may do."
    case .approvalStale: "Ask again: the new job is planned upon what there is now."
    case .ownRequest: "'\(tool) job cancel' takes your own job back."
    case .unknownJob:
      tool.hasSuffix("admin") ? "'\(tool) queue' shows the jobs." : "'\(tool) job list' shows your jobs."
    case .unknownMethod:
      "The worker may be older than this program, or the socket be that of the other program: clients and "
        + "administrators have one each."
    default: nil
    }
  }
}

extension String {
  /// With a full stop where none is.
  fileprivate var sentence: String {
    guard let last, !".!?:".contains(last), !contains("\n") else { return self }
    return self + "."
  }
}
