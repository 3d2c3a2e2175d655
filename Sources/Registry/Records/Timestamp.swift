/// A moment and the zone in which it was written down, as Git keeps them.
public struct Timestamp: Hashable, Sendable {
  /// Seconds since 1970-01-01 00:00 UTC.
  public let seconds: Int64
  /// Minutes east of UTC; less than a day either way where it is sane.
  public let zoneMinutes: Int

  public init(seconds: Int64, zoneMinutes: Int = 0) {
    self.seconds = seconds
    self.zoneMinutes = zoneMinutes
  }

  /// The last second that GTO (Python) can show: 9999-12-31 23:59:59 UTC.
  public static let latestSeconds: Int64 = 253_402_300_799

  /// Whether every GTO reader can show this moment: years 1 to 9999, a zone of less than a day.
  public var isSane: Bool {
    zoneMinutes.magnitude < 24 * 60 && (0...Self.latestSeconds - 86_400).contains(seconds)
  }

  /// `2026-11-23T21:35:55+00:00`, the form of GTO's JSON (Python's `isoformat`).
  public var isoFormat: String { formatted(separator: "T") }

  /// `2026-11-23 21:35:55+00:00`, the form of GTO's tables.
  public var tableFormat: String { formatted(separator: " ") }

  /// A zone of a day or more is shown as UTC, a moment outside the years 0 to 9999 as the nearest one
  /// inside, so that a hostile tag can't break a reader.
  private func formatted(separator: Unicode.Scalar) -> String {
    let zone = zoneMinutes.magnitude < 24 * 60 ? zoneMinutes : 0
    let clamped = min(max(seconds, -62_167_219_200 + 86_400), Self.latestSeconds - 86_400)
    let local = clamped + Int64(zone) * 60
    let day = local.flooredQuotient(86_400)
    let second = local - day * 86_400
    let date = CivilDate(daysSince1970: day)
    var text: [UInt8] = []
    text.reserveCapacity(25)
    text.append(date.year, digits: 4, then: "-")
    text.append(date.month, digits: 2, then: "-")
    text.append(date.day, digits: 2, then: separator)
    text.append(second / 3600, digits: 2, then: ":")
    text.append(second / 60 % 60, digits: 2, then: ":")
    text.append(second % 60, digits: 2, then: zone < 0 ? "-" : "+")
    text.append(Int64(abs(zone) / 60), digits: 2, then: ":")
    text.append(Int64(abs(zone) % 60), digits: 2, then: nil)
    return String(decoding: text, as: UTF8.self)
  }
}

extension [UInt8] {
  /// Appends a number with leading zeros and the character that follows it.
  fileprivate mutating func append(_ value: Int64, digits: Int, then separator: Unicode.Scalar?) {
    var divisor: Int64 = digits == 4 ? 1000 : 10
    while divisor > 0 {
      append(UInt8(ascii: "0") + UInt8(value / divisor % 10))
      divisor /= 10
    }
    if let separator { append(UInt8(ascii: separator)) }
  }
}
