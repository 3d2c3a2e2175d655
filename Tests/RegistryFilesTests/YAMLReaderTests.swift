import StrictJSON
import Testing

@testable import RegistryFiles

@Suite struct YAMLReaderTests {
  @Test func valuesAndPlaces() throws {
    let node = try read("a:\n  - x: &n 1\n    é: [*n, 'two']\n")
    #expect(try node.json(file: "") == ["a": [["x": 1, "é": [1, "two"]]]])
    let inner = try #require(node["a"]?.content.entries?.first)
    #expect(inner.line == 2 && inner.column == 5)
    let list = try #require(inner["é"]?.content.entries)
    #expect(list[0].line == 2, "an alias keeps the place where its value was written")
    #expect(list[1].line == 3 && list[1].column == 13, "columns count characters")
  }

  struct Refusal: Sendable, CustomTestStringConvertible {
    let text: String
    let code: RegistryFileError.Code
    let line: Int
    let column: Int
    var testDescription: String { text.escapedForMessage }

    init(_ text: String, _ code: RegistryFileError.Code, _ line: Int, _ column: Int) {
      (self.text, self.code, self.line, self.column) = (text, code, line, column)
    }
  }

  static let refusals: [Refusal] = [
    // Characters
    Refusal("a: \u{7F}", .encoding, 1, 4), Refusal("a\rb", .encoding, 1, 3), Refusal("a\r", .encoding, 1, 3),
    Refusal("x: 1\na: 'b\u{85}'", .encoding, 2, 6), Refusal("\u{2028}", .encoding, 1, 1),
    Refusal("a: b\u{FEFF}", .encoding, 1, 5), Refusal("a: \0", .encoding, 1, 4),
    // Indentation
    Refusal("a:\n\tb: 1", .syntax, 2, 1), Refusal("a:\tb", .syntax, 1, 3), Refusal("a: b\t\n", .syntax, 1, 5),
    Refusal("-\ta", .syntax, 1, 2), Refusal("a:\n  b: 1\n c: 2", .syntax, 3, 2),
    Refusal("a:\n    b: 1\n  c: 2", .syntax, 3, 3), Refusal("- a\nb: 1", .syntax, 2, 1),
    Refusal("a: 1\n- b", .syntax, 2, 1), Refusal("a:\n - b\n- c", .syntax, 3, 1),
    Refusal("a: b\n  c: d", .syntax, 2, 4), Refusal("a\nb: c", .syntax, 2, 2),
    Refusal("a: - b", .syntax, 1, 4), Refusal("a: b: c", .syntax, 1, 5), Refusal("--- a: b", .syntax, 1, 6),
    Refusal("a: 'b' c", .syntax, 1, 8), Refusal("a: 'b'#c", .syntax, 1, 7),
    Refusal("a: 'b'\n  'c'", .syntax, 2, 3),
    Refusal("a: b # c\n  d", .syntax, 2, 3),
    // Indicators
    Refusal("a: @b", .syntax, 1, 4), Refusal("a: `b`", .syntax, 1, 4), Refusal("a: %b", .syntax, 1, 4),
    Refusal("%YAML 1.2\n---\na", .unsupported, 1, 1), Refusal(": a", .syntax, 1, 1),
    Refusal("a: ,b", .syntax, 1, 4), Refusal("a: ]", .syntax, 1, 4),
    Refusal("a: {{ x }}", .unsupported, 1, 5),
    // Documents
    Refusal("a: 1\n---\nb: 2", .unsupported, 2, 1), Refusal("a\n...\nb", .unsupported, 3, 1),
    Refusal("...", .unsupported, 1, 1), Refusal("[a,\n---\n]", .syntax, 2, 1),
    Refusal("'a\n---\n'", .syntax, 2, 1),
    // Keys
    Refusal("a: 1\nb: 2\na: 3", .duplicateKey, 3, 1), Refusal("{a: 1, 'a': 2}", .duplicateKey, 1, 8),
    Refusal("1: a\ntrue: b", .duplicateKey, 2, 1), Refusal("1: a\n1.0: b", .duplicateKey, 2, 1),
    Refusal("~: a\nnull: b", .duplicateKey, 2, 1), Refusal("[a]: b", .unsupported, 1, 1),
    Refusal("? - a\n: b", .syntax, 1, 3), Refusal("{[a]: b}", .unsupported, 1, 2),
    Refusal("? |\n  a\n: 1\n?\n  a: 1", .unsupported, 5, 3), Refusal("a: 1\nb\nc: 2", .syntax, 2, 2),
    Refusal("'a\n  b': c", .syntax, 2, 5), Refusal("{a\n: b}", .syntax, 2, 1),
    Refusal(String(repeating: "k", count: 1025) + ": 1", .limit, 1, 1),
    // Flow style
    Refusal("[a", .syntax, 1, 3), Refusal("{a: b", .syntax, 1, 6), Refusal("[a}", .syntax, 1, 3),
    Refusal("[a,,b]", .syntax, 1, 4), Refusal("[,]", .syntax, 1, 2), Refusal("[- a]", .syntax, 1, 2),
    Refusal("[-]", .syntax, 1, 2), Refusal("{a:}", .unsupported, 1, 3), Refusal("[\"a\":b]", .syntax, 1, 5),
    Refusal("[a]b", .syntax, 1, 4), Refusal("{:a}", .syntax, 1, 2), Refusal("{a: :b}", .syntax, 1, 5),
    Refusal("{a: &b :c}", .syntax, 1, 8),
    Refusal("[?a]", .syntax, 1, 2), Refusal("[${a}]", .syntax, 1, 3),
    // Scalars
    Refusal("\"a", .syntax, 1, 1), Refusal("'a", .syntax, 1, 1), Refusal("\"\\q\"", .syntax, 1, 2),
    Refusal("\"\\u12\"", .syntax, 1, 2), Refusal("\"\\ud83d\\ude00\"", .unsupported, 1, 2),
    Refusal("a: |0\n b", .syntax, 1, 5), Refusal("a: |x\n b", .syntax, 1, 5),
    Refusal("a: |#\n b", .syntax, 1, 5),
    Refusal("a: |\n   \n  b", .unsupported, 2, 4), Refusal("- |\n \n  b", .unsupported, 2, 2),
    Refusal("a: =", .unsupported, 1, 4),
    Refusal("a: 9223372036854775808", .unsupported, 1, 4), Refusal("a: 1e400", .unsupported, 1, 4),
    Refusal("a: 0x_", .unsupported, 1, 4), Refusal("a: ._", .unsupported, 1, 4),
    Refusal("a: 2023-02-29", .unsupported, 1, 4), Refusal("a: 2023-02-28 24:00:00", .unsupported, 1, 4),
    // Anchors, tags, merging
    Refusal("a: *b", .syntax, 1, 4), Refusal("a: &b [*b]", .unsupported, 1, 8),
    Refusal("&a &b c", .syntax, 1, 4),
    Refusal("a: &b 1\n  &c 2: 3", .syntax, 2, 7), Refusal("a: &b\n  &c d", .unsupported, 2, 3),
    Refusal("a: &b 1\nc: &d *b", .syntax, 2, 4), Refusal("&é a", .syntax, 1, 2),
    Refusal("&a: b", .syntax, 1, 3),
    Refusal("a: !x b", .unsupported, 1, 4), Refusal("a: !!int 1", .unsupported, 1, 4),
    Refusal("a: !!map [b]", .syntax, 1, 4), Refusal("a: !!binary aGk=", .unsupported, 1, 4),
    Refusal("<<: 1", .shape, 1, 5), Refusal("- <<", .unsupported, 1, 3),
    Refusal("<<: {a: 1}\n<<: {b: 1}", .duplicateKey, 2, 1),
    Refusal("<<: [{a: 1}, 2]", .shape, 1, 14), Refusal("<<", .unsupported, 1, 1),
  ]

  @Test(arguments: refusals)
  func refusesWithThePlace(_ refusal: Refusal) {
    let error = #expect(throws: RegistryFileError.self) { _ = try read(refusal.text) }
    #expect(error?.code == refusal.code, "\(error as Any)")
    #expect(error?.line == refusal.line && error?.column == refusal.column, "\(error as Any)")
    #expect(error?.file == "test.yaml")
  }

  @Test(arguments: [
    [0xFF, 0xFE, 0x61, 0x00], [0x61, 0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0x61, 0x80],
  ])
  func refusesWhatIsNotUTF8(_ bytes: [UInt8]) {
    let error = #expect(throws: RegistryFileError.self) { _ = try YAMLNode(parsing: bytes, file: "f") }
    #expect(error?.code == .encoding)
  }

  @Test func errorsShowNoControlCharacters() {
    let error = #expect(throws: RegistryFileError.self) {
      _ = try YAMLNode(parsing: Array("a: !\u{202E}x b".utf8), file: "f\u{1B}[1m")
    }
    #expect(error?.description.unicodeScalars.contains("\u{1B}") == false)
    #expect(error?.description.unicodeScalars.contains("\u{202E}") == false)
  }
}

extension YAMLNode.Content {
  var entries: [YAMLNode]? { if case .sequence(let entries) = self { entries } else { nil } }
}
