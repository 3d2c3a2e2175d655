internal import COpenSSL

/// The one way into OpenSSL for calls that can fail: the thread's error queue is emptied before the call and
/// drained after a failure, so that an old error never explains a new one.
enum OpenSSLCall {
  /// A call that returns a new or borrowed pointer, nil on failure.
  static func pointer(
    _ operation: String, code: SigningError.Code = .cryptography, _ call: () -> OpaquePointer?
  ) throws(SigningError) -> OpaquePointer {
    ERR_clear_error()
    guard let pointer = call() else {
      throw SigningError(code, operation, drainErrors())
    }
    return pointer
  }

  /// A call that returns 1 (or another positive number) on success.
  @discardableResult
  static func status(
    _ operation: String, code: SigningError.Code = .cryptography, _ call: () -> Int32
  ) throws(SigningError) -> Int32 {
    ERR_clear_error()
    let status = call()
    guard status > 0 else { throw SigningError(code, operation, drainErrors()) }
    return status
  }

  /// A call whose failure is an answer ("this signature is bad"): whether it returned a positive number. The
  /// queue is empty afterwards.
  static func succeeds(_ call: () -> Int32) -> Bool {
    ERR_clear_error()
    defer { ERR_clear_error() }
    return call() > 0
  }

  /// All reasons in this thread's error queue, oldest first. The queue is empty afterwards.
  private static func drainErrors() -> String {
    var reasons: [String] = []
    while true {
      let code = ERR_get_error()
      if code == 0 { break }
      let reason = ERR_reason_error_string(code).map { String(cString: $0) } ?? "error \(code)"
      if reasons.last != reason { reasons.append(reason) }
    }
    return reasons.isEmpty ? "OpenSSL gave no reason" : reasons.joined(separator: "; ")
  }
}
