internal import Registry

/// A time as the protocol writes it: RFC 3339 in UTC with milliseconds, `2026-01-31T09:30:00.000Z`.
///
/// - Parameter milliseconds: since 1970, within the years 0 to 9999.
public func timestamp(milliseconds: Int64) -> String {
  let seconds = milliseconds.flooredQuotient(1000)
  let days = seconds.flooredQuotient(86_400)
  let date = CivilDate(daysSince1970: days)
  let second = seconds - days * 86_400
  return padded(date.year, 4) + "-" + padded(date.month, 2) + "-" + padded(date.day, 2) + "T"
    + padded(second / 3600, 2) + ":" + padded(second / 60 % 60, 2) + ":" + padded(second % 60, 2) + "."
    + padded(milliseconds - seconds * 1000, 3) + "Z"
}

/// Reads what ``timestamp(milliseconds:)`` writes; the fraction may be missing. Nil for anything else, such as a
/// day that the calendar does not have.
public func milliseconds(timestamp text: String) -> Int64? {
  let bytes = Array(text.utf8)
  guard bytes.count == 20 || bytes.count == 24, hasSeparators(bytes) else { return nil }
  func number(_ range: Range<Int>) -> Int64? {
    bytes[range].allSatisfy { (0x30...0x39).contains($0) }
      ? Int64(String(decoding: bytes[range], as: UTF8.self)) : nil
  }
  guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
    let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
    let fraction = bytes.count == 24 ? number(20..<23) : 0, hour < 24, minute < 60, second < 60
  else { return nil }
  let date = CivilDate(year: year, month: month, day: day)
  guard date.exists else { return nil }
  return (((date.daysSince1970 * 24 + hour) * 60 + minute) * 60 + second) * 1000 + fraction
}

/// Whether what stands between the numbers of a time is where it belongs.
private func hasSeparators(_ bytes: [UInt8]) -> Bool {
  zip([4, 7, 10, 13, 16], "--T::".utf8).allSatisfy { bytes[$0] == $1 }
    && bytes.last == UInt8(ascii: "Z") && (bytes.count == 20 || bytes[19] == UInt8(ascii: "."))
}

private func padded(_ number: Int64, _ width: Int) -> String {
  let digits = String(number)
  return String(repeating: "0", count: max(0, width - digits.count)) + digits
}
