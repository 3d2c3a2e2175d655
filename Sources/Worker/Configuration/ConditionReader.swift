internal import StrictJSON
internal import WireProtocol

extension Condition {
  init(index: Int, reading value: JSONValue, at path: String) throws(JSONShapeError) {
    var reader = try ObjectReader(value, path: path)
    try reader.only(
      "repositories", "artifacts", "stages", "from", "branches", "types", "signed", "freeze", "approvals")
    self.index = index
    repositories = try reader.nonEmptyStrings("repositories").map(Pattern.init)
    artifacts = try reader.patterns("artifacts")
    stages = try reader.nonEmptyStrings("stages").map(Pattern.init)
    from = try reader.patterns("from")
    branches = try reader.patterns("branches")
    types = try reader.patterns("types")
    signed = try reader.optionalBool("signed") ?? false
    freeze = try reader.nonEmptyElements("freeze", FreezeWindow.init)
    approvals = try ApprovalRule(condition: index, reading: try reader.optionalObject("approvals"))
    try reader.finish()
    if members.isEmpty {
      let names = Member.allCases.map(\.rawValue).joined(separator: ", ")
      throw JSONShapeError(path: path, message: "it demands nothing: give at least one of \(names)")
    }
  }
}

extension FreezeWindow {
  init(reading value: JSONValue, at path: String) throws(JSONShapeError) {
    var reader = try ObjectReader(value, path: path)
    try reader.only("days", "from", "until", "utcOffset", "reason")
    reason = try reader.optionalString("reason")
    if let days = try reader.optionalStrings("days") {
      span = .weekly(try WeeklyWindow(days: days, reading: &reader))
    } else {
      let from = try reader.time("from")
      let until = try reader.time("until")
      if until <= from { throw reader.error("until", "is not later than from") }
      if reader.value("utcOffset") != nil {
        throw reader.error("utcOffset", "goes with days only: from and until say theirs themselves")
      }
      span = .once(from: from, until: until)
    }
    try reader.finish()
    if let reason, reason.isEmpty || reason.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
      throw reader.error("reason", "must not be empty or hold control characters")
    }
  }
}

extension WeeklyWindow {
  fileprivate init(days names: [String], reading reader: inout ObjectReader) throws(JSONShapeError) {
    var days: Set<Int> = []
    for name in names {
      guard let day = Self.dayNames.firstIndex(of: name) else {
        let hint = nearest(to: name, among: Self.dayNames).map { "; did you mean \"\($0)\"?" } ?? ""
        throw reader.error(
          "days",
          "\"\(name.escapedForMessage)\" is none of \(Self.dayNames.joined(separator: ", "))\(hint)")
      }
      days.insert(day)
    }
    if days.isEmpty { throw reader.error("days", "names no day") }
    self.days = days
    from = try reader.minutes("from", 0...1439) ?? 0
    until = try reader.minutes("until", 1...1440) ?? 1440
    offset = try reader.utcOffset() ?? 0
    if from == until {
      throw reader.error("until", "is the same as from: a whole day is from \"00:00\" until \"24:00\"")
    }
  }
}

extension ObjectReader {
  /// Patterns; at least one where the member is there.
  fileprivate mutating func patterns(_ key: String) throws(JSONShapeError) -> [Pattern]? {
    guard let strings = try optionalStrings(key) else { return nil }
    if strings.isEmpty { throw error(key, "is empty, so that nothing could fulfil it: name at least one") }
    return strings.map(Pattern.init)
  }

  fileprivate mutating func nonEmptyElements<Element>(
    _ key: String, _ read: (JSONValue, String) throws(JSONShapeError) -> Element
  ) throws(JSONShapeError) -> [Element]? {
    guard let elements = try optionalElements(key) else { return nil }
    if elements.isEmpty { throw error(key, "is empty: name at least one") }
    var result: [Element] = []
    for element in elements { result.append(try read(element.value, element.path)) }
    return result
  }

  /// An RFC 3339 time with seconds and a zone, in seconds since 1970.
  fileprivate mutating func time(_ key: String) throws(JSONShapeError) -> Int64 {
    let text = try string(key)
    guard let time = seconds(rfc3339: text) else {
      throw error(
        key, "expected a time such as \"2026-12-24T00:00:00+01:00\", found \"\(text.escapedForMessage)\"")
    }
    return time
  }

  /// `HH:MM` in minutes.
  fileprivate mutating func minutes(
    _ key: String, _ range: ClosedRange<Int>
  ) throws(JSONShapeError) -> Int? {
    guard let text = try optionalString(key) else { return nil }
    guard let minutes = clockMinutes(Array(text.utf8)), range.contains(minutes) else {
      let bounds = range.upperBound == 1440 ? "\"00:01\" to \"24:00\"" : "\"00:00\" to \"23:59\""
      throw error(key, "expected hours and minutes, \(bounds), found \"\(text.escapedForMessage)\"")
    }
    return minutes
  }

  /// `+HH:MM`, `-HH:MM` or `Z` in minutes.
  fileprivate mutating func utcOffset() throws(JSONShapeError) -> Int? {
    guard let text = try optionalString("utcOffset") else { return nil }
    guard let offset = offsetMinutes(text) else {
      throw error(
        "utcOffset", "expected an offset such as \"+02:00\" or \"Z\", found \"\(text.escapedForMessage)\"")
    }
    return offset
  }
}

/// `HH:MM`, at most 24:00.
private func clockMinutes(_ bytes: [UInt8]) -> Int? {
  guard bytes.count == 5, bytes[2] == UInt8(ascii: ":"),
    let hour = Int(decimal: bytes[0..<2]), let minute = Int(decimal: bytes[3..<5]), minute < 60,
    hour * 60 + minute <= 1440
  else { return nil }
  return hour * 60 + minute
}

/// `Z` or `+HH:MM`, at most 14 hours from UTC: no place is further.
private func offsetMinutes(_ text: String) -> Int? {
  if text == "Z" { return 0 }
  let bytes = Array(text.utf8)
  guard bytes.count == 6, bytes[0] == UInt8(ascii: "+") || bytes[0] == UInt8(ascii: "-"),
    let offset = clockMinutes(Array(bytes[1...])), offset <= 14 * 60
  else { return nil }
  return bytes[0] == UInt8(ascii: "-") ? -offset : offset
}

/// The days of RFC 3339 that there are: `2026-12-24T00:00:00+01:00`, with `Z` for UTC.
private func seconds(rfc3339 text: String) -> Int64? {
  guard text.utf8.count >= 20 else { return nil }
  let bytes = Array(text.utf8)
  guard let local = milliseconds(timestamp: String(decoding: bytes[0..<19], as: UTF8.self) + "Z"),
    let offset = offsetMinutes(String(decoding: bytes[19...], as: UTF8.self))
  else { return nil }
  return local / 1000 - Int64(offset) * 60
}

extension Int {
  /// Nil where a byte is no digit.
  fileprivate init?(decimal bytes: ArraySlice<UInt8>) {
    guard bytes.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    self.init(String(decoding: bytes, as: UTF8.self))
  }
}
