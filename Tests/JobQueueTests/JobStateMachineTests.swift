import JobQueue
import StrictJSON
import Testing

/// A state is reached by its events, and each event is tried in each state.
@Suite struct JobStateMachineTests {
  static let intents = [Sample.intent()]
  /// How to get into each state from the beginning.
  static let paths: [String: [JobEvent]] = [
    "queued": [],
    "planned": [.started],
    "prepared": [.started, .prepared(intents)],
    "pushing": [.started, .prepared(intents), .pushing],
    "waiting": [.started, .waiting(until: 5, Sample.error)],
    "waitingUnsettled": [.started, .prepared(intents), .pushing, .waiting(until: 5, Sample.error)],
    "queuedUnsettled": [.started, .prepared(intents), .interrupted],
    "awaiting": [.started, .approvalAsked(Sample.plan, until: 50)],
    "approvedQueued": [
      .started, .approvalAsked(Sample.plan, until: 50), .approved(Sample.approver(), message: "ok"),
      .released,
    ],
    "approvedPlanned": [
      .started, .approvalAsked(Sample.plan, until: 50), .approved(Sample.approver(), message: nil), .released,
      .started,
    ],
    "succeeded": [.started, .succeeded(["ref": "x"])],
    "rejected": [.started, .rejected(Sample.error)],
    "failed": [.started, .failed(Sample.error)],
    "failedUnsettled": [.started, .prepared(intents), .failed(Sample.error)],
    "cancelled": [.cancelRequested(by: nil)],
  ]
  static let events: [JobEvent] = [
    .started, .prepared(intents), .pushing, .replanned(Sample.error), .waiting(until: 9, Sample.error),
    .interrupted, .succeeded(1), .rejected(Sample.error), .failed(Sample.error), .cancelRequested(by: nil),
    .retried(by: nil), .approvalAsked(Sample.plan, until: 60), .approved(Sample.approver(), message: nil),
    .released,
  ]
  /// What may happen, and what is to be done then. Everything else is impossible.
  static let allowed: [String: [String: JobStep]] = [
    "queued": ["started": .plan, "rejected": .finish, "cancelRequested": .finish],
    "planned": [
      "prepared": .push(intents), "waiting": .wait(until: 9), "interrupted": .standInLine,
      "succeeded": .finish, "rejected": .finish, "failed": .finish, "cancelRequested": .proceed,
      "approvalAsked": .awaitApproval(until: 60),
    ],
    "awaiting": [
      "approved": .awaitApproval(until: 50), "released": .standInLine, "rejected": .finish,
      "cancelRequested": .finish,
    ],
    "approvedQueued": ["started": .plan, "rejected": .finish, "cancelRequested": .finish],
    "approvedPlanned": [
      "prepared": .push(intents), "waiting": .wait(until: 9), "interrupted": .standInLine,
      "succeeded": .finish, "rejected": .finish, "failed": .finish, "cancelRequested": .proceed,
      // Asked again, because an approval counts no longer, it has no more time than at first.
      "approvalAsked": .awaitApproval(until: 50),
    ],
    "prepared": [
      "pushing": .proceed, "replanned": .plan, "waiting": .wait(until: 9), "interrupted": .standInLine,
      "succeeded": .finish, "rejected": .finish, "failed": .finish, "cancelRequested": .proceed,
    ],
    "pushing": [
      "replanned": .plan, "waiting": .wait(until: 9), "interrupted": .standInLine, "succeeded": .finish,
      "rejected": .finish, "failed": .finish, "cancelRequested": .proceed,
    ],
    "waiting": [
      "started": .plan, "rejected": .finish, "cancelRequested": .finish, "retried": .standInLine,
    ],
    "waitingUnsettled": [
      "started": .settle(intents), "cancelRequested": .wait(until: 5), "retried": .standInLine,
    ],
    "queuedUnsettled": ["started": .settle(intents), "cancelRequested": .standInLine],
    "failed": ["retried": .standInLine],
    "failedUnsettled": ["retried": .standInLine],
  ]

  private func job(_ path: [JobEvent]) throws -> Job {
    var job = Sample.job()
    for event in path { _ = try job.apply(event, at: 1) }
    return job
  }

  @Test(arguments: paths.keys.sorted(), events)
  func everyEventInEveryState(state: String, event: JobEvent) throws {
    var job = try job(Self.paths[state] ?? [])
    let before = job
    if let step = Self.allowed[state]?[event.name] {
      #expect(try job.apply(event, at: 7) == step)
      #expect(job.transitions.last?.time == 7)
      #expect(job.transitions.last?.event == event.name)
      #expect(job.transitions.last?.state == job.state.name)
    } else {
      #expect(throws: ImpossibleTransition.self) { try job.apply(event, at: 7) }
      #expect(job == before)
    }
  }

  @Test func intentsAreSettledBeforeAnythingElse() throws {
    var job = try job([.started, .prepared(Self.intents), .pushing, .failed(Sample.error)])
    #expect(job.intents == Self.intents)
    _ = try job.apply(.retried(by: nil), at: 2)
    #expect(job.attempts == 0)
    #expect(try job.apply(.started, at: 3) == .settle(Self.intents))
    #expect(throws: ImpossibleTransition.self) { try job.apply(.prepared([Sample.intent("other")]), at: 3) }
    #expect(try job.apply(.replanned(Sample.error), at: 4) == .plan)
    #expect(job.intents.isEmpty)
    #expect(try job.apply(.prepared([Sample.intent("other")]), at: 5) == .push([Sample.intent("other")]))
  }

  @Test func aRunningJobStopsWhereNothingIsUnderWay() throws {
    var planned = try job([.started, .cancelRequested(by: nil)])
    #expect(try planned.apply(.prepared(Self.intents), at: 2) == .finish)
    #expect(planned.state == .cancelled)
    var waiting = try job([.started, .cancelRequested(by: nil)])
    #expect(try waiting.apply(.waiting(until: 9, Sample.error), at: 2) == .finish)
    #expect(waiting.state == .cancelled)
    var interrupted = try job([.started, .cancelRequested(by: nil)])
    #expect(try interrupted.apply(.interrupted, at: 2) == .finish)
    #expect(interrupted.state == .cancelled)
  }

  @Test func whatTheLastAttemptCameToStaysWhereAJobIsRejectedInLine() throws {
    let end = JobError(code: JobError.deadlinePassed, message: "too late")
    var job = try job([
      .started, .prepared(Self.intents), .replanned(Sample.error), .interrupted, .rejected(end),
    ])
    #expect(job.state == .rejected(end) && job.lastError == Sample.error)
    job = try self.job([.rejected(end)])
    #expect(job.lastError == end)
  }

  @Test func aPushedJobStopsOnlyOnceItIsSettled() throws {
    var job = try job([.started, .prepared(Self.intents), .pushing, .cancelRequested(by: nil)])
    #expect(try job.apply(.waiting(until: 9, Sample.error), at: 2) == .wait(until: 9))
    #expect(job.isCancelRequested)
    #expect(try job.apply(.started, at: 3) == .settle(Self.intents))
    var lost = job
    #expect(try lost.apply(.replanned(Sample.error), at: 4) == .finish)
    #expect(lost.state == .cancelled)
    #expect(try job.apply(.succeeded(1), at: 4) == .finish)
    #expect(job.state == .succeeded(1))
  }

  @Test func anApprovalIsOfSomebodyElseInTimeAndForThatPlan() throws {
    var job = try job([.started, .approvalAsked(Sample.plan, until: 50)])
    #expect(job.attempts == 0)
    let own = Sample.approver(uid: job.request.requester.uid)
    #expect(throws: ImpossibleTransition.self) { try job.apply(.approved(own, message: nil), at: 2) }
    #expect(throws: ImpossibleTransition.self) {
      try job.apply(.approved(Sample.approver(), message: nil), at: 50)
    }
    _ = try job.apply(.approved(Sample.approver(), message: "first"), at: 2)
    _ = try job.apply(.approved(Sample.approver(7), message: nil), at: 3)
    _ = try job.apply(.approved(Sample.approver(tenants: ["other"]), message: "again"), at: 49)
    #expect(job.approval?.approvals.map(\.by.uid) == [7, Sample.approver().uid])
    #expect(job.approval?.approvals.last?.message == "again")
    _ = try job.apply(.released, at: 49)
    _ = try job.apply(.started, at: 51)
    var other = Sample.plan
    other.holder = nil
    #expect(throws: ImpossibleTransition.self) { try job.apply(.approvalAsked(other, until: 99), at: 52) }
    #expect(try job.apply(.approvalAsked(Sample.plan, until: 99), at: 52) == .awaitApproval(until: 50))
    #expect(job.approval?.approvals.count == 2 && job.approval?.askedAt == 1)
  }

  @Test func aJobThatIsToStopIsNotAskedFor() throws {
    var job = try job([.started, .cancelRequested(by: nil)])
    #expect(try job.apply(.approvalAsked(Sample.plan, until: 50), at: 2) == .finish)
    #expect(job.state == .cancelled)
  }

  @Test func noIntentsCannotBePushed() throws {
    var job = try job([.started])
    #expect(throws: ImpossibleTransition.self) { try job.apply(.prepared([]), at: 2) }
  }

  @Test func theHistoryIsBounded() throws {
    var job = Sample.job()
    for time in 1...Int64(Job.maximumTransitions) {
      _ = try job.apply(.started, at: time)
      _ = try job.apply(.waiting(until: time, Sample.error), at: time)
    }
    #expect(job.transitions.count == Job.maximumTransitions)
    #expect(job.transitions.first?.event == "submitted")
    #expect(job.transitions.last?.time == Int64(Job.maximumTransitions))
    #expect(job.attempts == Job.maximumTransitions)
    #expect(job.lastError == Sample.error)
  }
}
