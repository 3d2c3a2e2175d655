/// Plans one request. Each action is an extension in its own file.
struct Planner {
  let request: WriteRequest
  let context: PlanContext
  /// Nil where neither tags nor files know it.
  let artifact: Artifact?
  let draft: RegistryDraft
  /// How the plan came to be.
  var reasons: [String] = []
  /// The tags planned so far.
  private(set) var tags: [PlannedTag] = []

  init(request: WriteRequest, context: PlanContext, artifact: Artifact?, draft: RegistryDraft) {
    self.request = request
    self.context = context
    self.artifact = artifact
    self.draft = draft
  }

  var name: ArtifactName { request.artifact }

  mutating func plan() throws(Refusal) -> Plan {
    try checkOptions()
    try checkReadable()
    switch request.action {
    case .register: return try planRegister()
    case .assign: return try planAssign()
    case .unassign: return try planUnassign()
    case .deregister: return try planDeregister()
    case .deprecate: return try planDeprecate()
    case .rollback: return try planRollback()
    }
  }

  /// What the plan came down to.
  func finished(_ version: VersionLabel?, _ commit: ObjectID, deleting deletions: [Event] = []) -> Plan {
    Plan(
      tags: tags, deletions: deletions, artifact: name, version: version, stage: request.stage,
      commit: commit, reasons: reasons)
  }

  // MARK: Tags

  /// Adds a tag to the plan, later than everything the artifact has.
  ///
  /// - Parameter simple: whether the name goes without a counter.
  mutating func add(
    simple: Bool, at commit: ObjectID, message: String?, default defaultMessage: String,
    name: (DecimalNumber?) -> TagName
  ) throws(Refusal) {
    let tag = name(simple ? nil : nextCounter)
    try checkName(tag)
    let planned = PlannedTag(
      name: tag, commit: commit, message: try completeMessage(message ?? defaultMessage),
      time: try nextTime())
    tags.append(planned)
  }

  /// GTO, tag.py, `name_tag`: one more than any tag of the artifact has, lightweight ones included.
  private var nextCounter: DecimalNumber { draft.index(name).nextCounter }

  private func checkName(_ tag: TagName) throws(Refusal) {
    let ref = tag.description
    if let problem = RefRules.problem(in: ref) {
      let mayHaveCounter = tag.counter == nil && RefRules.problem(in: ref + "#1") == nil
      let hint = mayHaveCounter ? "; with a counter (--simple false) it may do" : ""
      throw Refusal(.invalidTagName, "the tag would be called '\(ref)': \(problem.reason)\(hint)")
    }
    guard let obstacle = draft.obstacle(to: ref) else { return }
    if obstacle == ref {
      throw Refusal(
        .tagExists,
        "tag '\(ref)' already exists; for the same event once more ask for a tag with a counter (--simple false)"
      )
    }
    throw Refusal(
      .tagExists, "tag '\(ref)' can't be made beside tag '\(obstacle)': Git keeps tags like files in folders")
  }

  /// Strictly later than the artifact's last event, by whatever clock that was dated, so that every
  /// reader of GTO's tags agrees on the order.
  private mutating func nextTime() throws(Refusal) -> Timestamp {
    let last = tags.last.map { ($0.time.seconds, $0.ref) } ?? lastEvent
    var seconds = context.now
    if let (lastSeconds, tag) = last, lastSeconds >= seconds {
      guard lastSeconds < Timestamp.latestSeconds - 86_400 else {
        throw Refusal(
          .clock, "tag '\(tag)' is dated so late that nothing can come after it; delete it in the remote")
      }
      seconds = lastSeconds + 1
      if lastSeconds > context.now {
        reasons.append("dated one second after '\(tag)', which is dated later than now")
      }
    }
    if let unsettled = context.unsettledSeconds, unsettled >= seconds { seconds = unsettled + 1 }
    return Timestamp(seconds: seconds, zoneMinutes: context.zoneMinutes)
  }

  /// The time to be later than. A deprecation has to be later than the versions' commits too: GTO takes
  /// a later commit for a sign of life.
  private var lastEvent: (Int64, String)? {
    let event = artifact?.events.last.map { ($0.time.seconds, $0.tag) }
    guard request.action == .deprecate, let commit = artifact?.newestCommit else { return event }
    let seconds = commit.committer.time.seconds
    return event.map { $0.0 >= seconds ? $0 : (seconds, commit.id.abbreviated) }
      ?? (seconds, commit.id.abbreviated)
  }
}
