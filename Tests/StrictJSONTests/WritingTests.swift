import StrictJSON
import Testing

struct WritingTests {
  @Test func compact() {
    let value: JSONValue = ["b": [1, nil, true, "é\u{1F600}"], "a": [:], "c": .number(1)]
    #expect(value.text() == #"{"b":[1,null,true,"é😀"],"a":{},"c":1.0}"#)
  }

  @Test func indented() {
    let value: JSONValue = ["a": [1, 2], "b": [:], "c": []]
    #expect(
      value.text(indentation: 2) == """
        {
          "a": [
            1,
            2
          ],
          "b": {},
          "c": []
        }
        """)
  }

  @Test(
    "the size is told without writing",
    arguments: [
      nil, true, false, 0, -12, .number(1), .number(0.1), .number(1e300), "", "é\u{1F600}\u{2028}",
      "\"\\/\n\r\t\u{0}\u{8}\u{C}\u{1B}\u{7F}\u{80}", [], [[]], [1, [2, 3]], [:], ["a": [:]],
      ["a\n": [1, nil], "": "b"],
    ] as [JSONValue])
  func size(value: JSONValue) { #expect(value.serializedCount == value.serialized().count) }

  @Test("control characters are escaped as Python's json does, so that a line stays a line")
  func escapes() {
    let value = JSONValue.string("\"\\/\n\r\t\u{0}\u{8}\u{C}\u{1B}\u{7F}")
    #expect(value.text() == #""\"\\/\n\r\t\u0000\b\f\u001b\u007f""#)
  }

  @Test(
    "what is written is read back the same",
    arguments: [
      .null, .bool(false), .integer(.min), .integer(.max), .number(0.1), .number(-0.0), .number(1e300),
      .number(.leastNonzeroMagnitude), .number(1), .string("\u{0}\u{2028}\u{10FFFF}\"\\"),
      .array([[], [[]]]),
      .object(JSONObject([("", 1), ("é", 2), ("e\u{301}", 3)])),
    ] as [JSONValue])
  func roundTrip(_ value: JSONValue) throws {
    #expect(try JSONValue(parsing: value.serialized()) == value)
    #expect(try JSONValue(parsing: value.serialized(indentation: 3)) == value)
  }

  @Test func objects() {
    var object = JSONObject([("a", 1), ("b", 2), ("a", 3)])
    #expect(object.keys == ["a", "b"])
    #expect(object["a"] == 3)
    object["b"] = nil
    object["c"] = 4
    #expect(object.keys == ["a", "c"])
    // The order of members does not matter, their number and their bytes do.
    #expect(JSONObject([("a", 1), ("b", 2)]) == JSONObject([("b", 2), ("a", 1)]))
    #expect(JSONObject([("a", 1)]) != JSONObject([("a", 1), ("b", 2)]))
    #expect(JSONValue.string("\u{e9}") != JSONValue.string("e\u{301}"))
    #expect(JSONValue.integer(1) != JSONValue.number(1))
  }

  @Test func messages() {
    #expect("a\u{1B}[31m\nb\u{202E}c\u{200D}".escapedForMessage == "a\\u{1b}[31m\\u{a}b\\u{202e}c\\u{200d}")
    #expect(String(repeating: "x", count: 200).escapedForMessage == String(repeating: "x", count: 80) + "…")
  }
}
