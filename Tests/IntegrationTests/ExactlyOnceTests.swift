import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// Worker, lanes and connections are killed at random under load; what was accepted takes effect once.
///
/// `STAGEKEEPER_KILL_ROUNDS` is the number of kills (15 over ssh, 8 otherwise), `STAGEKEEPER_KILL_SEED` repeats what a
/// failure named.
@Suite(.serialized)
struct ExactlyOnceTests {
  /// What is killed.
  enum Victim: CaseIterable {
    case worker, lane, laneThenWorker, connections
  }

  /// How the worker reaches its remote.
  enum Way: String, CaseIterable, Sendable {
    case ssh, https, path

    /// Starts a server, which lives as long as what is returned second.
    ///
    /// - Returns: the repository's members in the configuration, and what cuts the connections that are open.
    func serve(_ remote: GitFixture) throws -> (entry: String, cutConnections: () -> Void) {
      switch self {
      case .ssh:
        let server = try SSHServer()
        let ssh = "keyFile: \"\(server.keyFile)\", knownHostsFile: \"\(server.knownHostsFile)\""
        return ("url: \"\(server.url(remote.path))\", ssh: { \(ssh) }", server.dropConnections)
      case .https:
        let server = try HTTPSGitServer()
        let https = "username: \"ci\", tokenFile: \"\(server.tokenFile)\", caFile: \"\(server.caFile)\""
        return ("url: \"\(server.url(remote.path))\", https: { \(https) }", server.dropConnections)
      case .path: return ("url: \"\(remote.path)\"", {})
      }
    }
  }

  @Test("kill -9 of worker and lanes at random, under load", arguments: Way.allCases)
  func killAtRandom(_ way: Way) throws {
    let rounds =
      ThisProcess.environment("STAGEKEEPER_KILL_ROUNDS").flatMap { Int($0) } ?? (way == .ssh ? 15 : 8)
    let seed =
      try ThisProcess.environment("STAGEKEEPER_KILL_SEED").flatMap { UInt64($0) }
      ?? ThisProcess.randomBytes(7).reduce(0) { $0 << 8 | UInt64($1) }
    do {
      let problems = try KillRun(seed: seed, way).run(rounds: rounds)
      #expect(problems.isEmpty, "STAGEKEEPER_KILL_SEED=\(seed)")
    } catch {
      Issue.record(error, "STAGEKEEPER_KILL_SEED=\(seed)")
    }
  }
}

/// One run under load with kills.
private final class KillRun {
  private var random: SeededGenerator
  private let remote: GitFixture
  private let cutConnections: () -> Void
  private let worker: WorkerFixture
  private let check: ExactlyOnceCheck
  private var clients: [PromotionLoop] = []
  private var acknowledged: [String: String] = [:]
  private var seen: [String: String] = [:]

  init(seed: UInt64, _ way: ExactlyOnceTests.Way) throws {
    random = SeededGenerator(seed: seed)
    remote = try GitFixture()
    try remote.tag("model@v1.0.0")
    let entry: String
    (entry, cutConnections) = try way.serve(remote)
    worker = try WorkerFixture(
      configuration: """
        repositories: { demo: { \(entry) } }, \(ownerGrant)
        limits: { attempts: 1000, backoffMilliseconds: 20, backoffMaximumSeconds: 1 },
        """)
    check = ExactlyOnceCheck(worker: worker, remote: remote, repository: "demo")
  }

  /// - Returns: what is wrong.
  func run(rounds: Int) throws -> [String] {
    for number in 1...4 { clients.append(try PromotionLoop("client\(number)", worker: worker)) }
    var problems: [String] = []
    for round in 1...rounds where problems.isEmpty {
      try waitForProgress()
      try kill(ExactlyOnceTests.Victim.allCases.randomElement(using: &random) ?? .worker)
      problems = try keptPromises().map { "round \(round): \($0)" }
    }
    for client in clients { try client.stop() }
    try check.waitUntilNothingIsInLine()
    if problems.isEmpty { problems = try keptPromises() + check.problems() }
    try worker.stop()
    return problems
  }

  /// Some tags more than at the last kill, then a moment more, so that every step is hit.
  private func waitForProgress() throws {
    let wanted = seen.count + Int.random(in: 1...6, using: &random)
    try Eventually.holds("\(wanted) tags; \(worker.output.suffix(2000))") {
      try remote.tags().count >= wanted
    }
    for _ in 0..<Int.random(in: 0...3000, using: &random) { _ = ProcessTable.isAlive(worker.pid) }
  }

  private func kill(_ victim: ExactlyOnceTests.Victim) throws {
    for client in clients { acknowledged.merge(try client.acknowledged()) { _, new in new } }
    switch victim {
    case .worker: try worker.crash()
    case .lane: killLane()
    case .laneThenWorker:
      killLane()
      try worker.crash()
    case .connections: cutConnections()
    }
    if worker.pid == 0 { try worker.start() }
  }

  private func killLane() {
    for child in ProcessTable.descendants(of: worker.pid) where ProcessTable.isLane(child) {
      ProcessTable.kill(child)
    }
  }

  /// Whatever happened, what was acknowledged is known, and what was in the remote is there unchanged.
  private func keptPromises() throws -> [String] {
    let known = try check.knownJobs()
    let lost = acknowledged.filter { !known.contains($0.value) }
    let tags = try RemoteTags(of: remote).ids
    let changed = seen.filter { tags[$0.key] != $0.value }
    seen = tags
    let shared = Dictionary(grouping: acknowledged, by: \.value).filter { $0.value.count > 1 }
    return lost.map { "\($0.key) was acknowledged as job \($0.value), which nobody knows" }
      + changed.map { "\($0.key) was \($0.value) and is \(tags[$0.key] ?? "gone")" }
      + shared.map { "\($0.value.map(\.key)) were all acknowledged as job \($0.key)" }
  }
}
