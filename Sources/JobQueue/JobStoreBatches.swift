internal import WireProtocol

extension JobStore {
  // MARK: Batches

  /// Begins the repository's next batch: fair among tenants, in order within a tenant and artifact. Empty
  /// while one is in flight, while the repository is paused, and when nothing can run now. Jobs whose
  /// deadline has passed are rejected on the way.
  ///
  /// - Parameter limit: the most jobs it may hold, at least 1.
  public func nextBatch(repository: String, limit: Int) throws(JobStoreError) -> Batch {
    try check("begin a batch")
    let now = configuration.now()
    let (ids, expired) = table.nextBatch(repository: repository, limit: max(1, limit), now: now)
    let error = JobError(code: JobError.deadlinePassed, message: "its deadline passed before its turn came")
    for id in expired { try expire(id, error) }
    for id in ids { try changeNow(id, .started) }
    return Batch(
      repository: repository, jobs: ids.compactMap { table.jobs[$0] },
      nextAttempt: table.nextWakeUp(repository: repository))
  }

  /// Ends the batch in flight. Jobs of it that are still running go back to their places in line.
  ///
  /// - Parameter milliseconds: the time it took, charged to the tenants that took part, in equal shares.
  public func finishBatch(repository: String, milliseconds: Int64) throws(JobStoreError) {
    try check("end a batch")
    for id in table.line(repository)?.inFlight ?? [] where table.jobs[id]?.state.name == .running {
      try changeNow(id, .interrupted)
    }
    table.finishBatch(repository: repository, microseconds: min(milliseconds, 1 << 40) * 1000)
    noteMove(in: repository)
  }
}
