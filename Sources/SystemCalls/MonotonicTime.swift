internal import Glibc

/// A point on the clock that never jumps, for deadlines. C: `clock_gettime(CLOCK_MONOTONIC)`.
public struct MonotonicTime: Comparable, Hashable, Sendable {
  /// Nanoseconds since an arbitrary start (on Linux: boot, without suspended time).
  public let nanoseconds: Int64

  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  public static var now: MonotonicTime {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return MonotonicTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  /// Later than any time that is waited for.
  static let distantFuture = MonotonicTime(nanoseconds: .max / 2)

  /// The time that many seconds from now; negative seconds lie in the past.
  public static func after(seconds: Double) -> MonotonicTime {
    now.advanced(bySeconds: seconds)
  }

  public func advanced(bySeconds seconds: Double) -> MonotonicTime {
    let bounded = min(max(seconds, -1e9), 1e9)
    return MonotonicTime(nanoseconds: nanoseconds + Int64(bounded * 1e9))
  }

  public var hasPassed: Bool { self <= .now }

  /// Seconds until then; negative when it has passed.
  public var secondsLeft: Double { Double(nanoseconds - MonotonicTime.now.nanoseconds) / 1e9 }

  public static func < (left: MonotonicTime, right: MonotonicTime) -> Bool {
    left.nanoseconds < right.nanoseconds
  }

  /// Milliseconds for `poll`, rounded up so that a wait never ends before its deadline.
  var pollTimeout: Int32 {
    let left = nanoseconds - MonotonicTime.now.nanoseconds
    return Int32(clamping: max(0, (left + 999_999) / 1_000_000))
  }
}

/// The time of day. C: `clock_gettime(CLOCK_REALTIME)`.
public enum WallClock {
  /// Whole seconds since 1970, UTC.
  public static var seconds: Int64 { milliseconds / 1000 }

  /// Milliseconds since 1970, UTC.
  public static var milliseconds: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }
}
