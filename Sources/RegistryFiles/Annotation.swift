public import StrictJSON

/// What a file of the repository says about one artifact.
public struct Annotation: Equatable, Sendable {
  /// The full name: `churn`, or `models:churn` for one in the folder `models`.
  public let name: String
  public let type: String?
  /// Where the artifact is, as the file says it: relative to the file's folder, or a URL.
  public let path: String?
  public let labels: [String]
  /// `description` in `artifacts.yaml`, `desc` in `dvc.yaml`.
  public let description: String?
  /// `custom` in `artifacts.yaml`, `meta` in `dvc.yaml`; nil where it is missing or null.
  public let custom: JSONValue?
  /// Whether the path is said to lie outside the repository: `virtual` in `artifacts.yaml`, true where nothing says it.
  public let isVirtual: Bool
  /// The file that says so, and the line of the artifact's name in it, from 1.
  public let file: String
  public let line: Int

  public init(
    name: String, type: String? = nil, path: String? = nil, labels: [String] = [],
    description: String? = nil, custom: JSONValue? = nil, isVirtual: Bool = true, file: String, line: Int
  ) {
    self.name = name
    self.type = type
    self.path = path
    self.labels = labels
    self.description = description
    self.custom = custom
    self.isVirtual = isVirtual
    self.file = file
    self.line = line
  }

  /// The path from the repository's root: the file's folder and ``path``. An absolute path or a URL stays
  /// as it is.
  public var pathFromRoot: String? {
    guard let path, let slash = file.lastIndex(of: "/") else { return path }
    return path.hasPrefix("/") || path.contains("://") ? path : file[...slash] + path
  }
}
