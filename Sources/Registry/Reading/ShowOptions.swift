/// What `show` includes. Defaults are GTO's.
public struct ShowOptions: Sendable, Equatable {
  public var stages: StageOptions
  /// Shows deprecated artifacts and deregistered versions too.
  public var includeDeprecated: Bool

  public init(stages: StageOptions = StageOptions(), includeDeprecated: Bool = false) {
    self.stages = stages
    self.includeDeprecated = includeDeprecated
  }
}

/// Why a question could not be answered.
public struct ReadError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What kind of error it is. More kinds may come.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public static let unknownArtifact = Code(description: "unknownArtifact")
    /// Several tags inside claim one name, so that it is not clear which is meant.
    public static let ambiguousTag = Code(description: "ambiguousTag")
  }

  public let code: Code
  public let message: String

  public var description: String { message }
}
