internal import Registry
internal import StrictJSON
internal import WireProtocol

/// A part of a long answer. Source: proto-spec/protocol.md, "Pages".
struct Page {
  /// What the rows of one answer may take in a reply, so that signatures and the rest find room as well.
  static let bytes = 4 * 1024 * 1024

  private var limit = 10_000
  /// How many rows went before this part, and which: the last of them first.
  private var after: (count: Int, rows: [String])?
  /// So many of them are remembered, for the case that some are gone when the next part is asked for.
  private static let remembered = 8

  init() {}

  init(_ reader: inout ObjectReader) throws(JSONShapeError) {
    limit = Int(try reader.optionalInteger("limit", in: 1...100_000) ?? 10_000)
    guard let text = try reader.optionalString("after") else { return }
    let parts = text.split(separator: ":", maxSplits: 1)
    guard parts.count == 2, let count = Int(parts[0]), count > 0 else {
      throw reader.error("after", "expected what the answer before gave as next")
    }
    after = (count, parts[1].split(separator: Self.separator).prefix(Self.remembered).map(String.init))
  }

  /// No row's name has it.
  private static let separator: Character = "\n"

  /// Where this part begins. What came or went meanwhile does not move it: it is the row after the last one of the parts
  /// before that is still there. Where none of those is that are remembered, it is the place that the last one had.
  func start(in rows: [some PageRow]) -> Int {
    guard let after else { return 0 }
    for (offset, id) in after.rows.enumerated() {
      func isIt(_ row: some PageRow) -> Bool { row.pageID.hasSameBytes(as: id) }
      let place = after.count - 1 - offset
      if rows.indices.contains(place), isIt(rows[place]) { return place + 1 }
      if let place = rows.firstIndex(where: isIt) { return place + 1 }
    }
    return min(after.count, rows.count)
  }

  /// The answer: as many rows as were asked for and fit, at least one where there is one.
  ///
  /// - Parameter value: the JSON of some rows, by their places: an array, or an object with a member for each.
  func answer(_ rows: [some PageRow], value: (Range<Int>) -> JSONValue) -> JSONObject {
    let start = start(in: rows)
    let value = value(start..<min(start + limit, rows.count)).firstRows(within: Self.bytes)
    let end = start + value.rowCount
    var answer = JSONObject([("value", value)])
    if end < rows.count { answer["next"] = .string(Self.next(rows[..<end])) }
    return answer
  }

  private static func next(_ rows: ArraySlice<some PageRow>) -> String {
    "\(rows.endIndex):"
      + rows.suffix(remembered).reversed().map(\.pageID).joined(separator: String(separator))
  }
}

/// A row by which the next part finds its place again.
protocol PageRow {
  /// Differs from that of every other row of the answer.
  var pageID: String { get }
}

extension RegistryHistory.Entry: PageRow {
  var pageID: String { event.ref }
}

extension RegistrySummary.Row: PageRow {
  var pageID: String { name.text }
}

extension ArtifactSummary.Row: PageRow {
  /// A version's name may be registered at several commits.
  var pageID: String { "\(version.label) \(version.commit)" }
}

extension JSONValue {
  /// How many rows an answer's value has.
  var rowCount: Int { arrayValue?.count ?? objectValue?.members.count ?? 0 }

  fileprivate func firstRows(within bytes: Int) -> JSONValue {
    switch self {
    case .array(let rows): .array(Array(rows.prefix(Self.fitting(rows, bytes))))
    case .object(let object):
      .object(JSONObject(Array(object.members.prefix(Self.fitting(object.members.map(\.value), bytes)))))
    default: self
    }
  }

  /// How many of the rows fit; the first does always.
  private static func fitting(_ rows: [JSONValue], _ bytes: Int) -> Int {
    var left = bytes
    for (index, row) in rows.enumerated() {
      left -= row.serializedCount
      if left < 0 { return max(index, 1) }
    }
    return rows.count
  }
}
