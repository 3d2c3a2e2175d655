internal import AuditLog
internal import JobQueue
internal import SystemCalls

extension Service {
  /// The audit log of the state directory, with the lines that a crash has left in the journal alone; what happens to
  /// it is logged.
  static func openAudit(
    _ configuration: Configuration, worker: String, _ store: JobStore, _ executor: any SerialQueue,
    _ files: any SerialQueue
  ) async throws(StartError) -> AuditLog {
    do throws(AuditError) {
      let audit = try await AuditLog.open(
        directory: configuration.stateDirectory + "/audit", worker: worker, settings: configuration.audit,
        carriedBy: store, executor: executor, files: files, report: report)
      let restored = await audit.restoredLines
      if restored > 0 {
        Log.write(.notice, "lines that a crash kept from the audit log were added", ["lines": "\(restored)"])
      }
      return audit
    } catch {
      throw StartError(status: ExitStatus.systemError, message: error.description)
    }
  }

  /// Whoever reads the log's descriptor may take his time, and this comes from where clients are answered.
  private static let reports = DispatchQueueExecutor(label: "stagekeeper.reports", hasOwnThread: true)

  @Sendable
  private static func report(_ report: AuditReport) { reports.async { write(report) } }

  private static func write(_ report: AuditReport) {
    switch report {
    case .rotated(let file, let head):
      // Whoever keeps these lines elsewhere can show later that nothing before them was changed.
      Log.write(.notice, "the next file of the audit log", ["file": file, "head": "\(head)"])
    case .tornTailCut(let file, let bytes, let copy):
      Log.write(
        .warning, "an unfinished write at the end of the audit log was cut",
        ["file": file, "bytes": "\(bytes)", "copy": copy])
    case .diskFull(true):
      Log.write(.error, "there is no room for the audit log: nothing is changed any more until there is")
    case .diskFull(false): Log.write(.notice, "there is room for the audit log again")
    case .failed(let error):
      Log.write(
        .error, "the audit log can't be written: nothing is changed any more until the worker starts again",
        ["error": "\(error)"])
    case .notRotated(let error):
      Log.write(.warning, "the files of the audit log were not changed as they should", ["error": "\(error)"])
    }
  }
}

extension AuditLog {
  /// Opens a log whose lines the journal carries. What a crash has left in the journal alone is in the log on return,
  /// and on disk.
  ///
  /// - Parameters:
  ///   - executor: the store's.
  ///   - files: the queue on which the journal is written.
  static func open(
    directory: String, worker: String, settings: AuditSettings = AuditSettings(), carriedBy store: JobStore,
    executor: any SerialQueue, files: any SerialQueue, faults: (any FileFaults)? = nil,
    report: @escaping @Sendable (AuditReport) -> Void = { _ in }
  ) async throws(AuditError) -> AuditLog {
    let lines = await store.replayedLines.map {
      CarriedEntries(first: $0.first, time: $0.time, lines: $0.lines)
    }
    let audit = try AuditLog.open(
      directory: directory, worker: worker, settings: settings, carried: lines, executor: executor,
      fileQueue: files, faults: faults, report: report)
    try await audit.untilDurable()
    let log = CarriedLog(
      durable: { audit.assumeIsolated { $0.durableHead.sequence } },
      takeWrite: { audit.assumeIsolated { $0.takeWrite() } },
      expiry: { job, event in
        audit.assumeIsolated { log in
          // A log that has failed holds up what is decided, not the time.
          if (try? log.check()) == nil { return nil }
          return CarriedLines(log.carry(AuditEntry.effects(of: event, on: job)))
        }
      })
    await store.follow(log, rewriting: await audit.restoredLines > 0)
    return audit
  }
}
