internal import CommandLineTool
internal import StagekeeperClient
internal import SystemCalls

extension AdminTool {
  static let stats = CommandSpec(
    "stats", summary: "Print the worker's counters."
  ) { invocation in
    let answer = try await invocation.call("stats")
    try invocation.print(answer, lines)
  }

  static let tenants = CommandSpec(
    "tenants", summary: "List the tenants and what they use.", options: [CommonOption.plain]
  ) { invocation in
    let answer = try await invocation.call("tenants")
    try invocation.print(answer) {
      invocation.text(Table(objects: $0.elements("tenants")), ifEmpty: "No tenant is configured")
    }
  }

  static let metrics = CommandSpec(
    "metrics",
    summary: "Print the worker's metrics in Prometheus' text format.",
    options: [
      OptionSpec(
        "--textfile", value: "FILE",
        help: "Write them to FILE, replaced in one step, for node_exporter's textfile collector.")
    ]
  ) { invocation in
    let answer = try await invocation.call("metrics")
    let text = answer["text"]?.stringValue ?? ""
    if let path = invocation.arguments.value("--textfile") {
      // Others than the writer read it.
      do { try Files.replace(path, with: Array(text.utf8), mode: 0o644) } catch {
        throw Failure(status: 74, "cannot write the metrics: \(error)")
      }
      return
    }
    try invocation.print(answer) { _ in
      (text.hasSuffix("\n") ? String(text.dropLast()) : text).escapedLinesForTerminal
    }
  }

  static let reload = CommandSpec(
    "reload", summary: "Read the configuration file again.",
    details:
      "Sockets and the state directory change only with a restart: where they differ, nothing is taken over."
  ) { invocation in
    try invocation.print(try await invocation.call("reload")) { answer in
      let late = answer.elements("needRestart").compactMap(\.cell)
      let more = late.isEmpty ? "" : "\nOnly a restart applies: \(late.joined(separator: ", "))"
      return "The configuration was read again" + more.escapedLinesForTerminal
    }
  }

  /// Counters as `group.name: value`.
  static func lines(_ value: JSONValue) -> String {
    func flatten(_ value: JSONValue, _ path: String) -> [String] {
      guard case .object(let object) = value else { return ["\(path): \(value.cell ?? "-")"] }
      return object.members.flatMap { flatten($0.value, path.isEmpty ? $0.key : "\(path).\($0.key)") }
    }
    return flatten(value, "").map(\.escapedForTerminal).joined(separator: "\n")
  }
}

extension Table {
  /// Objects with the same members, a column for each member of the first.
  fileprivate init(objects: [JSONValue]) {
    let keys = objects.first?.objectValue?.keys ?? []
    self.init(keys, objects.map { object in keys.map { object[$0]?.cell } })
  }
}
