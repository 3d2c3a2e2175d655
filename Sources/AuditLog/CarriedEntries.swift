public import StrictJSON

/// Lines that something else makes durable, until the log has done so itself: what they say, without their place in
/// the chain.
public struct CarriedEntries: Sendable, Equatable {
  /// The number of the first one; the others follow without a gap.
  public let first: UInt64
  /// In milliseconds since 1970.
  public let time: Int64
  /// An object each.
  public let lines: [JSONValue]

  public init(first: UInt64, time: Int64, lines: [JSONValue]) {
    self.first = first
    self.time = time
    self.lines = lines
  }

  /// Those of the lines that a log does not have, in their order.
  static func missing(_ all: [CarriedEntries], after head: AuditHead) -> [(time: Int64, members: JSONObject)]
  {
    let numbered = all.flatMap { lines in
      lines.lines.enumerated().map { (lines.first + UInt64($0.offset), lines.time, $0.element) }
    }
    return numbered.filter { $0.0 > head.sequence }.sorted { $0.0 < $1.0 }.compactMap { _, time, line in
      if case .object(let object) = line { (time, object) } else { nil }
    }
  }
}
