import StrictJSON
import Testing

@testable import RegistryFiles

@Suite struct AnnotationFileTests {
  @Test func readsArtifactsYAML() throws {
    let text = """
      churn:
        type: model
        path: models/churn.pkl
        labels: [tabular]
        virtual: false
        description: Who leaves
        custom: {auc: 0.5, since: 2024-05-01, 3: x}
      segments: {}
      """
    let file = try AnnotationFile(artifactsYAML: Array(text.utf8))
    #expect(
      file.annotations == [
        "churn": Annotation(
          name: "churn", type: "model", path: "models/churn.pkl", labels: ["tabular"],
          description: "Who leaves",
          custom: ["auc": .number(0.5), "since": "2024-05-01", "3": "x"], isVirtual: false,
          file: "artifacts.yaml", line: 1),
        "segments": Annotation(name: "segments", file: "artifacts.yaml", line: 8),
      ])
    #expect(file.unusable.isEmpty)
  }

  @Test func readsTheArtifactsOfDVCAndNothingElse() throws {
    let pipeline = try #require(samples.first { $0.contains("foreach") })
    let root = try AnnotationFile(dvcYAML: Array(pipeline.utf8), folder: "")
    let annotation = try #require(root.annotations["text-classification"])
    #expect(annotation.path == "models/model.pkl" && annotation.pathFromRoot == "models/model.pkl")
    #expect(annotation.description == "Detect whether the text is spam, in several languages.")
    #expect(annotation.labels == ["nlp", "classification"] && annotation.type == "model")
    #expect(
      annotation.custom == [
        "framework": "tensorflow 2.0", "trained": "2001-12-14T21:59:43.100000-05:00",
        "nested": ["a": [1, ["b": "c"]], "d": nil],
      ])
    for text in ["", "stages: {}", "artifacts:", "artifacts: {}"] {
      #expect(try AnnotationFile(dvcYAML: Array(text.utf8), folder: "").annotations.isEmpty)
    }
  }

  @Test func theFolderIsPartOfTheName() throws {
    let text = "artifacts:\n  churn: {path: model.pkl}\n  remote: {path: 's3://bucket/x'}\n"
    let file = try AnnotationFile(dvcYAML: Array(text.utf8), folder: "models/eu")
    #expect(Set(file.annotations.keys) == ["models/eu:churn", "models/eu:remote"])
    #expect(file.annotations["models/eu:churn"]?.file == "models/eu/dvc.yaml")
    #expect(file.annotations["models/eu:churn"]?.pathFromRoot == "models/eu/model.pkl")
    #expect(file.annotations["models/eu:remote"]?.pathFromRoot == "s3://bucket/x")
  }

  @Test func artifactsThatNoTagCanNameAreReported() throws {
    let text = "artifacts:\n  good: {path: a}\n  not good: {path: b}\n"
    let file = try AnnotationFile(dvcYAML: Array(text.utf8), folder: "")
    #expect(Array(file.annotations.keys) == ["good"])
    #expect(file.unusable.map(\.code) == [.invalidName] && file.unusable.map(\.line) == [3])
    let elsewhere = try AnnotationFile(dvcYAML: Array(text.utf8), folder: "my models")
    #expect(elsewhere.annotations.isEmpty && elsewhere.unusable.count == 2)
  }

  @Test func templatesAreLeftAsTheyAre() throws {
    let text = "artifacts:\n  a: {path: \"${dir}/a\"}\n"
    let file = try AnnotationFile(dvcYAML: Array(text.utf8), folder: "")
    #expect(file.annotations["a"]?.path == "${dir}/a")
  }

  @Test(arguments: [
    ("artifacts: [a]", RegistryFileError.Code.shape, 1, 12), ("artifacts:\n  a:", .shape, 2, 5),
    ("artifacts:\n  a: {type: model}", .shape, 2, 6), ("artifacts:\n  a: {path: 1}", .shape, 2, 13),
    ("artifacts:\n  a: {path: p, description: d}", .unknownKey, 2, 16),
    ("artifacts:\n  a: {path: p, labels: x}", .shape, 2, 24),
    ("artifacts:\n  a: {path: p, labels: [1]}", .shape, 2, 25),
    ("artifacts:\n  a: {path: p, meta: [.inf]}", .shape, 2, 23),
    ("artifacts:\n  a: {path: p, meta: {1: a, '1': b}}", .duplicateKey, 2, 29),
    ("artifacts:\n  1: {path: p}", .shape, 2, 3), ("artifacts:\n  a: {path: p\n", .syntax, 3, 1),
    ("[a]", .shape, 1, 1),
  ])
  func refusesWithThePlace(_ text: String, _ code: RegistryFileError.Code, _ line: Int, _ column: Int) {
    let error = #expect(throws: RegistryFileError.self) {
      try AnnotationFile(dvcYAML: Array(text.utf8), folder: "sub")
    }
    #expect(error?.code == code && error?.line == line && error?.column == column, "\(error as Any)")
    #expect(error?.file == "sub/dvc.yaml")
  }

  @Test func metaIsBounded() throws {
    let keys = (0..<1025).map { "k\($0): 1" }
    let fits = "m: {custom: {\(keys.dropLast().joined(separator: ", "))}}"
    let file = try AnnotationFile(artifactsYAML: Array(fits.utf8))
    #expect(file.annotations["m"]?.custom?.objectValue?.members.count == 1024)
    let error = #expect(throws: RegistryFileError.self) {
      try AnnotationFile(artifactsYAML: Array("m: {custom: {\(keys.joined(separator: ", "))}}".utf8))
    }
    #expect(error?.code == .limit)
  }

  @Test func agreesWithGTO() throws {
    let oracle = try PythonOracle()
    let both = [
      "{}", "m: {}", "m: {type: null, path: null}", "m: {custom: null, extra: 1}",
      "m: {type: a b, labels: [x y], description: ''}",
      "m/n_o-p: {custom: {a: [1, 2.5, true, ~, 2024-01-01]}}", samples[8], "m: {virtual: false}",
      "m: {virtual: 'Off'}", "m: {virtual: yes}", "m: {virtual: 0}", "m: {virtual: 1.0}", "m: {virtual: f}",
    ]
    for text in both {
      let expected = try #require(try oracle.artifacts(Array(text.utf8))?.objectValue, "\(text)")
      let found = try AnnotationFile(artifactsYAML: Array(text.utf8)).annotations
      #expect(Set(expected.keys) == Set(found.keys))
      for (name, value) in expected.members { #expect(found[name]?.asGTO == value, "\(text)") }
    }
    let neither = [
      "m:", "m: {labels: null}", "m: {description: null}", "m: {type: 1}", "a b: {}", "dir:m: {}", "1: {}",
      "m: {labels: a}", "m: {labels: [1]}", "m: {description: 3}", "[]", "m: []",
      "m: {virtual: null}", "m: {virtual: 2}", "m: {virtual: maybe}", "m: {virtual: []}",
    ]
    for text in neither {
      #expect(try oracle.artifacts(Array(text.utf8)) == nil, "\(text)")
      #expect(throws: RegistryFileError.self) { try AnnotationFile(artifactsYAML: Array(text.utf8)) }
    }
    #expect(try oracle.artifacts([]) == nil, "GTO refuses an empty file")
    #expect(try AnnotationFile(artifactsYAML: []).annotations.isEmpty)
  }
}

extension Annotation {
  /// In the form in which the oracle shows GTO's artifacts.
  fileprivate var asGTO: JSONValue {
    [
      type.map(JSONValue.string) ?? .null, path.map(JSONValue.string) ?? .null,
      .array(labels.map(JSONValue.string)), .string(description ?? ""), custom ?? .null,
      .bool(isVirtual),
    ]
  }
}
