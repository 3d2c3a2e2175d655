/// A time as the protocol writes it: RFC 3339 in UTC with milliseconds, `2026-01-31T09:30:00.000Z`.
///
/// - Parameter milliseconds: since 1970, within the years 0 to 9999.
public func timestamp(milliseconds: Int64) -> String {
  let seconds = Int64((Double(milliseconds) / 1000).rounded(.down))
  let days = Int64((Double(seconds) / 86_400).rounded(.down))
  let date = CivilDate(daysSince1970: days)
  let second = seconds - days * 86_400
  return padded(date.year, 4) + "-" + padded(date.month, 2) + "-" + padded(date.day, 2) + "T"
    + padded(second / 3600, 2) + ":" + padded(second / 60 % 60, 2) + ":" + padded(second % 60, 2) + "."
    + padded(milliseconds - seconds * 1000, 3) + "Z"
}

/// Reads what ``timestamp(milliseconds:)`` writes; the fraction may be missing. Nil for anything else.
public func milliseconds(timestamp text: String) -> Int64? {
  let bytes = Array(text.utf8)
  guard bytes.count == 20 || bytes.count == 24, bytes.last == UInt8(ascii: "Z") else { return nil }
  func number(_ range: Range<Int>) -> Int64? {
    bytes[range].allSatisfy { (0x30...0x39).contains($0) }
      ? Int64(String(decoding: bytes[range], as: UTF8.self)) : nil
  }
  guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
    let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
    let fraction = bytes.count == 24 ? number(20..<23) : 0, (1...12).contains(month), (1...31).contains(day)
  else { return nil }
  let days = CivilDate(year: year, month: month, day: day).daysSince1970
  return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + fraction
}

private func padded(_ number: Int64, _ width: Int) -> String {
  let digits = String(number)
  return String(repeating: "0", count: max(0, width - digits.count)) + digits
}

/// A day of the proleptic Gregorian calendar. The arithmetic counts years from March, so that the leap day
/// is the last of its year.
private struct CivilDate {
  let year: Int64
  let month: Int64
  let day: Int64

  init(year: Int64, month: Int64, day: Int64) {
    self.year = year
    self.month = month
    self.day = day
  }

  init(daysSince1970 days: Int64) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
    month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }

  var daysSince1970: Int64 {
    let shiftedYear = month <= 2 ? year - 1 : year
    let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
    let yearOfEra = shiftedYear - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }
}
