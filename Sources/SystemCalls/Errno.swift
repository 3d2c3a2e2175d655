internal import Glibc

/// An error number of the C library, such as `ENOENT`.
public struct Errno: Error, Equatable, Hashable, Sendable, CustomStringConvertible {
  public let rawValue: Int32

  public init(rawValue: Int32) { self.rawValue = rawValue }

  /// The calling thread's `errno`. Read it before anything else can overwrite it.
  public static var current: Errno { Errno(rawValue: errno) }

  public static let noSuchFile = Errno(rawValue: ENOENT)
  public static let interrupted = Errno(rawValue: EINTR)
  public static let wouldBlock = Errno(rawValue: EAGAIN)
  public static let fileExists = Errno(rawValue: EEXIST)
  public static let noSpace = Errno(rawValue: ENOSPC)
  public static let quotaExceeded = Errno(rawValue: EDQUOT)
  public static let inputOutput = Errno(rawValue: EIO)
  public static let brokenPipe = Errno(rawValue: EPIPE)
  public static let connectionReset = Errno(rawValue: ECONNRESET)
  public static let connectionRefused = Errno(rawValue: ECONNREFUSED)
  public static let addressInUse = Errno(rawValue: EADDRINUSE)
  public static let permissionDenied = Errno(rawValue: EACCES)
  public static let invalidArgument = Errno(rawValue: EINVAL)
  public static let tooManyOpenFiles = Errno(rawValue: EMFILE)
  public static let tooManyOpenFilesInAll = Errno(rawValue: ENFILE)
  public static let noMemory = Errno(rawValue: ENOMEM)
  public static let nameTooLong = Errno(rawValue: ENAMETOOLONG)
  public static let timedOut = Errno(rawValue: ETIMEDOUT)
  public static let notSupported = Errno(rawValue: ENOTSUP)
  public static let fileTooLarge = Errno(rawValue: EFBIG)

  /// The machine has nothing left of what a call needs; it may have again soon. Where a call waits for nothing, EAGAIN
  /// stands for a process or a thread too many.
  public static let exhaustions: [Errno] = [
    .noSpace, .quotaExceeded, .tooManyOpenFiles, .tooManyOpenFilesInAll, .noMemory, .wouldBlock,
  ]

  /// No space on the disk, or none left in the quota.
  public var isDiskFull: Bool { self == .noSpace || self == .quotaExceeded }

  /// The C library's sentence for it, `strerror`.
  public var description: String { String(cString: strerror(rawValue)) }
}

/// A system call that failed: which one, on what, and why.
public struct SystemCallError: Error, Equatable, Sendable, CustomStringConvertible {
  public let errno: Errno
  /// While doing what, such as `open "/var/lib/stagekeeper/lock"`.
  public let operation: String

  public init(_ errno: Errno, _ operation: String) {
    self.errno = errno
    self.operation = operation
  }

  public var description: String { "\(operation): \(errno)" }
}

/// Runs a call that returns -1 on failure; retries when a signal interrupted it.
///
/// - Throws: ``SystemCallError`` with `errno` as it stood right after the call.
@discardableResult
func systemCall(
  _ operation: @autoclosure () -> String, _ body: () -> Int32
) throws(SystemCallError) -> Int32 {
  while true {
    let result = body()
    if result != -1 { return result }
    let error = Errno.current
    if error != .interrupted { throw SystemCallError(error, operation()) }
  }
}

/// The same for a call on a durable file: faults may be put in its place, also ones that a signal's
/// interruption would cause.
@discardableResult
func systemCall(
  _ operation: @autoclosure () -> String, _ call: @autoclosure () -> FileCall,
  faults: (any FileFaults)?, _ body: (Int) -> Int
) throws(SystemCallError) -> Int {
  while true {
    let verdict = faults?.verdict(on: call()) ?? .proceed
    if case .fail(let error) = verdict {
      if error == .interrupted { continue }
      throw SystemCallError(error, operation())
    }
    let limit = if case .limit(let count) = verdict { count } else { Int.max }
    let result = body(limit)
    if result != -1 {
      faults?.succeeded(call(), result: result)
      return result
    }
    let error = Errno.current
    if error != .interrupted { throw SystemCallError(error, operation()) }
  }
}

/// The same for calls that return a size.
func systemCall(
  sized operation: @autoclosure () -> String, _ body: () -> Int
) throws(SystemCallError) -> Int {
  while true {
    let result = body()
    if result != -1 { return result }
    let error = Errno.current
    if error != .interrupted { throw SystemCallError(error, operation()) }
  }
}
