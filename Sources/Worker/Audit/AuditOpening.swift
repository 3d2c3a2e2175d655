internal import AuditLog
internal import SystemCalls

extension Service {
  /// The audit log of the state directory; what happens to it is logged.
  static func openAudit(_ configuration: Configuration, worker: String, _ executor: DispatchQueueExecutor)
    throws(StartError) -> AuditLog
  {
    do throws(AuditError) {
      return try AuditLog.open(
        directory: configuration.stateDirectory + "/audit", worker: worker, settings: configuration.audit,
        executor: executor,
        report: report)
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
