public import StrictJSON

/// What the repository's own files say of an artifact at one commit: GTO's `artifacts.yaml`, DVC's
/// `artifacts:`. Source: GTO, index.py, `Artifact`.
public struct ArtifactAnnotation: Equatable, Sendable {
  public var type: String?
  public var path: String?
  /// Whether the path is said to lie outside the repository.
  public var isVirtual: Bool
  public var labels: [String]
  public var description: String
  /// Anything the user added; `.null` where there is nothing.
  public var custom: JSONValue
  /// Whether a `dvc.yaml` says so, which GTO does not read. It is no part of ``jsonValue``.
  public var isFromDVC: Bool

  public init(
    type: String? = nil, path: String? = nil, isVirtual: Bool = true, labels: [String] = [],
    description: String = "", custom: JSONValue = .null, isFromDVC: Bool = false
  ) {
    self.type = type
    self.path = path
    self.isVirtual = isVirtual
    self.labels = labels
    self.description = description
    self.custom = custom
    self.isFromDVC = isFromDVC
  }

  /// GTO's keys, in GTO's order.
  public var jsonValue: JSONValue {
    [
      "type": type.map { .string($0) } ?? .null, "path": path.map { .string($0) } ?? .null,
      "virtual": .bool(isVirtual), "labels": .array(labels.map { .string($0) }),
      "description": .string(description), "custom": custom,
    ]
  }
}
