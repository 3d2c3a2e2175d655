/// A time in which nothing changes.
public struct FreezeWindow: Sendable, Equatable {
  public enum Span: Sendable, Equatable {
    /// Once, in seconds since 1970: from the first to just before the second.
    case once(from: Int64, until: Int64)
    /// Each week.
    case weekly(WeeklyWindow)
  }

  public var span: Span
  /// For whoever is refused.
  public var reason: String?
}

/// Some hours of some days of each week, at a fixed distance from UTC.
public struct WeeklyWindow: Sendable, Equatable {
  /// 0 is Monday; at least one.
  public var days: Set<Int>
  /// Minutes of such a day, 0 to 1439.
  public var from: Int
  /// Minutes, 1 to 1440; where it is not greater than `from`, the window ends on the following day.
  public var until: Int
  /// Minutes east of UTC.
  public var offset: Int

  public static let dayNames = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
}

extension FreezeWindow {
  /// The end of the window that this time is in, in seconds since 1970; nil outside.
  public func end(at time: Int64) -> Int64? {
    switch span {
    case .once(let from, let until): (from..<until).contains(time) ? until : nil
    case .weekly(let window): window.end(at: time)
    }
  }

  /// Whether it will never be in force again.
  public func isPast(at time: Int64) -> Bool {
    if case .once(_, let until) = span { until <= time } else { false }
  }
}

extension WeeklyWindow {
  private static let day: Int64 = 86_400

  fileprivate func end(at time: Int64) -> Int64? {
    let local = time + Int64(offset) * 60
    let today = (Double(local) / Double(Self.day)).rounded(.down)
    // One that began yesterday may reach into today.
    return [Int64(today), Int64(today) - 1].compactMap { begin in
      // 1 January 1970 was a Thursday.
      guard days.contains(Int(((begin + 3) % 7 + 7) % 7)) else { return nil }
      let midnight = begin * Self.day
      let length = until > from ? 0 : Self.day
      let span = (midnight + Int64(from) * 60)..<(midnight + Int64(until) * 60 + length)
      return span.contains(local) ? span.upperBound - Int64(offset) * 60 : nil
    }.max()
  }
}

extension [FreezeWindow] {
  /// The window in force at a time, and when the first moment comes at which none of these is: in seconds since
  /// 1970, nil where that is more than ten weeks away.
  func inForce(at time: Int64) -> (window: FreezeWindow, end: Int64?)? {
    guard let window = first(where: { $0.end(at: time) != nil }) else { return nil }
    let horizon = time + 70 * 86_400
    var end = time
    while let later = compactMap({ $0.end(at: end) }).max() {
      end = later
      if end > horizon, contains(where: { if case .weekly = $0.span { true } else { false } }) {
        return (window, nil)
      }
    }
    return (window, end)
  }
}
