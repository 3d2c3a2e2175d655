public import Registry
public import StrictJSON

/// What the files of a repository say of artifacts at one commit.
public struct CommitAnnotations: Sendable, Equatable {
  public var commit: ObjectID
  /// In the order of the files; of two of one name the later counts.
  public var artifacts: [AnnotatedArtifact]
  /// Files that can't be read, each with its place and reason; what they say is missing above.
  public var problems: [String]

  public init(commit: ObjectID, artifacts: [AnnotatedArtifact], problems: [String]) {
    self.commit = commit
    self.artifacts = artifacts
    self.problems = problems
  }

  public var json: JSONValue {
    [
      "commit": .string(commit.description), "artifacts": .array(artifacts.map(\.json)),
      "problems": .array(problems.map { .string($0) }),
    ]
  }

  public init(_ value: JSONValue, path: String) throws(JSONShapeError) {
    var reader = try ObjectReader(value, path: path)
    commit = try reader.objectID("commit")
    problems = try reader.optionalStrings("problems") ?? []
    artifacts = try reader.elements("artifacts", AnnotatedArtifact.init)
    try reader.finish()
  }
}

/// What a file says of one artifact.
public struct AnnotatedArtifact: Sendable, Equatable {
  public var name: ArtifactName
  public var annotation: ArtifactAnnotation

  public init(name: ArtifactName, annotation: ArtifactAnnotation) {
    self.name = name
    self.annotation = annotation
  }

  var json: JSONValue {
    [
      "name": .string(name.text), "annotation": annotation.jsonValue,
      "isFromDVC": .bool(annotation.isFromDVC),
    ]
  }

  init(_ value: JSONValue, path: String) throws(JSONShapeError) {
    var reader = try ObjectReader(value, path: path)
    guard let name = try? ArtifactName(try reader.string("name")) else {
      throw reader.error("name", "expected an artifact's name")
    }
    self.name = name
    annotation = try ArtifactAnnotation(
      try reader.required("annotation"), path: reader.path(of: "annotation"))
    annotation.isFromDVC = try reader.optionalBool("isFromDVC") ?? false
    try reader.finish()
  }
}

extension ArtifactAnnotation {
  /// Reads what ``jsonValue`` writes.
  fileprivate init(_ value: JSONValue, path: String) throws(JSONShapeError) {
    var reader = try ObjectReader(value, path: path)
    self.init(
      type: try reader.optionalString("type"), path: try reader.optionalString("path"),
      isVirtual: try reader.optionalBool("virtual") ?? true,
      labels: try reader.optionalStrings("labels") ?? [],
      description: try reader.optionalString("description") ?? "", custom: reader.value("custom") ?? .null)
    try reader.finish()
  }
}
