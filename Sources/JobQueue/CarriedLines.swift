public import StrictJSON
public import SystemCalls

/// Lines of the audit log that belong to a record of the journal: the record carries them until the log has them on
/// disk, so that one sync makes both durable. The queue reads none of it.
public struct CarriedLines: Equatable, Sendable {
  /// The number of the first line; the others follow without a gap.
  public let first: UInt64
  /// Of the lines, in milliseconds since 1970.
  public let time: Int64
  /// An object each.
  public let lines: [JSONValue]

  public init(first: UInt64, time: Int64, lines: [JSONValue]) {
    self.first = first
    self.time = time
    self.lines = lines
  }

  /// The number of the last line.
  public var last: UInt64 { first + UInt64(lines.count) - 1 }
}

/// The log whose lines records carry. Its functions are called on the store's executor.
public struct CarriedLog: Sendable {
  /// The last line that it has on disk.
  let durable: @Sendable () -> UInt64
  /// Takes the lines that it was given and has not written: what this returns is called on the journal's queue before
  /// the records that carry them are written, and what that returns on the store's executor afterwards.
  let takeWrite: @Sendable () -> RoundTrip?
  /// Makes the lines about a job that ends because its time is over, which nobody else decides: the job as it was, and
  /// what ends it.
  let expiry: @Sendable (Job, JobEvent) -> CarriedLines?

  public init(
    durable: @escaping @Sendable () -> UInt64,
    takeWrite: @escaping @Sendable () -> RoundTrip?,
    expiry: @escaping @Sendable (Job, JobEvent) -> CarriedLines? = { _, _ in nil }
  ) {
    self.durable = durable
    self.takeWrite = takeWrite
    self.expiry = expiry
  }
}

/// What one record of the journal holds.
struct JournalEntry: Equatable, Sendable {
  let record: JobRecord
  var carried: CarriedLines?
}

extension JournalEntry {
  private static let key = "audit"

  var json: JSONValue {
    guard let carried, case .object(let object) = record.json else { return record.json }
    return .object(JSONObject(distinct: object.members + [(Self.key, carried.json)]))
  }

  init(json: JSONValue) throws(JSONShapeError) {
    var reader = try ObjectReader(json)
    carried = try reader.value(Self.key).map { value throws(JSONShapeError) in
      try CarriedLines(json: value, path: reader.path(of: Self.key))
    }
    record = try JobRecord(reading: &reader)
    try reader.finish()
  }

  /// The entry as the journal holds it; nil when it could not be read back: nested too deep, with numbers
  /// that JSON does not know, or too long.
  func payload() -> [UInt8]? {
    let json = json
    // A compaction writes all of a job as one record: deeper and longer than those that it came from.
    guard json.isReadable(levels: JobRecord.maximumDepth - 8) else { return nil }
    let bytes = json.serialized()
    // What is carried is not among that.
    let limit = JournalFormat.maximumPayload / (carried == nil ? 8 : 2)
    return bytes.count <= limit ? bytes : nil
  }
}

extension CarriedLines {
  fileprivate var json: JSONValue {
    ["line": .integer(Int64(clamping: first)), "time": .integer(time), "lines": .array(lines)]
  }

  fileprivate init(json: JSONValue, path: String) throws(JSONShapeError) {
    var reader = try ObjectReader(json, path: path)
    let elements = try reader.optionalElements("lines") ?? []
    let limit = Int64.max - Int64(elements.count)
    self.init(
      first: UInt64(try reader.integer("line", in: 1...limit)), time: try reader.time("time"),
      lines: elements.map(\.0))
    if elements.isEmpty { throw reader.error("lines", "is empty") }
    try reader.finish()
  }
}

extension JSONValue {
  fileprivate func isReadable(levels: Int) -> Bool {
    switch self {
    case .null, .bool, .integer, .string: true
    case .number(let number): number.isFinite
    case .array(let elements): levels > 0 && elements.allSatisfy { $0.isReadable(levels: levels - 1) }
    case .object(let object):
      levels > 0 && object.members.allSatisfy { $0.value.isReadable(levels: levels - 1) }
    }
  }
}
