import JobQueue
import StrictJSON
import Synchronization
import SystemCalls
import WireProtocol
import TestSupport
import Testing

/// A clock that goes on by a millisecond whenever it is read.
final class TickingClock: Sendable {
  private let time: Mutex<Int64>

  init(start: Int64) { time = Mutex(start) }

  func next() -> Int64 {
    time.withLock { time in
      time += 1
      return time
    }
  }
}

/// What must hold was found not to.
struct Violation: Error, CustomStringConvertible {
  let description: String
}

/// A worker with its clients over one state directory, through crashes: each call is made as the real
/// worker makes it, and everything that was promised is written down and checked after every start.
final class Simulation {
  let directory: TemporaryDirectory
  let disk: FaultyDisk
  var random: SeededGenerator
  var remote = SimulatedRemote()
  private(set) var store: JobStore?
  private var clock: Int64 = 1_700_000_000_000
  private var nextKey = 0
  private var nextObject = 0
  /// Requests that were acknowledged.
  private(set) var accepted: [String: (id: JobID, request: JobRequest)] = [:]
  /// Requests whose fate their client does not know.
  private var unanswered: [JobRequest] = []
  /// What somebody was told of how a job ended.
  private var ends: [JobID: JobState] = [:]
  private var retried: Set<JobID> = []
  private(set) var sessions = 0

  init(seed: UInt64, directory: TemporaryDirectory, disk: FaultyDisk = FaultyDisk()) {
    self.directory = directory
    self.disk = disk
    random = SeededGenerator(seed: seed)
  }

  // MARK: Starting and stopping

  /// Starts the worker. Returns false when it did not come up because of a fault.
  func start() async throws -> Bool {
    sessions += 1
    var configuration = JobStoreConfiguration(
      reservedBytes: 4096, reservedBytesPerJob: 512, reservationStep: 2048, compactionMinimum: 6000,
      faults: disk)
    clock += 1000
    let ticks = TickingClock(start: clock)
    configuration.now = { ticks.next() }
    do throws(JobStoreError) {
      store = try JobStore.open(directory: directory.path, configuration: configuration) { _ in }
    } catch {
      if error.code == .failed { return false }
      throw error
    }
    return try await isAlive { try await self.checkPromises() }
  }

  /// Runs something; false when the store has failed.
  private func isAlive(_ body: () async throws -> Void) async throws -> Bool {
    do {
      try await body()
    } catch {
      guard let failure = error as? JobStoreError else { throw error }
      if failure.code == .failed { return false }
      if failure.code != .busy { throw error }
    }
    return true
  }

  /// The process is gone.
  func stop() async {
    try? await store?.close()
    store = nil
  }

  /// The process is gone, and with it perhaps what the disk did not have yet.
  func crash() async throws {
    await stop()
    if Bool.random(using: &random) {
      try disk.restartAfterPowerLoss(&random)
    } else {
      disk.restart()
    }
  }

  /// Acts at random until the steps are done or the store has failed.
  ///
  /// - Returns: false when it has failed.
  func act(steps: Int) async throws -> Bool {
    for _ in 0..<steps {
      if try await !isAlive({ try await self.actOnce() }) { return false }
    }
    return true
  }

  /// Without any more faults, everything that was accepted comes to an end.
  func finish() async throws {
    guard let store else { throw Violation(description: "not started") }
    for request in unanswered { try await submit([request]) }
    for _ in 0..<2000 {
      clock += 100_000
      remote.deliverLate(&random)
      if try await store.repositoriesWithWork().isEmpty { break }
      try await runBatch(calm: true)
    }
    // A cancelled job may have ended with a record that nobody waited for.
    try await store.untilDurable()
    try await checkEffects()
  }

  // MARK: Acting

  private func actOnce() async throws {
    clock += Int64.random(in: 0...50, using: &random)
    switch Int.random(in: 0..<12, using: &random) {
    case 0..<4: try await submitSome()
    case 4..<8: try await runBatch(calm: false)
    case 8: try await cancelSome()
    case 9: try await retrySome()
    case 10: remote.deliverLate(&random)
    default: try await readSome()
    }
  }

  private func submitSome() async throws {
    if let request = unanswered.last, Bool.random(using: &random) { return try await submit([request]) }
    if let known = accepted.randomElement(using: &random)?.value, Int.random(in: 0..<4, using: &random) == 0 {
      return try await submit([known.request])
    }
    try await submit((0..<Int.random(in: 1...4, using: &random)).map { _ in newRequest() })
  }

  private func newRequest() -> JobRequest {
    nextKey += 1
    let tenant = Int.random(in: 0..<3, using: &random)
    return JobRequest(
      repository: "churn", artifact: "model-\(Int.random(in: 0..<3, using: &random))",
      requester: Requester(uid: UInt32(1000 + tenant), tenant: "tenant-\(tenant)"), requestKey: "\(nextKey)",
      body: ["stage": "prod", "number": .integer(Int64(nextKey))])
  }

  /// Submits at once; what gets no answer is remembered as such.
  private func submit(_ requests: [JobRequest]) async throws {
    guard let store else { return }
    let answers = await withTaskGroup(of: (JobRequest, Result<Submission, JobStoreError>).self) { group in
      for request in requests {
        group.addTask {
          (request, await Self.answer(store, request))
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    for (request, answer) in answers { try note(request, answer) }
    for case (_, .failure(let error)) in answers { throw error }
  }

  private static func answer(
    _ store: JobStore, _ request: JobRequest
  ) async -> Result<Submission, JobStoreError> {
    do throws(JobStoreError) {
      return .success(try await store.submit(request))
    } catch {
      return .failure(error)
    }
  }

  private func note(_ request: JobRequest, _ answer: Result<Submission, JobStoreError>) throws {
    let key = request.requestKey ?? ""
    switch answer {
    case .failure(let error):
      if error.code == .failed, accepted[key] == nil, !unanswered.contains(request) {
        unanswered.append(request)
      }
    case .success(let submission):
      if let known = accepted[key], known.id != submission.job.id {
        throw Violation(description: "key \(key) became job \(known.id) and job \(submission.job.id)")
      }
      if accepted.contains(where: { $0.key != key && $0.value.id == submission.job.id }) {
        throw Violation(description: "job \(submission.job.id) has two requests")
      }
      accepted[key] = (submission.job.id, request)
      unanswered.removeAll { $0.requestKey == key }
    }
  }

  private func cancelSome() async throws {
    guard let id = accepted.values.map(\.id).sorted().randomElement(using: &random) else { return }
    do throws(JobStoreError) {
      let job = try await store?.cancel(id, by: nil)
      if let job { try noteEnd(job) }
    } catch {
      if error.code != .impossible { throw error }
    }
  }

  private func retrySome() async throws {
    for id in accepted.values.map(\.id).sorted() {
      guard let job = try await store?.job(id), job.state.name == .failed else { continue }
      for other in try await store?.jobs() ?? [] where other.id == id || isTriedAgain(other, with: job) {
        ends[other.id] = nil
        retried.insert(other.id)
      }
      _ = try await store?.retry(id, by: nil)
    }
  }

  private func isTriedAgain(_ other: Job, with job: Job) -> Bool {
    other.state.name == .failed && !other.intents.isEmpty && !job.intents.isEmpty
      && other.request.artifact == job.request.artifact
  }

  private func readSome() async throws {
    for job in try await store?.jobs() ?? [] where job.state.isFinished { try noteEnd(job) }
  }

  // MARK: The worker

  private func runBatch(calm: Bool) async throws {
    guard let store else { return }
    clock += 10
    let limit = Int.random(in: 1...3, using: &random)
    let batch = try await store.nextBatch(repository: "churn", limit: limit)
    // What a job has to wait for, those behind it have to wait for too: they go back in line.
    var held: Set<[String]> = []
    for job in batch.jobs {
      let line = [job.request.requester.tenant, job.request.artifact]
      if held.contains(line) { continue }
      if calm || Int.random(in: 0..<12, using: &random) > 0 { try await run(job, calm: calm) }
      if try await store.job(job.id)?.state.isFinished == false { held.insert(line) }
    }
    try await store.finishBatch(repository: "churn", milliseconds: 5)
  }

  private func run(_ job: Job, calm: Bool) async throws {
    guard let store else { return }
    var step: JobStep? = job.intents.isEmpty ? .plan : .settle(job.intents)
    while let current = step { step = try await take(current, job, store, calm: calm) }
  }

  private func take(_ step: JobStep, _ job: Job, _ store: JobStore, calm: Bool) async throws -> JobStep? {
    switch step {
    case .plan: return try await plan(job, calm: calm)
    case .settle(let intents): return try await push(job, intents, calm: calm)
    case .push(let intents):
      try await store.record(job.id, .pushing)
      return try await push(job, intents, calm: calm)
    case .finish:
      if let job = try await store.job(job.id) { try noteEnd(job) }
      return nil
    default: return nil
    }
  }

  private func plan(_ job: Job, calm: Bool) async throws -> JobStep {
    guard let store else { return .finish }
    let chance = calm ? 9 : Int.random(in: 0..<10, using: &random)
    let error = JobError(code: "test", message: "by chance")
    if chance == 0 { return try await store.record(job.id, .rejected(error)) }
    if chance == 1 { return try await store.record(job.id, .waiting(until: clock + 500, error)) }
    if chance == 2 { return try await store.record(job.id, .failed(error)) }
    nextObject += 1
    let counter = remote.nextCounter(job.request.artifact)
    let intent = Intent(
      ref: "refs/tags/\(job.request.artifact)#prod#\(counter)", objectID: "job-\(job.id)-\(nextObject)",
      object: [UInt8](repeating: 7, count: 100))
    return try await store.record(job.id, .prepared([intent]))
  }

  private func push(_ job: Job, _ intents: [Intent], calm: Bool) async throws -> JobStep {
    guard let store, let intent = intents.first else { return .finish }
    let error = JobError(code: "test", message: "by the remote")
    switch remote.push(intent, &random, calm: calm) {
    case .landed: return try await store.record(job.id, .succeeded(["ref": .string(intent.ref)]))
    case .taken: return try await store.record(job.id, .replanned(error))
    case .refused: return try await store.record(job.id, .rejected(error))
    case .unknown:
      let gaveUp = Int.random(in: 0..<4, using: &random) == 0
      return try await store.record(
        job.id, gaveUp ? .failed(error) : .waiting(until: clock + 300, error))
    }
  }

  // MARK: What must hold

  /// What somebody was told of the end of a job stays true.
  private func noteEnd(_ job: Job) throws(JobStoreError) {
    guard job.state.isFinished else { return }
    if let told = ends[job.id], told != job.state {
      Issue.record(Violation(description: "job \(job.id) ended as \(told) and as \(job.state)"))
    }
    ends[job.id] = job.state
  }

  private func checkPromises() async throws {
    guard let store else { return }
    for (key, promise) in accepted {
      guard let job = try await store.job(promise.id) else {
        throw Violation(description: "job \(promise.id) of key \(key) is lost")
      }
      if job.request != promise.request { throw Violation(description: "job \(job.id) has another request") }
      if let end = ends[job.id], end != job.state {
        throw Violation(description: "job \(job.id) had ended as \(end) and is \(job.state)")
      }
    }
  }

  private func checkEffects() async throws {
    guard let store else { return }
    try await checkPromises()
    var counters: [String: [(id: JobID, counter: Int)]] = [:]
    for job in try await store.jobs(JobFilter(limit: .max)) {
      guard job.state.isFinished else { throw Violation(description: "job \(job.id) is \(job.state)") }
      let refs = remote.refs(of: job.id)
      switch job.state {
      case .succeeded(let result):
        guard refs.count == 1, refs.first == result["ref"]?.stringValue else {
          throw Violation(description: "job \(job.id) reports \(result.text()) and has \(refs)")
        }
        let line = "\(job.request.requester.tenant) \(job.request.artifact)"
        let counter = Int(refs[0].split(separator: "#").last ?? "") ?? 0
        if !retried.contains(job.id) { counters[line, default: []].append((job.id, counter)) }
      case .failed where refs.count > 1, .rejected where !refs.isEmpty, .cancelled where !refs.isEmpty:
        throw Violation(description: "job \(job.id) is \(job.state) and has \(refs)")
      default: break
      }
    }
    for (line, pairs) in counters {
      let inOrder = pairs.sorted { $0.id < $1.id }.map(\.counter)
      if inOrder != inOrder.sorted() { throw Violation(description: "\(line): out of order: \(pairs)") }
    }
  }
}
