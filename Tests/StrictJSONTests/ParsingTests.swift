import StrictJSON
import Testing

/// Which texts are JSON here and which are not.
struct ParsingTests {
  struct Accepted: CustomTestStringConvertible, Sendable {
    let text: String
    let value: JSONValue
    var testDescription: String { text }

    init(_ text: String, _ value: JSONValue) {
      self.text = text
      self.value = value
    }
  }

  static let accepted = [
    Accepted("null", nil), Accepted(" \t\r\n true \n", true), Accepted("false", false), Accepted("0", 0),
    Accepted("-1", -1), Accepted("9223372036854775807", .integer(.max)),
    Accepted("-9223372036854775808", .integer(.min)), Accepted("9223372036854775808", .number(0x1p63)),
    Accepted("1.0", .number(1)), Accepted("1e0", .number(1)), Accepted("1E+2", .number(100)),
    Accepted("25e-2", .number(0.25)), Accepted("-0", .number(-0.0)), Accepted("-0.0", .number(-0.0)),
    Accepted("1e-400", .number(0)), Accepted("\"\"", ""),
    Accepted(#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
    Accepted(#""\u00e9\u0000""#, "é\u{0}"), Accepted(#""\uD83D\uDE00""#, "😀"),
    Accepted(#""\ud83d\ude00""#, "😀"),
    Accepted("\"\u{7F}\u{FEFF}\u{2028}\"", "\u{7F}\u{FEFF}\u{2028}"), Accepted(#""\uFFFF""#, "\u{FFFF}"),
    Accepted("[]", []), Accepted("[ ]", []), Accepted("[1,[2],{}]", [1, [2], [:]]), Accepted("{}", [:]),
    Accepted(#"{"a":1,"b":{"a":null}}"#, ["a": 1, "b": ["a": nil]]), Accepted(#"{"":0}"#, ["": 0]),
    Accepted("{\"e\u{301}\":1,\"\u{e9}\":2}", ["e\u{301}": 1, "\u{e9}": 2]),
  ]

  @Test(arguments: accepted) func accepts(_ sample: Accepted) throws {
    #expect(try JSONValue(parsing: Array(sample.text.utf8)) == sample.value)
    #expect(try JSONValue(parsing: Array(sample.text.utf8), dialect: .json5) == sample.value)
  }

  /// No JSON in either dialect.
  static let rejected = [
    "", " ", "nul", "nulll", "True", "undefined", "NaN", "Infinity", "-Infinity", "+1", "01", "-01", "1.",
    ".5", "1.e1",
    "1e", "1e+", "0x10", "--1", "-", "1 2", "[1", "[", "[,]", "[,1]", "[1,,2]", "[1 2]", "[1}", "{",
    "{\"a\"}",
    "{\"a\":}", "{\"a\" 1}", "{\"a\":1 \"b\":2}", "{,}", "{\"a\":1,,}", "{1:2}", "{\"a\":1}}", "\"", "\"abc",
    "\"\\",
    "\"\\x41\"", "\"\\u12\"", "\"\\u12G4\"", "\"\\uD800\"", "\"\\uDC00\"", "\"\\uD800\\uD800\"",
    "\"\\uD800x\"",
    "\"\\uD800\\n\"", "\"\\uDE00\\uD83D\"", "\"a\nb\"", "\"a\tb\"", "\"\u{0}\"", "\u{FEFF}{}", "\u{FEFF}",
    "1e400",
    "-1e400", "\u{A0}1", "1\u{0}", "#", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}",
    "{\"x\":{\"k\":1,\"k\":1}}", "/ 1", "/* 1", "1 /",
  ]

  @Test(arguments: rejected) func rejects(_ text: String) {
    #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: Array(text.utf8)) }
    #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: Array(text.utf8), dialect: .json5) }
  }

  /// What people write in configuration files, and nobody sends over the wire.
  static let json5Only = [
    Accepted("[1,]", [1]), Accepted("[1, // one\n 2 /* two */ ,\n]", [1, 2]),
    Accepted("{\"a\":1,}", ["a": 1]),
    Accepted("{a: 1, $b_2: 'it''s'}".replacing("''", with: "\\'"), ["a": 1, "$b_2": "it's"]),
    Accepted("// only\n1", 1), Accepted("1 // no line end", 1), Accepted("/**/1/***/", 1),
    Accepted("'\"'", "\""), Accepted("{'a b': [],}", ["a b": []]),
    Accepted("{true: 1, null: 2}", ["true": 1, "null": 2]),
  ]

  @Test(arguments: json5Only) func json5(_ sample: Accepted) throws {
    #expect(try JSONValue(parsing: Array(sample.text.utf8), dialect: .json5) == sample.value)
    #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: Array(sample.text.utf8)) }
  }

  @Test(
    "a key twice is refused however it is written",
    arguments: [
      "{a: 1, 'a': 2}", "{a: 1, \"\\u0061\": 2}", "{'\\'': 1, \"'\": 2}",
    ])
  func keyTwiceInJSON5(_ text: String) {
    #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: Array(text.utf8), dialect: .json5) }
  }

  @Test("a key twice is refused in objects of every size", arguments: [1, 2, 15, 16, 17, 40])
  func keyTwice(_ count: Int) throws {
    let keys = (0..<count).map { "k\($0)" }
    func text(_ keys: [String]) -> [UInt8] {
      Array("{\(keys.map { "\"\($0)\":1" }.joined(separator: ","))}".utf8)
    }
    #expect(try JSONValue(parsing: text(keys)).objectValue?.keys == keys)
    // Swift takes these two for the same.
    let alike = try JSONValue(parsing: text(keys + ["\u{E9}", "e\u{301}"]))
    #expect(alike.objectValue?.members.count == count + 2)
    for key in keys {
      #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: text(keys + [key])) }
      let object = JSONObject(keys.map { ($0, 1) } + [(key, 2), ("last", 3)])
      #expect(object.keys == keys + ["last"])
      #expect(object[key] == 2)
    }
  }

  @Test(
    "bytes that are no UTF-8",
    arguments: [
      [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
      [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22],
      [0x22, 0xC3, 0x22], [0xFF, 0xFE, 0x31, 0x00], [0x00, 0x31], [0x7B, 0x22, 0xC3, 0x22, 0x3A, 0x31, 0x7D],
    ] as [[UInt8]])
  func encoding(_ bytes: [UInt8]) {
    #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: bytes) }
  }

  @Test func depth() throws {
    func nested(_ levels: Int, _ open: String, _ close: String) -> [UInt8] {
      Array((String(repeating: open, count: levels) + "1" + String(repeating: close, count: levels)).utf8)
    }
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
      let levels = open.hasPrefix("[{") ? 8 : 16
      #expect(throws: Never.self) { try JSONValue(parsing: nested(levels, open, close)) }
      #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: nested(levels + 1, open, close)) }
    }
    #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: nested(1_000_000, "[", "]")) }
    #expect(throws: Never.self) { try JSONValue(parsing: nested(3, "[", "]"), maximumDepth: 3) }
    #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: nested(4, "[", "]"), maximumDepth: 3) }
  }

  @Test("errors name the place")
  func places() throws {
    func error(_ text: String) -> JSONSyntaxError? {
      #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: Array(text.utf8)) }
    }
    #expect(error("{\n  \"a\": tru\n}")?.line == 2)
    #expect(error("{\n  \"a\": tru\n}")?.column == 8)
    let twice = try #require(error("{\"a\":1,\n\"a\":2}"))
    #expect((twice.line, twice.column, twice.offset) == (2, 1, 8))
    #expect(twice.description.contains("\"a\" is there twice"))
  }

  @Test("any prefix and any changed byte of a document is read or refused, never a trap")
  func mutations() {
    let text = Array(#"{"a":[1,-2.5e3,"x\u00e9\ud83d\ude00",{"b":null,"c":[true,false]}],"d":"\\\"/"} "#.utf8)
    for end in text.indices { _ = try? JSONValue(parsing: text[..<end]) }
    for index in text.indices {
      for byte: UInt8 in [0, 0x22, 0x2C, 0x2F, 0x5B, 0x5C, 0x75, 0x7B, 0x7D, 0x80, 0xFF] {
        var changed = text
        changed[index] = byte
        _ = try? JSONValue(parsing: changed)
        _ = try? JSONValue(parsing: changed, dialect: .json5)
      }
    }
    #expect(throws: Never.self) { try JSONValue(parsing: text) }
  }
}
