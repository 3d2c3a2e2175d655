internal import AuditLog
internal import Glibc
internal import JobQueue
internal import StrictJSON
internal import SystemCalls
internal import WireProtocol

/// The running worker: its sockets, its jobs and its repositories, from the start to the orderly end.
struct Service: Sendable {
  private let worker: Worker
  /// The clients' and, last, the administrators'.
  private let sockets: [Listener]
  private let listeners = Listeners()
  private let reloader: Reloader
  private let places: SocketPlaces

  /// Opens everything; when this returns, clients can connect.
  ///
  /// - Parameter reread: reads the configuration file again; nil where there is none.
  init(
    _ configuration: Configuration, laneProgram: String,
    reread: (@Sendable () throws(ConfigurationError) -> Configuration)?
  ) async throws(StartError) {
    try Self.checkKernelWord()
    let activation = try Self.activation(configuration)
    try Self.prepareDirectories(configuration, activation)
    let budget = try Self.shareDescriptors(configuration.limits)
    // While there are descriptors for it.
    _ = EventLoop.forChildren
    let loop = EventLoop(label: "requests")
    let files = EventLoop(label: "files")
    let store = try await Self.openStore(configuration, loop, files)
    let identity = try Self.identity(in: configuration.stateDirectory)
    let audit = try await Self.openAudit(configuration, worker: identity, store, loop, files)
    let maker = RepositoryMaker(
      identity: identity, laneProgram: laneProgram, store: store, audit: audit,
      records: Records(store, audit, executor: loop),
      pool: LanePool(limit: budget.lanes),
      counters: Counters())
    worker = Self.makeWorker(configuration, maker)
    reloader = Reloader(worker: worker, read: reread, make: maker.repository)
    var places = SocketPlaces()
    var sockets = try Self.clientListeners(configuration, activation, &places, worker, budget, loop)
    sockets.append(
      Listener(
        name: "admin", socket: try Self.socket(activation.admin, configuration.adminSocket, &places),
        handler: AdminHandler(worker: worker, listeners: listeners, reloader: reloader),
        shares: ConnectionShares(
          ConnectionShares.Limits(
            connections: budget.admins, perUser: budget.admins, privileged: [0, ThisProcess.uid])),
        limits: ConnectionLimits(configuration.limits),
        queue: DispatchQueueExecutor(label: "stagekeeper.admin")))
    self.sockets = sockets
    self.places = places
  }

  /// Serves until SIGTERM or SIGINT, and reads the configuration again with SIGHUP; returns when everything is put away.
  func run(until signals: SignalStream) async throws(StartError) {
    await listeners.set(sockets)
    SubordinateUsers.refresh()
    do throws(SystemCallError) {
      for socket in sockets { try await socket.start() }
    } catch {
      throw StartError(status: ExitStatus.systemError, message: "\(error)")
    }
    await worker.releaseApproved()
    for repository in worker.repositories.values { await repository.wake() }
    if let failure = await worker.audit.recorded([AuditEntry(.start)]) { Log.write(.error, "\(failure)") }
    announceReady()
    let keyCheck = Task { await worker.checkKeys() }
    let watch = Task { [places] in await places.watch() }
    var signal = await signals.next()
    while signal == SIGHUP {
      await reloadBySignal()
      signal = await signals.next()
    }
    keyCheck.cancel()
    watch.cancel()
    Log.write(.notice, "stopping", ["signal": "\(signal)"])
    ServiceNotification.stopping()
    await stop()
  }

  private func reloadBySignal() async {
    var entry = AuditEntry(.admin)
    entry.action = "reload"
    entry.outcome = .done
    do throws(WireError) {
      try await worker.checkAudit()
      try await reloader.reload()
    } catch {
      Log.write(.error, error.message)
      entry.outcome = .rejected
      entry.code = error.code.rawValue
    }
    _ = await worker.audit.recorded([entry])
  }

  private func announceReady() {
    let path = worker.configuration.clientSockets.map(\.path).joined(separator: ", ")
    let count = worker.repositories.count
    let line = "ready: \(count) \(count == 1 ? "repository" : "repositories") on \(path)"
    ThisProcess.print("stagekeeperd \(line)\n", to: 1)
    ServiceNotification.ready(line)
  }

  /// What is in flight may finish within the configured time; then it is parked: the journal knows it.
  private func stop() async {
    let seconds = worker.configuration.limits.shutdownSeconds
    await withTaskGroup { group in
      for repository in worker.repositories.values {
        group.addTask { await repository.stop(within: Double(seconds)) }
      }
    }
    try? await worker.store.close()
    await worker.audit.close(with: AuditEntry(.stop))
    places.remove()
    // Those who wait are told how things stand before their connections end.
    for socket in sockets { await socket.drain(within: 2) }
  }

  // MARK: Start

  private static func checkKernelWord() throws(StartError) {
    guard ThisProcess.hasFullUserIDRange() else {
      throw StartError(
        status: ExitStatus.configuration,
        message:
          "this process is in a user namespace that does not map all user ids, so that every client would "
          + "look like the same user; with systemd, set PrivateUsers=no")
    }
  }

  private static func activation(_ configuration: Configuration) throws(StartError) -> SocketActivation {
    do throws(ConfigurationError) {
      return try SocketActivation(configuration)
    } catch {
      throw StartError(status: ExitStatus.configuration, message: error.message)
    }
  }

  private static func prepareDirectories(
    _ configuration: Configuration, _ activation: borrowing SocketActivation
  ) throws(StartError) {
    do throws(SystemCallError) {
      try Files.makeDirectories(configuration.stateDirectory, mode: 0o700)
      let sockets =
        zip(activation.clients, configuration.clientSockets).map { ($0, $1) }
        + [(activation.admin, configuration.adminSocket)]
      for (passed, socket) in sockets where passed == nil {
        let folder = socket.path.lastIndex(of: "/").map { String(socket.path[..<$0]) } ?? ""
        if !folder.isEmpty { try Files.makeDirectories(folder, mode: 0o755) }
      }
    } catch {
      throw StartError(status: ExitStatus.systemError, message: "\(error)")
    }
  }

  private static func openStore(
    _ configuration: Configuration, _ executor: any SerialQueue, _ files: any SerialQueue
  ) async throws(StartError) -> JobStore {
    var settings = JobStoreConfiguration()
    settings.retention = JobRetention(
      milliseconds: Int64(configuration.limits.finishedJobSeconds) * 1000)
    settings.maximumOpenJobs = .max
    settings.maximumOpenJobsPerTenant = configuration.limits.jobsPerTenant
    settings.maximumOpenJobsPerTenantAndRepository = configuration.limits.jobsPerTenantAndRepository
    do throws(JobStoreError) {
      return try JobStore.open(
        directory: configuration.stateDirectory + "/journal", configuration: settings, executor: executor,
        journalQueue: files, awaitsLog: true
      ) { error in
        Daemon.finish(
          ExitStatus.systemError, error: "the journal can't be written, and nothing is certain: \(error)")
      }
    } catch {
      let status = error.code == .inUse ? ExitStatus.temporary : ExitStatus.systemError
      throw StartError(status: status, message: error.description)
    }
  }

  /// The worker's name in trailers: twelve random hexadecimal digits, kept beside the journal.
  private static func identity(in directory: String) throws(StartError) -> String {
    let path = directory + "/worker-id"
    do throws(SystemCallError) {
      if try Files.kind(of: path) == .file {
        let text = String(decoding: try Files.read(path, limit: 64), as: UTF8.self).filter {
          !$0.isWhitespace
        }
        if text.count == 12, text.allSatisfy(\.isHexDigit) { return text }
        throw SystemCallError(.invalidArgument, "read the worker's name in \"\(path)\"")
      }
      let identity = try ThisProcess.randomBytes(6).map { byte in
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }.joined()
      try Files.replace(path, with: Array((identity + "\n").utf8))
      return identity
    } catch {
      throw StartError(status: ExitStatus.systemError, message: "\(error)")
    }
  }

  /// A listener for each client socket; the limits hold for all of them together.
  private static func clientListeners(
    _ configuration: Configuration, _ activation: borrowing SocketActivation, _ places: inout SocketPlaces,
    _ worker: Worker, _ budget: DescriptorBudget, _ loop: EventLoop
  ) throws(StartError) -> [Listener] {
    let limits = configuration.limits
    let shares = ConnectionShares(
      ConnectionShares.Limits(connections: budget.clients, perUser: limits.connectionsPerUser))
    var connection = ConnectionLimits(limits)
    connection.shares = UserShares(
      UserShares.Limits(
        requests: limits.requestsPerUser, perSecond: limits.requestsPerSecond, burst: limits.requestBurst))
    var listeners: [Listener] = []
    for (passed, socket) in zip(activation.clients, configuration.clientSockets) {
      listeners.append(
        Listener(
          name: "client", socket: try Self.socket(passed, socket, &places),
          handler: ClientHandler(worker: worker), shares: shares, limits: connection, tenant: socket.tenant,
          queue: loop))
    }
    return listeners
  }

  private static func socket(
    _ passed: Int32?, _ configuration: SocketConfiguration, _ places: inout SocketPlaces
  ) throws(StartError) -> FileDescriptor {
    do throws(SystemCallError) {
      if let passed {
        let socket = FileDescriptor(takingOwnership: passed)
        try socket.setNonBlocking(true)
        return socket
      }
      return try places.listen(configuration)
    } catch {
      let isTaken = error.errno == .addressInUse
      throw StartError(
        status: isTaken ? ExitStatus.temporary : ExitStatus.systemError,
        message: isTaken
          ? "another worker listens on \(configuration.path)" : configuration.problem(error.errno))
    }
  }

  private static func makeWorker(_ configuration: Configuration, _ maker: RepositoryMaker) -> Worker {
    let policy = Policy(configuration)
    var repositories: [String: Repository] = [:]
    for repository in configuration.repositories {
      repositories[repository.id] = maker.repository(repository, configuration, policy)
    }
    let settings = Settings(
      Settings.Snapshot(configuration: configuration, policy: policy, repositories: repositories))
    return Worker(
      identity: maker.identity, settings: settings, store: maker.store, audit: maker.audit,
      records: maker.records, counters: maker.counters,
      startedAt: WallClock.milliseconds)
  }
}

extension SocketConfiguration {
  /// Why nobody can listen there, and what to do; the call itself names a temporary path.
  fileprivate func problem(_ errno: Errno) -> String {
    let whose = tenant.map { ", the socket of tenant '\($0.escapedForMessage)'" } ?? ""
    return
      "can't listen on \(path.escapedForMessage)\(whose): \(errno); give the socket a unit of systemd's that "
      + "passes it (docs/configuration.md, \"Under systemd\"), or have the worker's user own its folder"
  }
}

extension ConnectionLimits {
  fileprivate init(_ limits: Limits) {
    self.init(
      openRequests: limits.requestsPerConnection, frame: Double(limits.frameSeconds),
      idle: Double(limits.idleSeconds))
  }
}

/// Makes repositories with what they all share.
private struct RepositoryMaker: Sendable {
  let identity: String
  let laneProgram: String
  let store: JobStore
  let audit: AuditLog
  let records: Records
  let pool: LanePool
  let counters: Counters

  func repository(
    _ repository: RepositoryConfiguration, _ configuration: Configuration, _ policy: Policy
  ) -> Repository {
    Repository(
      repository, worker: identity, stateDirectory: configuration.stateDirectory, laneProgram: laneProgram,
      limits: configuration.limits, policy: policy, store: store, records: records, pool: pool,
      counters: counters)
  }
}
