internal import Glibc

/// The times of `valid-after` and `valid-before`: `YYYYMMDD[HHMM[SS]]`, with `Z` or `UTC` behind it in UTC, else
/// in the local zone (ssh-keygen(1), ALLOWED SIGNERS).
enum AbsoluteTime {
  /// Seconds since 1970; nil for a text that isn't such a time, and for times before 1970.
  static func parse(_ text: [UInt8]) -> Int64? {
    var digits = text[...]
    let isUTC = dropSuffix("Z", &digits) || dropSuffix("UTC", &digits)
    guard [8, 12, 14].contains(digits.count), let numbers = numbers(digits) else { return nil }
    var parts = tm()
    parts.tm_year = numbers[0] - 1900
    parts.tm_mon = numbers[1] - 1
    parts.tm_mday = numbers[2]
    if numbers.count > 3 { (parts.tm_hour, parts.tm_min) = (numbers[3], numbers[4]) }
    if numbers.count > 5 { parts.tm_sec = numbers[5] }
    guard isPossible(parts) else { return nil }
    let seconds = Int64(isUTC ? timegm(&parts) : mktime(&parts))
    return seconds > 0 ? seconds : nil
  }

  private static func dropSuffix(_ suffix: String, _ text: inout ArraySlice<UInt8>) -> Bool {
    // Clearing the fifth bit makes ASCII letters upper-case.
    guard text.suffix(suffix.utf8.count).map({ $0 & ~0x20 }) == Array(suffix.utf8) else { return false }
    text.removeLast(suffix.utf8.count)
    return true
  }

  /// The year of four digits and the rest of two.
  private static func numbers(_ digits: ArraySlice<UInt8>) -> [Int32]? {
    guard digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
    let values = digits.map { Int32($0 - UInt8(ascii: "0")) }
    let year = values.prefix(4).reduce(0) { $0 * 10 + $1 }
    return [year] + stride(from: 4, to: values.count, by: 2).map { values[$0] * 10 + values[$0 + 1] }
  }

  /// The ranges that `strptime` checks; the 31st of a shorter month becomes the next month's first.
  private static func isPossible(_ parts: tm) -> Bool {
    (0...11).contains(parts.tm_mon) && (1...31).contains(parts.tm_mday) && (0...23).contains(parts.tm_hour)
      && (0...59).contains(parts.tm_min) && (0...60).contains(parts.tm_sec)
  }
}
