internal import StrictJSON

/// A registry with plans on top that are not carried out yet, so that several requests of one batch can
/// be planned one after the other. Costs nothing to make; the state beneath is not copied.
public struct RegistryDraft: Sendable {
  public let state: RegistryState
  private var changed: [ArtifactName: ArtifactIndex] = [:]
  private var plannedRefs: Set<String> = []
  private var directories = RefDirectories()

  public init(_ state: RegistryState) { self.state = state }

  /// Plans a request on top of what was planned before. The plan counts from now on.
  ///
  /// - Throws: ``Refusal``; the draft is unchanged then.
  public mutating func plan(_ request: WriteRequest, _ context: PlanContext) throws(Refusal) -> Plan {
    let plan = try preview(request, context)
    apply(plan)
    return plan
  }

  /// Plans a request without counting the plan.
  public func preview(_ request: WriteRequest, _ context: PlanContext) throws(Refusal) -> Plan {
    var planner = Planner(
      request: request, context: context, artifact: artifact(request.artifact), draft: self)
    return try planner.plan()
  }

  /// Counts a plan that was made before.
  public mutating func apply(_ plan: Plan) {
    var index = index(plan.artifact)
    for tag in plan.tags {
      index.insert(ref: tag.ref, counter: tag.name.counter)
      index.insert(tag.event)
      plannedRefs.insert(tag.ref)
      directories.insert(tag.ref)
    }
    changed[plan.artifact] = index
  }

  /// What is known of an artifact, plans included.
  public func artifact(_ name: ArtifactName) -> Artifact? {
    state.artifact(name, changed[name] ?? state.artifacts[name])
  }

  func index(_ name: ArtifactName) -> ArtifactIndex {
    changed[name] ?? state.artifacts[name] ?? ArtifactIndex(name: name)
  }

  /// The existing or planned tag that stands in the way of a new one.
  func obstacle(to ref: String) -> String? {
    if plannedRefs.contains(ref) { return ref }
    if let parent = RefDirectories.parents(of: ref).first(where: { plannedRefs.contains($0.string) }) {
      return parent.string
    }
    return directories.contains(ref) ? ref + "/…" : state.obstacle(to: ref)
  }
}

extension PlannedTag {
  /// The event that the tag will make. Nobody can see it before the tag is pushed, so who tags and the
  /// tag object's id do not matter yet.
  fileprivate var event: Event {
    Event(
      name: name, tag: ref, ref: ref, objectID: commit, commit: commit,
      tagger: Signature(name: "", email: "", time: time), message: message.trimmedAsPython)
  }
}

extension RegistryState {
  /// Plans one request. Pure: nothing changes, nothing is written.
  ///
  /// - Throws: ``Refusal`` where a rule forbids it.
  public func plan(_ request: WriteRequest, _ context: PlanContext) throws(Refusal) -> Plan {
    try RegistryDraft(self).preview(request, context)
  }
}
