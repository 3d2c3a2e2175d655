internal import Registry

/// A time as the protocol writes it: RFC 3339 in UTC with milliseconds, `2026-01-31T09:30:00.000Z`.
///
/// - Parameter milliseconds: since 1970; what is outside the years 0 to 9999 is written as their first or last moment.
public func timestamp(milliseconds: Int64) -> String {
  let milliseconds = min(max(milliseconds, -62_167_219_200_000), 253_402_300_799_999)
  let seconds = milliseconds.flooredQuotient(1000)
  let days = seconds.flooredQuotient(86_400)
  let date = CivilDate(daysSince1970: days)
  let second = seconds - days * 86_400
  return String(unsafeUninitializedCapacity: 24) { bytes in
    var place = 0
    func write(_ number: Int64, digits: Int, _ separator: Unicode.Scalar) {
      var rest = number
      for index in (place..<place + digits).reversed() {
        bytes[index] = UInt8(ascii: "0") + UInt8(rest % 10)
        rest /= 10
      }
      bytes[place + digits] = UInt8(ascii: separator)
      place += digits + 1
    }
    write(date.year, digits: 4, "-")
    write(date.month, digits: 2, "-")
    write(date.day, digits: 2, "T")
    write(second / 3600, digits: 2, ":")
    write(second / 60 % 60, digits: 2, ":")
    write(second % 60, digits: 2, ".")
    write(milliseconds - seconds * 1000, digits: 3, "Z")
    return place
  }
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
