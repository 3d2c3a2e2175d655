internal import SystemCalls

/// The program `stagekeeper`.
public enum StagekeeperTool {
  static let spec = ToolSpec(
    name: "stagekeeper",
    summary: "Asks a Stagekeeper worker to promote model versions, and reads the registry.",
    groups: [
      ("Read the registry", [show, history, stages, checkRef, describe, verify, doctor]),
      ("Modify artifacts", [register, assign, rollback, unassign, deregister, deprecate]),
      ("Jobs", [jobStatus, jobWait, jobCancel, jobList]),
      ("Approvals", [approvals, approve, reject]),
      ("Other", [whoami]),
    ],
    commonOptions: [CommonOption.socket, CommonOption.repo, CommonOption.timeout])

  /// Runs the process's command line.
  @MainActor public static func main() async -> Never {
    ThisProcess.fillStandardDescriptors()
    ThisProcess.quietDispatch()
    await ToolRun(spec).run()
  }
}
