import StrictJSON
import TestSupport

/// A remote's tags, as plain Git shows them.
struct RemoteTags {
  /// Tag object's id by the tag's name.
  let ids: [String: String]
  /// `worker/job` by the tag's name, for tags that a worker made.
  let jobs: [String: String]

  init(of remote: GitFixture) throws {
    var ids: [String: String] = [:]
    var jobs: [String: String] = [:]
    let format = "%(refname:short) %(objectname) %(contents)%00"
    let text = try remote.git("for-each-ref", "--format=\(format)", "refs/tags")
    for entry in text.split(separator: "\0") {
      let words = entry.split(whereSeparator: \.isWhitespace)
      guard words.count >= 2 else { continue }
      let name = String(words[0])
      ids[name] = String(words[1])
      let trailers = entry.split(separator: "\n").filter { $0.hasPrefix("Stagekeeper-Job: ") }
      if trailers.count > 1 { throw Program.Failure("\(name) has several trailers: \(trailers)") }
      jobs[name] = trailers.first.map { String($0.dropFirst("Stagekeeper-Job: ".count)) }
    }
    self.ids = ids
    self.jobs = jobs
  }
}

/// Holds a worker's jobs against what its remote shows.
struct ExactlyOnceCheck {
  let worker: WorkerFixture
  let remote: GitFixture
  let repository: String

  /// What is wrong, in sentences; empty when every job has succeeded, each of its tags is in the remote once
  /// and as the object that was reported, and nothing else is there.
  ///
  /// Assumes that nothing is in line any more.
  func problems() throws -> [String] {
    let jobs = try jobs(in: "succeeded")
    let tags = try RemoteTags(of: remote)
    var problems = try unfinished()
    var expected: [String: String] = [:]
    for job in jobs {
      let number = job["job"]?.stringValue ?? "?"
      for tag in job["tags"]?.arrayValue ?? [] {
        let name = tag["ref"]?.stringValue ?? "?"
        if let other = expected.updateValue(number, forKey: name) {
          problems.append("jobs \(other) and \(number) both report \(name)")
        }
        if tags.ids[name] != tag["objectId"]?.stringValue {
          problems.append("\(name) of job \(number) is \(tags.ids[name] ?? "missing"), reported was \(tag)")
        }
        if tags.jobs[name]?.hasSuffix("/\(number)") != true {
          problems.append("\(name) of job \(number) carries \(tags.jobs[name] ?? "no trailer")")
        }
      }
    }
    for (name, job) in tags.jobs where expected[name] == nil {
      problems.append("\(name) was made for \(job), which does not report it")
    }
    return problems + doubled(tags) + disordered(jobs)
  }

  /// The numbers of the jobs that the worker knows, in any state.
  func knownJobs() throws -> Set<String> {
    let states = ["queued", "running", "waiting", "succeeded", "rejected", "failed", "cancelled"]
    return Set(try states.flatMap { try jobs(in: $0) }.compactMap { $0["job"]?.stringValue })
  }

  func waitUntilNothingIsInLine() throws {
    try Eventually.holds("nothing is in line: \(worker.output.suffix(2000))", within: 240) {
      try worker.administer("queue", "--limit", "1")["total"] == 0
    }
  }

  private func jobs(in state: String) throws -> [JSONValue] {
    let answer = try worker.administer(
      "queue", "--repo", repository, "--state", state, "--limit", "10000")
    let jobs = answer["jobs"]?.arrayValue ?? []
    guard Int64(jobs.count) == answer["total"]?.integerValue else {
      throw Program.Failure("more jobs than one answer holds")
    }
    return jobs
  }

  private func unfinished() throws -> [String] {
    try ["queued", "running", "waiting", "rejected", "failed", "cancelled"].flatMap { state in
      try jobs(in: state).map { "job \($0["job"]?.stringValue ?? "?") is \(state): \($0["error"] ?? .null)" }
    }
  }

  /// An event of a job is made once: two tags of one job are of different kinds.
  private func doubled(_ tags: RemoteTags) -> [String] {
    var seen: [String: String] = [:]
    return tags.jobs.sorted { $0.key < $1.key }.compactMap { name, job in
      let event = job + (name.contains("#") ? " assignment" : " registration")
      let other = seen.updateValue(name, forKey: event)
      return other.map { "\(name) and \($0) are both the \(event) of one job" }
    }
  }

  /// Within an artifact, counters follow the order in which the jobs were accepted, from 1 without a gap.
  private func disordered(_ jobs: [JSONValue]) -> [String] {
    var counters: [String: [Int]] = [:]
    for job in jobs.sorted(by: { number($0) < number($1) }) {
      for tag in job["tags"]?.arrayValue ?? [] {
        guard let artifact = job["artifact"]?.stringValue,
          let counter = tag["ref"]?.stringValue?.split(separator: "#").last.flatMap({ Int($0) })
        else { continue }
        counters[artifact, default: []].append(counter)
      }
    }
    return counters.compactMap { artifact, found in
      found == Array(found[0]..<(found[0] + found.count))
        ? nil : "the counters of \(artifact), in the order of the jobs: \(found)"
    }
  }

  private func number(_ job: JSONValue) -> Int { job["job"]?.stringValue.flatMap { Int($0) } ?? 0 }
}
