internal import AuditLog
internal import CommandLineTool
internal import StagekeeperClient
internal import SystemCalls

/// Where the audit log is, and what a worker that runs says about it.
struct AuditDirectory {
  let path: String
  /// The last line that a running worker has on disk; nil without one.
  private(set) var head: AuditHead?

  /// The operand DIR where it is given; else the directory of the worker that answers; else the system's.
  init(_ invocation: Invocation) async throws {
    if let operand = invocation.arguments.operand(0) {
      path =
        AuditReader.isLog(operand) || !AuditReader.isLog("\(operand)/audit") ? operand : "\(operand)/audit"
      return
    }
    do {
      let audit = try await invocation.call("stats")["audit"]
      guard let path = audit?["directory"]?.stringValue, let sequence = audit?["seq"]?.integerValue,
        let hash = audit?["head"]?.stringValue, sequence >= 0
      else { throw Failure(status: 70, "the worker does not say where its audit log is") }
      self.path = path
      head = sequence == 0 ? nil : AuditHead(sequence: UInt64(sequence), hash: hash)
    } catch let error as ClientError {
      // Whoever names a socket means the worker behind it.
      if invocation.arguments.has("--socket") || !AuditReader.isLog(Self.system) { throw error }
      path = Self.system
    }
  }

  private static let system = "/var/lib/stagekeeper/audit"

  static let operand = OperandSpec(
    "DIR", required: false,
    help: "The directory of the log, or the state directory [default: that of the worker on the admin "
      + "socket; where none runs, \(system)].")
}
