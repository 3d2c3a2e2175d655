public import WireProtocol

/// An event that cannot happen to a job in its state. The caller has a defect, or the journal is damaged.
public struct ImpossibleTransition: Error, Equatable, Sendable, CustomStringConvertible {
  public let job: JobID
  public let state: JobStatus.State
  public let event: String
  public let reason: String?

  public var description: String {
    "job \(job) is \(state.rawValue): \(event) is impossible" + (reason.map { " (\($0))" } ?? "")
  }
}

extension Job {
  /// Takes one event. Assumes nothing of the outside; ensures that intents leave the job only by being settled.
  ///
  /// - Parameter time: in milliseconds since 1970.
  /// - Returns: what to do next.
  public mutating func apply(
    _ event: JobEvent, at time: Int64
  ) throws(ImpossibleTransition) -> JobStep {
    let step: JobStep
    switch event {
    case .started: step = try start()
    case .prepared(let intents): step = try prepare(intents)
    case .pushing: step = try push()
    case .replanned(let error): step = try replan(error)
    case .waiting(let until, let error): step = try wait(until: until, error)
    case .approvalAsked(let plan, let until): step = try ask(plan, until: until, at: time)
    case .approved(let approver, let message):
      step = try approve(Approval(by: approver, message: message, time: time))
    case .released: step = try release()
    case .interrupted: step = try interrupt()
    case .succeeded(let result): step = try finish(event, .succeeded(result))
    case .rejected(let error): step = try reject(error)
    case .failed(let error): step = try fail(error)
    case .cancelRequested: step = try cancel()
    case .retried: step = try retry()
    }
    note(event.name, at: time, note: event.note)
    return step
  }

  private mutating func start() throws(ImpossibleTransition) -> JobStep {
    switch state {
    case .queued, .waiting: break
    default: throw impossible(.started)
    }
    attempts += 1
    state = .running(intents.isEmpty ? .planned : .prepared)
    return intents.isEmpty ? .plan : .settle(intents)
  }

  private mutating func prepare(_ new: [Intent]) throws(ImpossibleTransition) -> JobStep {
    guard case .running(.planned) = state else { throw impossible(.prepared(new)) }
    if new.isEmpty { throw impossible(.prepared(new), "there is no intent") }
    if isCancelRequested { return stop() }
    intents = new
    state = .running(.prepared)
    return .push(new)
  }

  private mutating func push() throws(ImpossibleTransition) -> JobStep {
    guard case .running(.prepared) = state else { throw impossible(.pushing) }
    state = .running(.pushing)
    return .proceed
  }

  private mutating func replan(_ error: JobError) throws(ImpossibleTransition) -> JobStep {
    switch state {
    case .running(.prepared), .running(.pushing): break
    default: throw impossible(.replanned(error))
    }
    intents = []
    lastError = error
    if isCancelRequested { return stop() }
    state = .running(.planned)
    return .plan
  }

  private mutating func wait(until: Int64, _ error: JobError) throws(ImpossibleTransition) -> JobStep {
    guard case .running = state else { throw impossible(.waiting(until: until, error)) }
    lastError = error
    if isCancelRequested, intents.isEmpty { return stop() }
    state = .waiting(until: until, reason: error.message)
    return .wait(until: until)
  }

  /// Nothing was tried: the attempts count from the approval on.
  private mutating func ask(
    _ plan: ApprovalPlan, until: Int64, at time: Int64
  ) throws(ImpossibleTransition) -> JobStep {
    guard case .running(.planned) = state else { throw impossible(.approvalAsked(plan, until: until)) }
    let asked = approval ?? ApprovalRequest(plan: plan, askedAt: time, expiresAt: until)
    if asked.plan != plan { throw impossible(.approvalAsked(plan, until: until), "the plan is another one") }
    if isCancelRequested { return stop() }
    approval = asked
    attempts = 0
    state = .awaitingApproval(until: asked.expiresAt)
    return .awaitApproval(until: asked.expiresAt)
  }

  private mutating func approve(_ new: Approval) throws(ImpossibleTransition) -> JobStep {
    let event = JobEvent.approved(new.by, message: new.message)
    guard case .awaitingApproval(let until) = state else { throw impossible(event) }
    if new.by.uid == request.requester.uid { throw impossible(event, "who asked for it can't approve it") }
    if new.time >= until { throw impossible(event, "the time is over") }
    approval?.add(new)
    return .awaitApproval(until: until)
  }

  private mutating func release() throws(ImpossibleTransition) -> JobStep {
    guard case .awaitingApproval = state else { throw impossible(.released) }
    state = .queued
    return .standInLine
  }

  private mutating func interrupt() throws(ImpossibleTransition) -> JobStep {
    guard case .running = state else { throw impossible(.interrupted) }
    if isCancelRequested, intents.isEmpty { return stop() }
    state = .queued
    return .standInLine
  }

  private mutating func finish(
    _ event: JobEvent, _ end: JobState
  ) throws(ImpossibleTransition) -> JobStep {
    guard case .running = state else { throw impossible(event) }
    intents = []
    isCancelRequested = false
    state = end
    return .finish
  }

  /// A job that is not running can be rejected too (its deadline passed, its grant was revoked), but not
  /// while the remote may have what it prepared. What its last attempt came to is still said then.
  private mutating func reject(_ error: JobError) throws(ImpossibleTransition) -> JobStep {
    switch state {
    case .queued, .waiting, .awaitingApproval:
      if !intents.isEmpty { throw impossible(.rejected(error), "its intents are not settled") }
      state = .rejected(error)
      isCancelRequested = false
      if lastError == nil { lastError = error }
    default:
      _ = try finish(.rejected(error), .rejected(error))
      lastError = error
    }
    return .finish
  }

  private mutating func fail(_ error: JobError) throws(ImpossibleTransition) -> JobStep {
    let unsettled = intents
    let step = try finish(.failed(error), .failed(error))
    lastError = error
    intents = unsettled
    return step
  }

  private mutating func cancel() throws(ImpossibleTransition) -> JobStep {
    switch state {
    case .queued, .waiting, .awaitingApproval:
      if intents.isEmpty { return stop() }
      isCancelRequested = true
      if case .waiting(let until, _) = state { return .wait(until: until) }
      return .standInLine
    case .running:
      isCancelRequested = true
      return .proceed
    default: throw impossible(.cancelRequested(by: nil), "it has ended")
    }
  }

  private mutating func retry() throws(ImpossibleTransition) -> JobStep {
    switch state {
    case .failed, .waiting: break
    default: throw impossible(.retried(by: nil), "only failed and waiting jobs can be retried")
    }
    attempts = 0
    state = .queued
    return .standInLine
  }

  /// Ends as cancelled. Assumes that no intent is attached.
  private mutating func stop() -> JobStep {
    state = .cancelled
    isCancelRequested = false
    return .finish
  }

  private func impossible(_ event: JobEvent, _ reason: String? = nil) -> ImpossibleTransition {
    ImpossibleTransition(job: id, state: state.name, event: event.name, reason: reason)
  }
}

extension JobEvent {
  fileprivate var note: String? {
    switch self {
    case .replanned(let error), .waiting(_, let error), .rejected(let error), .failed(let error):
      error.message
    case .cancelRequested(let by), .retried(let by): by.map { "uid \($0.uid)" }
    case .approved(let by, _): "uid \(by.uid)"
    default: nil
    }
  }
}
