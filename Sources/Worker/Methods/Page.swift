internal import Registry
internal import StrictJSON
internal import WireProtocol

/// A part of a long answer. Source: proto-spec/protocol.md, "Pages".
struct Page {
  /// What the rows of one answer may take in a reply, so that signatures and the rest find room as well.
  static let bytes = 4 * 1024 * 1024

  private var limit = 10_000
  /// Stands for the question.
  private var question = ""
  /// How many rows went before this part, and which: the last of them first.
  private var after: (count: Int, rows: [String])?
  /// So many of them are remembered, for the case that some are gone when the next part is asked for.
  private static let remembered = 8

  /// Of an answer that has no parts.
  init() {}

  /// - Parameters:
  ///   - params: all parameters of the request.
  ///   - reader: reads them.
  init(of method: ReadMethod, _ params: JSONValue, _ reader: inout ObjectReader) throws(JSONShapeError) {
    limit = Int(try reader.optionalInteger("limit", in: 1...100_000) ?? 10_000)
    question = Self.digest(of: method, params)
    guard let text = try reader.optionalString("after") else { return }
    let parts = text.split(separator: ":", maxSplits: 2)
    guard parts.count == 3, parts[0] == question, let count = Int(parts[1]), count > 0 else {
      throw reader.error("after", "expected what the answer before gave as next, to the same question")
    }
    after = (count, parts[2].split(separator: Self.separator).prefix(Self.remembered).map(String.init))
  }

  /// A short name of what is asked: FNV-1a of the parameters that decide which rows there are, in the order of their keys.
  private static func digest(of method: ReadMethod, _ params: JSONValue) -> String {
    let members = (params.objectValue ?? JSONObject()).members.filter { key, value in
      value != .null && !["limit", "after", "fresh", "signed"].contains(key)
    }
    let question = JSONValue.object(
      JSONObject(members.sorted { BytewiseString($0.key) < BytewiseString($1.key) }))
    let hash = (Array(method.rawValue.utf8) + question.serialized()).reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01b3
    }
    return String(hash, radix: 36)
  }

  /// No row's name has it.
  private static let separator: Character = "\n"

  /// Where this part begins. What came or went meanwhile does not move it: it is the row after the last one of the parts
  /// before that is still there. Where none of those is that are remembered, it is the place that the last one had, or the
  /// beginning where they were all there were.
  func start(in rows: [some PageRow]) -> Int {
    guard let after else { return 0 }
    for (offset, id) in after.rows.enumerated() {
      func isIt(_ row: some PageRow) -> Bool { row.pageID.hasSameBytes(as: id) }
      let place = after.count - 1 - offset
      if rows.indices.contains(place), isIt(rows[place]) { return place + 1 }
      if let place = rows.firstIndex(where: isIt) { return place + 1 }
    }
    return after.count <= after.rows.count ? 0 : min(after.count, rows.count)
  }

  /// The answer: as many rows as were asked for and fit, at least one where there is one.
  ///
  /// - Parameters:
  ///   - key: under which the rows stand.
  ///   - value: the JSON of some rows, by their places: an array, or an object with a member for each.
  func answer(
    _ rows: [some PageRow], as key: String = "value", value: (Range<Int>) -> JSONValue
  ) -> JSONObject {
    let start = start(in: rows)
    let value = value(start..<min(start + limit, rows.count)).firstRows(within: Self.bytes)
    let end = start + value.rowCount
    var answer = JSONObject([(key, value)])
    if end < rows.count { answer["next"] = .string(next(rows[..<end])) }
    return answer
  }

  private func next(_ rows: ArraySlice<some PageRow>) -> String {
    "\(question):\(rows.endIndex):"
      + rows.suffix(Self.remembered).reversed().map(\.pageID).joined(separator: String(Self.separator))
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
