internal import AuditLog
internal import JobQueue
internal import SystemCalls

extension Service {
  /// The audit log of the state directory, with the lines that a crash has left in the journal alone; what happens to
  /// it is logged.
  static func openAudit(
    _ configuration: Configuration, worker: String, _ store: JobStore, _ executor: DispatchQueueExecutor
  ) async throws(StartError) -> AuditLog {
    do throws(AuditError) {
      let audit = try AuditLog.open(
        directory: configuration.stateDirectory + "/audit", worker: worker, settings: configuration.audit,
        carried: await store.replayedLines.map(CarriedEntries.init), executor: executor, report: report)
      try await audit.untilDurable()
      let restored = await audit.restoredLines
      if restored > 0 {
        Log.write(.notice, "lines that a crash kept from the audit log were added", ["lines": "\(restored)"])
      }
      await store.follow(CarriedLog(audit), rewriting: restored > 0)
      return audit
    } catch {
      throw StartError(status: ExitStatus.systemError, message: error.description)
    }
  }

  @Sendable
  private static func report(_ report: AuditReport) {
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

extension CarriedLog {
  /// Assumes that the log runs on the store's executor.
  fileprivate init(_ audit: AuditLog) {
    self.init(
      durable: { audit.assumeIsolated { $0.durableHead.sequence } },
      write: { audit.assumeIsolated { $0.write() } })
  }
}

extension CarriedEntries {
  fileprivate init(_ lines: CarriedLines) {
    self.init(first: lines.first, time: lines.time, lines: lines.lines)
  }
}
