internal import Registry
import StrictJSON

/// The annotations of one file.
public struct AnnotationFile: Equatable, Sendable {
  /// By full name.
  public let annotations: [String: Annotation]
  /// Artifacts that DVC accepts but no tag can name, and why; they are left out of ``annotations``.
  public let unusable: [RegistryFileError]

  /// Reads `artifacts.yaml`, GTO's own annotations (GTO 1.10: `index.py`, `Artifact`).
  ///
  /// Like GTO, this ignores unknown keys of an artifact and refuses names that no tag can have. Unlike
  /// GTO, it accepts an empty file.
  ///
  /// - Parameters:
  ///   - bytes: the whole file.
  ///   - file: its path; GTO's default is `artifacts.yaml`.
  public init(
    artifactsYAML bytes: some Collection<UInt8>, file: String = "artifacts.yaml",
    limits: YAMLLimits = YAMLLimits()
  ) throws(RegistryFileError) {
    let root = try YAMLNode(parsing: bytes, file: file, limits: limits)
    var annotations: [String: Annotation] = [:]
    for (name, keyNode, value) in try Self.artifacts(root, title: "the file", file: file) {
      guard PlainName.isName(name) else { throw Self.invalidName(name, at: keyNode, file: file) }
      annotations[name] = try Self.gtoAnnotation(name, value, line: keyNode.line, file: file)
    }
    self.annotations = annotations
    unusable = []
  }

  /// Reads the `artifacts:` of a `dvc.yaml` (DVC 3: `annotations.py`, `ARTIFACT_SCHEMA`) and nothing else
  /// of it.
  ///
  /// Like DVC, this refuses unknown keys of an artifact and one without `path`.
  ///
  /// - Parameters:
  ///   - bytes: the whole file.
  ///   - folder: the file's folder from the root, `/` between names; empty at the root.
  public init(
    dvcYAML bytes: some Collection<UInt8>, folder: String, limits: YAMLLimits = YAMLLimits()
  ) throws(RegistryFileError) {
    let file = folder.isEmpty ? "dvc.yaml" : folder + "/dvc.yaml"
    let root = try YAMLNode(parsing: bytes, file: file, limits: limits)
    guard let section = try Self.dvcArtifacts(root, file: file) else {
      (annotations, unusable) = ([:], [])
      return
    }
    var annotations: [String: Annotation] = [:]
    var unusable: [RegistryFileError] = []
    for (name, keyNode, value) in try Self.artifacts(section, title: "artifacts", file: file) {
      let fullName = folder.isEmpty ? name : "\(folder):\(name)"
      let annotation = try Self.dvcAnnotation(fullName, value, line: keyNode.line, file: file)
      if !PlainName.isName(name) {
        unusable.append(Self.invalidName(name, at: keyNode, file: file))
      } else if !folder.isEmpty, !PlainName.isFolder(folder) {
        unusable.append(Self.invalidFolder(folder, at: keyNode, file: file))
      } else {
        annotations[fullName] = annotation
      }
    }
    (self.annotations, self.unusable) = (annotations, unusable)
  }
}

extension AnnotationFile {
  /// The value of `artifacts:`; nil where the file has none.
  private static func dvcArtifacts(_ root: YAMLNode, file: String) throws(RegistryFileError) -> YAMLNode? {
    if case .null = root.content { return nil }
    return try FileSection(root, title: "the file", file: file).node["artifacts"]
  }

  /// The artifacts in the order of the file; none where the value is null.
  private static func artifacts(
    _ node: YAMLNode, title: String, file: String
  ) throws(RegistryFileError) -> [(key: String, keyNode: YAMLNode, value: YAMLNode)] {
    if case .null = node.content { return [] }
    return try FileSection(node, title: title, file: file).members()
  }

  private static func gtoAnnotation(
    _ name: String, _ node: YAMLNode, line: Int, file: String
  ) throws(RegistryFileError) -> Annotation {
    let section = try artifact(name, node, file: file)
    return Annotation(
      name: name,
      type: try section.string("type", allowsNull: true),
      path: try section.string("path", allowsNull: true),
      labels: try section.strings("labels")?.map(\.text) ?? [],
      description: try section.string("description"),
      custom: try section.json("custom"), isVirtual: try section.bool("virtual") ?? true,
      file: file, line: line)
  }

  private static func dvcAnnotation(
    _ name: String, _ node: YAMLNode, line: Int, file: String
  ) throws(RegistryFileError) -> Annotation {
    let section = try artifact(name, node, file: file)
    try section.refuseOthers(than: ["path", "type", "desc", "labels", "meta"])
    guard let path = try section.string("path") else {
      throw section.error(.shape, "\(section.title) has no path; add one", at: node)
    }
    return Annotation(
      name: name, type: try section.string("type"), path: path,
      labels: try section.strings("labels")?.map(\.text) ?? [], description: try section.string("desc"),
      custom: try section.json("meta"), file: file, line: line)
  }

  private static func artifact(
    _ name: String, _ node: YAMLNode, file: String
  ) throws(RegistryFileError) -> FileSection {
    try FileSection(node, title: "the artifact \"\(name.escapedForMessage)\"", file: file)
  }

  private static func invalidName(_ name: String, at node: YAMLNode, file: String) -> RegistryFileError {
    node.error(
      .invalidName, "no tag can name the artifact \"\(name.escapedForMessage)\"; \(PlainName.allowed)",
      file: file)
  }

  private static func invalidFolder(_ folder: String, at node: YAMLNode, file: String) -> RegistryFileError {
    node.error(
      .invalidName,
      "no tag can name an artifact in the folder \"\(folder.escapedForMessage)\"; "
        + "use letters, digits, '-', '_' and '.' in its name", file: file)
  }
}
