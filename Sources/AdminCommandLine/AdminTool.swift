internal import CommandLineTool
internal import StagekeeperClient
internal import SystemCalls

/// The program `stagekeeper-admin`.
public enum AdminTool {
  static let spec = ToolSpec(
    name: "stagekeeper-admin",
    summary: "Shows, stops and repairs a Stagekeeper worker over its admin socket.",
    groups: [
      ("Look", [queue, job, repositories, tenants, stats, metrics, watch, policyExplain, signingExport]),
      ("Act", [pause, resume, drain, retry, cancel, reload]),
      ("The audit log", [auditShow, auditVerify]),
      ("Repair, without a worker", [configCheck, journalVerify]),
    ],
    commonOptions: [
      OptionSpec(
        "--socket", value: "PATH",
        help: "The worker's admin socket [STAGEKEEPER_ADMIN_SOCKET; default: "
          + "$XDG_RUNTIME_DIR/stagekeeper/admin.sock, else /run/stagekeeper/admin.sock]."),
      CommonOption.timeout, CommonOption.json,
    ])

  /// Runs the process's command line.
  @MainActor public static func main() async -> Never {
    ThisProcess.fillStandardDescriptors()
    ThisProcess.quietDispatch()
    await ToolRun(spec).run()
  }
}

extension Invocation {
  /// Calls a method of the admin socket that `--socket` or the environment names.
  func call(_ method: String, _ params: JSONObject = JSONObject()) async throws -> JSONValue {
    try await AdminClient(socketPath: arguments.value("--socket"))
      .call(method, .object(params), timeout: timeout)
  }

  /// Prints an answer as it came with `--json`, else as the text made of it.
  func print(_ answer: JSONValue, _ text: (JSONValue) -> String) throws {
    if wantsJSON { try console.print(json: answer) } else { try console.print(text(answer)) }
  }

  /// A table, or a sentence where it has no rows.
  func text(_ table: Table, ifEmpty: String) -> String {
    table.rows.isEmpty ? ifEmpty : table.text(tableStyle)
  }
}

extension JSONValue {
  /// The elements of the array under that key.
  func elements(_ key: String) -> [JSONValue] { self[key]?.arrayValue ?? [] }
}
