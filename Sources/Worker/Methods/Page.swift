internal import Registry
internal import StrictJSON
internal import WireProtocol

/// A part of a long answer. Source: proto-spec/protocol.md, "Pages".
struct Page {
  /// What the rows of one answer may take in a reply, so that signatures and the rest find room as well.
  static let bytes = 4 * 1024 * 1024

  private var limit = 10_000
  /// The row before this part: how many rows went before, and which it was.
  private var after: (count: Int, row: String)?

  init() {}

  init(_ reader: inout ObjectReader) throws(JSONShapeError) {
    limit = Int(try reader.optionalInteger("limit", in: 1...100_000) ?? 10_000)
    guard let text = try reader.optionalString("after") else { return }
    let parts = text.split(separator: ":", maxSplits: 1)
    guard parts.count == 2, let count = Int(parts[0]), count > 0 else {
      throw reader.error("after", "expected what the answer before gave as next")
    }
    after = (count, String(parts[1]))
  }

  /// Where this part begins. What came or went meanwhile does not move it: it is the row after the last one of
  /// the part before, or where that row is gone, the place it had.
  func start(in rows: [some PageRow]) -> Int {
    guard let after else { return 0 }
    func isLast(_ row: some PageRow) -> Bool { row.pageID.utf8.elementsEqual(after.row.utf8) }
    if after.count <= rows.count, isLast(rows[after.count - 1]) { return after.count }
    return rows.firstIndex(where: isLast).map { $0 + 1 } ?? min(after.count, rows.count)
  }

  /// The answer: as many rows as were asked for and fit, at least one where there is one.
  ///
  /// - Parameter value: the JSON of some rows, by their places: an array, or an object with a member for each.
  func answer(_ rows: [some PageRow], value: (Range<Int>) -> JSONValue) -> JSONObject {
    let start = start(in: rows)
    let value = value(start..<min(start + limit, rows.count)).firstRows(within: Self.bytes)
    let end = start + value.rowCount
    var answer = JSONObject([("value", value)])
    if end < rows.count { answer["next"] = .string("\(end):\(rows[end - 1].pageID)") }
    return answer
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
