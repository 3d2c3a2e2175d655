import StrictJSON

@testable import Worker

extension FuzzTarget {
  /// A page begins within the rows, and the pages after it give all rows that follow, each once and in order.
  static func checkPage(_ params: JSONValue) throws {
    guard case .object(let object) = params else { return }
    guard let page = page(.object(object)) else { return }
    let rows = ["churn", "2:churn", "a:b", "churn v1.0.0", "x"].map(NamedRow.init)
    let start = page.start(in: rows)
    try check((0...rows.count).contains(start), "it starts at \(start) of \(rows.count)")
    try check(page.start(in: [NamedRow]()) == 0, "it starts behind the end of no rows")
    try check(try rest(page, rows, params) == rows[start...].map(\.pageID), "the pages leave something out")
  }

  private static func page(_ params: JSONValue) -> Page? {
    let members = (params.objectValue?.members ?? []).filter { ["limit", "after"].contains($0.key) }
    guard var reader = try? ObjectReader(.object(JSONObject(members)), path: "params") else { return nil }
    return try? Page(of: .show, params, &reader)
  }

  /// The rows of a page and of those that follow it, with one row at a time.
  private static func rest(_ page: Page, _ rows: [NamedRow], _ params: JSONValue) throws -> [String] {
    var (page, found) = (page, [String]())
    while found.count <= rows.count {
      let answer = page.answer(rows) { .array(rows[$0].map { .string($0.pageID) }) }
      found += (answer["value"]?.arrayValue ?? []).compactMap(\.stringValue)
      guard let next = answer["next"] else { break }
      var following = params.objectValue ?? JSONObject()
      (following["limit"], following["after"]) = (1, next)
      guard let next = Self.page(.object(following)) else {
        throw BrokenProperty(description: "a page is refused")
      }
      page = next
    }
    return found
  }
}

private struct NamedRow: PageRow {
  let pageID: String
}
