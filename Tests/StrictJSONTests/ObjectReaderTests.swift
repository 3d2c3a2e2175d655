import StrictJSON
import Testing

struct ObjectReaderTests {
  enum Colour: String, CaseIterable { case red, green }

  private func error(
    _ value: JSONValue, _ read: (inout ObjectReader) throws(JSONShapeError) -> Void
  ) -> String? {
    do throws(JSONShapeError) {
      var reader = try ObjectReader(value, path: "root")
      try read(&reader)
      try reader.finish()
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test func values() throws {
    var reader = try ObjectReader([
      "s": "text", "i": 5, "b": true, "c": "green", "l": ["x", "y"], "o": ["in": 1], "n": nil,
    ])
    #expect(try reader.string("s") == "text")
    #expect(try reader.integer("i", in: 5...5) == 5)
    #expect(try reader.optionalBool("b") == true)
    #expect(try reader.optionalChoice("c", Colour.self) == .green)
    #expect(try reader.optionalStrings("l") == ["x", "y"])
    var inner = try #require(try reader.optionalObject("o"))
    #expect(inner.path == "o")
    #expect(inner.allMembers().map(\.path) == ["o.in"])
    try inner.finish()
    // Null is as good as missing.
    #expect(try reader.optionalString("n") == nil)
    #expect(try reader.optionalInteger("missing", in: 0...1) == nil)
    try reader.finish()
  }

  @Test("errors name the place and the reason")
  func errors() {
    #expect(error([1]) { _ in } == "root: expected an object, found an array")
    #expect(error([:]) { r throws(JSONShapeError) in _ = try r.string("s") } == "root.s: is missing")
    #expect(
      error(["s": 1]) { r throws(JSONShapeError) in _ = try r.string("s") }
        == "root.s: expected a string, found an integer")
    #expect(
      error(["i": .number(1)]) { r throws(JSONShapeError) in _ = try r.integer("i", in: 0...9) }
        == "root.i: expected an integer, found a number")
    #expect(
      error(["i": 10]) { r throws(JSONShapeError) in _ = try r.integer("i", in: 0...9) }
        == "root.i: 10 is not between 0 and 9")
    #expect(
      error(["b": 0]) { r throws(JSONShapeError) in _ = try r.optionalBool("b") }
        == "root.b: expected true or false, found an integer")
    #expect(
      error(["c": "blue"]) { r throws(JSONShapeError) in _ = try r.optionalChoice("c", Colour.self) }
        == "root.c: \"blue\" is none of \"red\", \"green\"")
    #expect(
      error(["l": ["x", 1]]) { r throws(JSONShapeError) in _ = try r.optionalStrings("l") }
        == "root.l[1]: expected a string, found an integer")
    #expect(
      error(["o": []]) { r throws(JSONShapeError) in _ = try r.optionalObject("o") }
        == "root.o: expected an object, found an array")
  }

  @Test("an unknown key names the nearest one that was asked for")
  func unknownKeys() {
    func read(_ reader: inout ObjectReader) throws(JSONShapeError) {
      _ = try reader.optionalString("stateDirectory")
      _ = try reader.optionalString("url")
    }
    #expect(
      error(["stateDirectroy": "x"], read)
        == "root.stateDirectroy: unknown key; did you mean \"stateDirectory\"?")
    #expect(error(["URL": "x"], read) == "root.URL: unknown key; did you mean \"url\"?")
    #expect(error(["colour": "x"], read) == "root.colour: unknown key")
    // Null is a value that somebody wrote: the key is unknown all the same.
    #expect(error(["urk": nil], read) == "root.urk: unknown key; did you mean \"url\"?")
  }

  @Test func nearestWords() {
    #expect(nearest(to: "asign", among: ["register", "assign", "unassign"]) == "assign")
    #expect(nearest(to: "--rpeo", among: ["--repo", "--state"]) == "--repo")
    #expect(nearest(to: "x", among: ["register"]) == nil)
    #expect(nearest(to: "x", among: []) == nil)
    #expect(nearest(to: String(repeating: "x", count: 100_000), among: ["register"]) == nil)
  }
}
