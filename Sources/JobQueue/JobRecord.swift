/// One change to the table of jobs: what the journal holds. Live operation and replay apply the same.
enum JobRecord: Equatable, Sendable {
  /// The start of a segment: everything before it is contained in what follows.
  case base(nextID: JobID)
  /// A job as it stood when the segment was begun.
  case kept(Job)
  case submitted(JobID, JobRequest, time: Int64)
  case event(JobID, JobEvent, time: Int64)
  /// Finished jobs whose time is up.
  case dropped([JobID])
  case paused(repository: String, Bool, time: Int64)
}

/// A record that contradicts the ones before it.
struct ContradictoryRecord: Error, Equatable, Sendable, CustomStringConvertible {
  let description: String
}
