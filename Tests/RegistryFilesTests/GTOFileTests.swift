import StrictJSON
import Testing

@testable import RegistryFiles

@Suite struct GTOFileTests {
  private func configuration(_ text: String) throws(RegistryFileError) -> GTOFile {
    try GTOFile(parsing: Array(text.utf8))
  }

  @Test func anAbsentListAllowsAnything() throws {
    for text in ["", "# none\n", "stages:\n", "types: ~", "{}"] {
      let none = try configuration(text)
      #expect(none == GTOFile())
      #expect(none.allows(stage: "any") && none.allows(type: "any"))
    }
  }

  @Test func aListAllowsWhatItHas() throws {
    let some = try configuration("stages: [dev, prod]\ntypes: []\nindex: meta/artifacts.yaml\n")
    #expect(
      some.stages == ["dev", "prod"] && some.types == [] && some.annotationsPath == "meta/artifacts.yaml")
    #expect(some.allows(stage: "dev") && !some.allows(stage: "Dev") && !some.allows(stage: "staging"))
    #expect(!some.allows(type: "model"))
  }

  /// As GTO's file system takes them (scmrepo 3.6, fs.py).
  @Test(arguments: [
    "artifacts.yaml", "./artifacts.yaml", "/artifacts.yaml", "///artifacts.yaml", ".//artifacts.yaml",
    "../artifacts.yaml", "missing/../artifacts.yaml", "artifacts.yaml/", "a/b/../../../artifacts.yaml",
  ])
  func allSpellingsOfAnIndexNameTheSameFile(_ index: String) throws {
    let file = try configuration("index: \(index)")
    #expect(file.annotationsPath == "artifacts.yaml" && file.namesAnnotations)
  }

  @Test func anIndexThatNobodyGaveNeedNotBeThere() throws {
    #expect(try !configuration("stages: [dev]").namesAnnotations)
    #expect(try configuration("index: a/./b.yaml").annotationsPath == "a/b.yaml")
  }

  @Test(arguments: [
    ("stages: [dev", RegistryFileError.Code.syntax, 1, 13), ("stages: dev", .shape, 1, 9),
    ("stages: [dev, 1]", .shape, 1, 15), ("stages: [dev, no space]", .invalidName, 1, 15),
    ("stages: ['']", .invalidName, 1, 10), ("stages: [\"dev\\n\"]", .invalidName, 1, 10),
    ("stages: [-dev]", .invalidName, 1, 10), ("stages: [2024-01-01]", .shape, 1, 10),
    ("stage: [dev]", .unknownKey, 1, 1), ("stages: [a]\nSTAGES: [b]", .duplicateKey, 2, 1),
    ("- dev", .shape, 1, 1), ("dev", .shape, 1, 1), ("1: x", .shape, 1, 1), ("index: 1", .shape, 1, 8),
    ("index: ''", .shape, 1, 8), ("index: ./", .shape, 1, 8), ("index: a/..", .shape, 1, 8),
  ])
  func aBrokenFileAllowsNothing(_ text: String, _ code: RegistryFileError.Code, _ line: Int, _ column: Int) {
    let error = #expect(throws: RegistryFileError.self) { try configuration(text) }
    #expect(error?.code == code && error?.line == line && error?.column == column, "\(error as Any)")
    #expect(error?.file == ".gto")
  }

  @Test func aMisspeltKeyIsNamedWithTheRightOne() {
    let error = #expect(throws: RegistryFileError.self) { try configuration("types: [a]\nstagse: [dev]") }
    #expect(error?.description.contains(".gto:2:1") == true && error?.message.contains("stages") == true)
  }

  /// What is accepted means what GTO reads; what GTO accepts and this refuses is listed.
  @Test func agreesWithGTO() throws {
    let oracle = try PythonOracle()
    let both = [
      "stages: [dev, prod]", "types:\n- model\n- dataset\n", "", "stages: []", "stages:",
      "STAGES: [a]\nTypes: [b]",
      "index: other.yaml",
      "emojis: false\nlog_level: DEBUG\ndebug: true\nautoload_enrichments: false\nstages: [x/y_z]",
      "enrichments: [{type: x, config: {a: 1}}]", "config_file_name: .gto", "stages: &s [a]\ntypes: *s",
    ]
    for text in both {
      let expected = try #require(try oracle.configuration(Array(text.utf8)), "\(text)")
      let found = try configuration(text)
      let list = { (names: [String]?) in names.map { JSONValue.array($0.map(JSONValue.string)) } ?? .null }
      #expect([list(found.types), list(found.stages), .string(found.annotationsPath)] == expected, "\(text)")
    }
    for text in [
      "foo: 1", "- a", "stages: dev", "stages: [1]", "stages: [a b]", "stages: {a: 1}", "stages: [-]",
    ] {
      #expect(try oracle.configuration(Array(text.utf8)) == nil, "\(text)")
      #expect(throws: RegistryFileError.self) { try configuration(text) }
    }
    for text in ["stages: [\"dev\\n\"]", "[]", "false", "STAGES: [a]\nstages: [b]"] {
      #expect(
        try oracle.configuration(Array(text.utf8)) != nil, "GTO is expected to let this through: \(text)")
      #expect(throws: RegistryFileError.self) { try configuration(text) }
    }
  }
}
