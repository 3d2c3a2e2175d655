import StrictJSON
import TestSupport
import Testing

/// Long answers in parts: put together they are the whole, whatever happens in between.
@Suite(.serialized)
struct PagingTests {
  @Test("the parts of any size are the whole", arguments: [1, 2, 3, 7, 100])
  func parts(limit: Int64) throws {
    let remote = try Self.remote()
    let worker = try WorkerFixture(["demo": remote.path])
    for (method, params) in Self.questions {
      let whole = try worker.page(method, params)
      #expect(whole["next"] == nil, "\(whole)")
      let parts = try worker.pages(method, params, limit: limit)
      #expect(parts.allSatisfy { $0.count <= limit && !$0.isEmpty }, "\(method) \(params)")
      #expect(parts.flatMap { $0 } == whole["value"]?.rows, "\(method) \(params)")
    }
    try worker.stop()
  }

  @Test("a row that came or went meanwhile neither doubles nor hides another")
  func changes() throws {
    let remote = try Self.remote()
    let worker = try WorkerFixture(["demo": remote.path])
    let before = try worker.page("history", [:])["value"]?.rows ?? []
    let first = try worker.page("history", ["limit": 2])
    try worker.ask("register", "new", "--version", "v1.0.0")
    let rest = try worker.page("history", ["after": first["next"] ?? .null])
    #expect((first["value"]?.rows ?? []) + (rest["value"]?.rows ?? []) == before)

    let names = try worker.page("show", [:])["value"]?.objectValue?.members.map(\.key) ?? []
    let part = try worker.page("show", ["limit": 2])
    try remote.git("tag", "-d", "\(names[0])@v1.0.0")
    let others = try worker.page("show", ["after": part["next"] ?? .null, "fresh": true])
    #expect(others["value"]?.objectValue?.members.map(\.key) == Array(names[2...]))

    // Where all rows are gone that there were before it, the part begins at the beginning.
    let again = try worker.page("show", ["limit": 1])
    try remote.git("tag", "-d", "\(names[1])@v1.0.0")
    let left = try worker.page("show", ["after": again["next"] ?? .null, "fresh": true])
    #expect(left["value"]?.objectValue?.members.map(\.key) == Array(names[2...]))
    try worker.stop()
  }

  @Test(
    "where the last row of a part is gone, the next one begins after those before it", arguments: [1, 2, 3])
  func lastRowGone(gone: Int) throws {
    let remote = try Self.remote()
    let worker = try WorkerFixture(["demo": remote.path])
    for params: JSONValue in [[:], ["ascending": true]] {
      let before = (try worker.page("history", params)["value"]?.rows ?? []).compactMap {
        $0["ref"]?.stringValue
      }
      var asked = params.objectValue ?? JSONObject()
      asked["limit"] = 4
      let first = try worker.page("history", .object(asked))
      for ref in before[(4 - gone)..<4] { try remote.git("tag", "-d", ref) }
      // And new ones before them.
      try remote.tag("new\(params == [:] ? 1 : 2)@v1.0.0", time: 1_700_009_000)
      asked["limit"] = nil
      asked["after"] = first["next"]
      asked["fresh"] = true
      let rest = (try worker.page("history", .object(asked))["value"]?.rows ?? []).compactMap {
        $0["ref"]?.stringValue
      }
      let expected = before[4...] + (params == [:] ? [] : ["new2@v1.0.0"])
      #expect(rest == Array(expected), "\(params)")
    }
    try worker.stop()
  }

  @Test("an answer larger than a reply comes in parts by itself")
  func beyondOneReply() throws {
    let remote = try GitFixture()
    let message = String(repeating: "why \u{1} \"so\" ", count: 1000)
    let count = 950
    let stream = (1...count).map { number in
      "tag model@v0.0.\(number)\nfrom refs/heads/main^0\n"
        + "tagger Tag Maker <tagger@example.com> \(1_700_000_000 + number) +0000\n"
        + "data \(message.utf8.count)\n\(message)\n"
    }
    try remote.git("fast-import", "--quiet", input: stream.joined())
    try remote.git("pack-refs", "--all")
    let worker = try WorkerFixture(["demo": remote.path])
    #expect(try worker.page("show", ["name": "model"])["next"] != nil)
    let rows = try worker.ask("show", "model", "--json").rows
    #expect(rows.reduce(0) { $0 + $1.serializedCount } > 16_777_216)
    #expect(rows.compactMap { $0["version"]?.stringValue } == (1...count).reversed().map { "v0.0.\($0)" })
    try worker.stop()
  }

  /// Four artifacts; five versions of one of them, of which one is registered at two commits.
  private static func remote() throws -> GitFixture {
    let remote = try GitFixture()
    for (index, name) in ["d", "a", "c", "b"].enumerated() {
      try remote.tag("\(name)@v1.0.0", time: 1_700_000_100 + index)
    }
    let commits = try (1...5).map { try remote.commit(files: ["n": "\($0)"], time: 1_700_001_000 + $0) }
    for (index, version) in ["v1.1.0", "v2.0.0-rc.1", "v2.0.0", "v2.0.0#9"].enumerated() {
      try remote.tag("c@\(version)", at: commits[index], time: 1_700_002_000 + index)
    }
    for (index, commit) in commits.prefix(3).enumerated() {
      try remote.tag("c#prod#\(index + 10)", at: commit, time: 1_700_003_000 + index)
    }
    try remote.tag("c#dev#20", at: commits[4], time: 1_700_004_000)
    return remote
  }

  private static let questions: [(String, JSONValue)] = [
    ("show", [:]), ("show", ["signed": true]), ("show", ["name": "c"]),
    ("show", ["name": "c", "sort": "semver", "versionsPerStage": -1]),
    ("show", ["name": "c", "signed": true]),
    ("history", [:]), ("history", ["ascending": true]), ("history", ["name": "c", "signed": true]),
  ]
}

extension WorkerFixture {
  /// One reply about the repository `demo`.
  fileprivate func page(_ method: String, _ params: JSONValue) throws -> JSONValue {
    let raw = try RawConnection(clientSocket)
    var object = params.objectValue ?? JSONObject()
    object["repository"] = "demo"
    raw.request(1, method, .object(object))
    return try #require(try raw.end()?["result"])
  }

  /// The rows of each part.
  fileprivate func pages(_ method: String, _ params: JSONValue, limit: Int64) throws -> [[JSONValue]] {
    var object = params.objectValue ?? JSONObject()
    object["limit"] = .integer(limit)
    var parts: [[JSONValue]] = []
    repeat {
      let answer = try page(method, .object(object))
      parts.append(answer["value"]?.rows ?? [])
      object["after"] = answer["next"]
    } while object["after"] != nil && parts.count < 100
    return parts
  }
}

extension JSONValue {
  /// The elements of an array, or the members of an object, each as an object of its own.
  fileprivate var rows: [JSONValue] {
    arrayValue ?? objectValue?.members.map { .object(JSONObject([($0.key, $0.value)])) } ?? []
  }
}
