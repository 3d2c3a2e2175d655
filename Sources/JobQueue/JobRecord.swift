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

  /// The job that it is about, where it is about one that changes.
  var job: JobID? {
    switch self {
    case .submitted(let id, _, _), .event(let id, _, _): id
    case .base, .kept, .dropped, .paused: nil
    }
  }
}

/// A record that contradicts the ones before it.
struct ContradictoryRecord: Error, Equatable, Sendable, CustomStringConvertible {
  let description: String
}
