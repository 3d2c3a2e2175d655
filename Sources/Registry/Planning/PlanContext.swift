/// What a plan depends on besides the tags and the request.
public struct PlanContext: Sendable, Equatable {
  /// The worker's clock, seconds since 1970.
  public var now: Int64
  /// The tagger's zone, minutes east of UTC.
  public var zoneMinutes: Int
  /// The stages that the repository's `.gto` allows, in its order; nil allows any name.
  public var allowedStages: [StageName]?
  /// The tip of the default branch; nil in an empty repository.
  public var defaultBranchTip: ObjectID?
  /// Lines for the end of each tag's message, such as `Stagekeeper-Job: w/12`.
  public var trailers: [String]
  /// The time of a tag of the artifact that may come yet, in seconds since 1970; nil where there is none.
  public var unsettledSeconds: Int64?

  public init(
    now: Int64, zoneMinutes: Int = 0, allowedStages: [StageName]? = nil, defaultBranchTip: ObjectID? = nil,
    trailers: [String] = [], unsettledSeconds: Int64? = nil
  ) {
    self.now = now
    self.zoneMinutes = zoneMinutes
    self.allowedStages = allowedStages
    self.defaultBranchTip = defaultBranchTip
    self.trailers = trailers
    self.unsettledSeconds = unsettledSeconds
  }
}
