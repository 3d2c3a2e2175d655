/// A date or a time as ruamel.yaml reads it, written in the form of ISO 8601.
struct YAMLTimestamp: CustomStringConvertible {
  let description: String

  /// Whether ruamel.yaml's resolver takes the text for a date or a time. Its pattern is loose; what matches
  /// need not be a day that exists.
  static func looksLikeOne(_ bytes: [UInt8]) -> Bool { Pattern(bytes) != nil }

  /// Nil where the day or the time does not exist, or has more digits than Python keeps.
  init?(_ bytes: [UInt8]) {
    guard let pattern = Pattern(bytes), let date = Self.date(pattern) else { return nil }
    guard let clock = pattern.clock else {
      description = date
      return
    }
    guard let time = Self.time(clock), let zone = Self.zone(clock) else { return nil }
    description = "\(date)T\(time)\(zone)"
  }

  private static func date(_ pattern: Pattern) -> String? {
    let (year, month, day) = (pattern.year, pattern.month, pattern.day)
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    guard year > 0, (1...12).contains(month), (1...lengths[month - 1]).contains(day) else { return nil }
    return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
  }

  private static func time(_ clock: Pattern.Clock) -> String? {
    guard clock.hour < 24, clock.minute < 60, clock.second < 60, clock.fraction.count <= 6 else { return nil }
    let time = "\(padded(clock.hour, 2)):\(padded(clock.minute, 2)):\(padded(clock.second, 2))"
    guard clock.fraction.contains(where: { $0 != UInt8(ascii: "0") }) else { return time }
    let digits = String(decoding: clock.fraction, as: UTF8.self)
    return "\(time).\(digits)" + String(repeating: "0", count: 6 - digits.utf8.count)
  }

  private static func zone(_ clock: Pattern.Clock) -> String? {
    guard let offset = clock.offset else { return "" }
    guard abs(offset) < 24 * 60 else { return nil }
    let minutes = abs(offset)
    return "\(offset < 0 ? "-" : "+")\(padded(minutes / 60, 2)):\(padded(minutes % 60, 2))"
  }

  private static func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
  }
}

extension YAMLTimestamp {
  /// The fields of the text, not yet checked against the calendar.
  fileprivate struct Pattern {
    struct Clock {
      let hour: Int
      let minute: Int
      let second: Int
      let fraction: [UInt8]
      /// Minutes east of UTC; nil where the text names no zone.
      let offset: Int?
    }
    let year: Int
    let month: Int
    let day: Int
    let clock: Clock?

    init?(_ bytes: [UInt8]) {
      var reader = FieldReader(rest: bytes[...])
      guard let year = reader.number(4...4), reader.take("-"), let month = reader.number(1...2),
        reader.take("-"), let day = reader.number(1...2)
      else { return nil }
      (self.year, self.month, self.day) = (year, month, day)
      if reader.rest.isEmpty {
        // Without a time, the pattern asks for two digits each.
        guard bytes.count == 10 else { return nil }
        clock = nil
      } else {
        guard let clock = reader.clock() else { return nil }
        self.clock = clock
      }
    }
  }

  fileprivate struct FieldReader {
    var rest: ArraySlice<UInt8>

    mutating func take(_ character: Unicode.Scalar) -> Bool {
      guard rest.first == UInt8(truncatingIfNeeded: character.value) else { return false }
      rest.removeFirst()
      return true
    }

    mutating func number(_ digits: ClosedRange<Int>) -> Int? {
      let taken = rest.prefix(digits.upperBound).prefix { $0.isDecimalDigit }
      guard taken.count >= digits.lowerBound else { return nil }
      rest = rest.dropFirst(taken.count)
      return taken.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    mutating func skipSpaces() -> Bool {
      let count = rest.prefix { $0 == 0x20 || $0 == 0x09 }.count
      rest = rest.dropFirst(count)
      return count > 0
    }

    mutating func clock() -> Pattern.Clock? {
      guard take("T") || take("t") || skipSpaces() else { return nil }
      guard let hour = number(1...2), take(":"), let minute = number(2...2), take(":"),
        let second = number(2...2)
      else { return nil }
      let fraction: ArraySlice<UInt8> = take(".") ? rest.prefix { $0.isDecimalDigit } : []
      rest = rest.dropFirst(fraction.count)
      if rest.isEmpty { return clock(hour, minute, second, fraction, nil) }
      _ = skipSpaces()
      guard let offset = offset(), rest.isEmpty else { return nil }
      return clock(hour, minute, second, fraction, offset)
    }

    private func clock(
      _ hour: Int, _ minute: Int, _ second: Int, _ fraction: ArraySlice<UInt8>, _ offset: Int?
    ) -> Pattern.Clock {
      Pattern.Clock(hour: hour, minute: minute, second: second, fraction: Array(fraction), offset: offset)
    }

    private mutating func offset() -> Int? {
      if take("Z") { return 0 }
      let isWest = take("-")
      guard isWest || take("+"), let hours = number(1...2) else { return nil }
      guard take(":") else { return isWest ? -hours * 60 : hours * 60 }
      guard let minutes = number(2...2) else { return nil }
      return (isWest ? -1 : 1) * (hours * 60 + minutes)
    }
  }
}
