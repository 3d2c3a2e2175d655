internal import AuditLog
internal import JobQueue
internal import SystemCalls
internal import WireProtocol

/// Reads the configuration again while the worker runs.
actor Reloader {
  let worker: Worker
  /// Reads what the command line named; nil where there is nothing to read again.
  let read: (@Sendable () throws(ConfigurationError) -> Configuration)?
  /// Makes a repository that the configuration did not have before.
  let make: @Sendable (RepositoryConfiguration, Configuration, Policy) -> Repository
  /// Those that the worker has started with, some of which hold until it ends.
  private let startLimits: Limits
  /// Of reloads, so that an older file never takes the place of a newer one.
  private var turns = TurnLine()

  init(
    worker: Worker, read: (@Sendable () throws(ConfigurationError) -> Configuration)?,
    make: @escaping @Sendable (RepositoryConfiguration, Configuration, Policy) -> Repository
  ) {
    self.worker = worker
    self.read = read
    self.make = make
    startLimits = worker.configuration.limits
  }

  /// Takes over repositories, credentials, tenants, grants and limits. Jobs that wait are judged by the new
  /// policy when their turn comes. Sockets and the state directory stay as they are.
  ///
  /// - Returns: the paths of the changed settings that only a restart applies.
  /// - Throws: what is wrong with the file; nothing has changed then.
  @discardableResult
  func reload() async throws(WireError) -> [String] {
    if !turns.takeIfFree() { await withCheckedContinuation { turns.wait($0) } }
    defer { turns.pass() }
    let new = try configuration()
    let old = worker.settings.current
    let policy = Policy(new)
    var repositories: [String: Repository] = [:]
    for configuration in new.repositories {
      repositories[configuration.id] = old.repositories[configuration.id] ?? make(configuration, new, policy)
    }
    let all = repositories
    worker.settings.update { snapshot in
      snapshot.configuration = new
      snapshot.policy = policy
      snapshot.repositories = all
    }
    await worker.audit.reconfigure(new.audit)
    for configuration in new.repositories {
      await all[configuration.id]?.reconfigure(configuration, limits: new.limits, policy: policy)
    }
    await worker.releaseApproved()
    for (id, repository) in old.repositories where all[id] == nil {
      await repository.stop(within: 0)
      await worker.store.announceChange(in: id)
    }
    for id in all.keys where old.repositories[id] == nil { await worker.store.announceChange(in: id) }
    await worker.warnOfJobsWithoutRepository()
    Task { [worker] in await worker.checkKeys() }
    let needRestart = new.limits.fixedAtStart(differingFrom: startLimits).map { "limits.\($0)" }
    Log.write(.notice, "the configuration was read again", ["repositories": "\(new.repositories.count)"])
    if !needRestart.isEmpty {
      Log.write(
        .warning, "only a restart applies what has changed here",
        ["settings": needRestart.joined(separator: " ")])
    }
    return needRestart
  }

  private func configuration() throws(WireError) -> Configuration {
    guard let read else {
      throw WireError(
        .invalidRequest, category: .refused,
        "the worker was started without a configuration file: there is nothing to read")
    }
    let new: Configuration
    do throws(ConfigurationError) {
      new = try read()
    } catch {
      throw WireError(.invalidConfiguration, category: .refused, "nothing has changed: \(error)")
    }
    let old = worker.configuration
    guard new.stateDirectory == old.stateDirectory, new.clientSockets == old.clientSockets,
      new.adminSocket == old.adminSocket
    else {
      throw WireError(
        .invalidConfiguration, category: .refused,
        "nothing has changed: sockets and stateDirectory change only with a restart")
    }
    return new
  }
}

extension Worker {
  /// Jobs are not lost for a repository's being left out of the configuration, and nobody works on them.
  func warnOfJobsWithoutRepository() async {
    let lines = (try? await store.queueStatistics)?.repositories ?? []
    for line in lines where line.openJobs > 0 && repositories[line.repository] == nil {
      Log.write(
        .warning, "jobs wait for a repository that is not configured",
        ["repository": line.repository, "jobs": "\(line.openJobs)"])
    }
  }
}

extension RepositoryStatistics {
  /// Unfinished jobs.
  var openJobs: Int { queued + running + waiting + awaitingApproval }
}

extension WireError.Code {
  static let invalidConfiguration = Self(rawValue: "invalid_configuration")
}
