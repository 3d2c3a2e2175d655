internal import AuditLog
internal import CommandLineTool
internal import StagekeeperClient
internal import SystemCalls
internal import WireProtocol

extension AdminTool {
  static let auditShow = CommandSpec(
    "audit show",
    summary: "Print lines of the audit log: who asked for what, what decided, what became of it.",
    details: """
      Reads the files, with DIR without a worker. A TIME is 2026-01-31T09:30:00Z, a date, which means its
      beginning in UTC, or an age such as 90s, 15m, 2h or 7d.
      """,
    operands: [AuditDirectory.operand],
    options: [
      OptionSpec("--since", value: "TIME", help: "Only from then on."),
      OptionSpec("--until", value: "TIME", help: "Only before then."),
      OptionSpec("--user", value: "NAME", help: "Only what this user asked for."),
      OptionSpec("--uid", value: "N", help: "Only what this user id asked for."),
      OptionSpec("--tenant", value: "TENANT", help: "Only what was asked for in this tenant's name."),
      OptionSpec("--repository", "--repo", "-r", value: "ID", help: "Only what concerns this repository."),
      OptionSpec("--artifact", value: "NAME", help: "Only what concerns this artifact."),
      OptionSpec("--stage", value: "STAGE", help: "Only what concerns this stage."),
      OptionSpec("--job", value: "JOB", help: "Only what concerns this job."),
      OptionSpec("--decision", value: "DECISION", help: "Only what was allowed, or denied."),
      OptionSpec(
        "--event", value: "EVENT", help: "Only start, stop, request, push, effect, admin, file or recovered."),
      OptionSpec("--limit", value: "N", help: "Only the last N of them."),
      OptionSpec("--follow", "-f", help: "Go on with what is added, until Ctrl-C."),
      CommonOption.plain,
    ]
  ) { invocation in
    let filter = try AuditFilter(invocation.arguments)
    let limit = try invocation.arguments.integer("--limit", in: 0...1_000_000).map { Int($0) }
    let directory = try await AuditDirectory(invocation).path
    guard AuditReader.isLog(directory) else {
      do throws(SystemCallError) { _ = try Files.names(in: directory) } catch
        where error.errno != .noSuchFile
      {
        throw Failure(status: 66, "cannot read the audit log: \(error)")
      } catch {}
      throw Failure(status: 66, "there is no audit log in \(directory)")
    }
    var reader = AuditReader(directory, filter)
    let shown = try lines(&reader, last: limit)
    if reader.unreadable > 0 {
      invocation.console.note(
        "\(reader.unreadable) lines can't be read and are left out; see stagekeeper-admin audit verify")
    }
    if invocation.arguments.has("--follow") { try await follow(&reader, shown, invocation) }
    if invocation.wantsJSON { return try invocation.console.print(json: ["lines": .array(shown)]) }
    let table = Table(headings, shown.map(row))
    try invocation.console.print(invocation.text(table, ifEmpty: "No line of the audit log matches"))
  }

  /// Prints a line for each line, until the process is interrupted.
  private static func follow(
    _ reader: inout AuditReader, _ first: [JSONValue], _ invocation: Invocation
  ) async throws {
    var shown = first
    while true {
      for line in shown {
        let text =
          invocation.wantsJSON
          ? line.asciiText(indentation: nil)
          : row(line).map { ($0 ?? "-").escapedForTerminal }.joined(separator: "  ")
        try invocation.console.print(text)
      }
      try await Task.sleep(for: .milliseconds(250))
      shown = try lines(&reader, last: nil)
    }
  }

  /// The lines that have come, or the last few of them.
  private static func lines(_ reader: inout AuditReader, last limit: Int?) throws -> [JSONValue] {
    var lines: [JSONValue] = []
    do throws(SystemCallError) {
      try reader.read { line in
        lines.append(line)
        // Twice as many at most are kept, and cut seldom.
        if let limit, lines.count > 2 * limit + 16 { lines.removeFirst(lines.count - limit) }
      }
    } catch {
      throw Failure(status: 66, "cannot read the audit log: \(error)")
    }
    return limit.map { Array(lines.suffix($0)) } ?? lines
  }

  private static let headings = [
    "seq", "time", "event", "result", "user", "tenant", "action", "what", "job", "why",
  ]

  private static func row(_ line: JSONValue) -> [String?] {
    let count = line["count"]?.cell.map { " (\($0) times)" } ?? ""
    let result = [line["decision"]?.cell, line["outcome"]?.cell].compactMap { $0 }
    let user = line["peer"]?["user"]?.cell ?? line["peer"]?["uid"]?.cell
    let place = [line["repository"]?.cell, line["artifact"]?.cell].compactMap { $0 }.joined(separator: " ")
    let version = line["version"]?.cell.map { "@\($0)" } ?? ""
    let stage = line["stage"]?.cell.map { "#\($0)" } ?? ""
    let what = line["ref"]?.cell.map { "\(line["repository"]?.cell ?? "-") \($0)" } ?? place + version + stage
    return [
      line["seq"]?.cell, line["time"]?.cell, line["event"]?.cell,
      result.isEmpty ? nil : result.joined(separator: ", ") + count, user, line["tenant"]?.cell,
      line["action"]?.cell, what.isEmpty ? nil : what, line["job"]?.cell,
      (line["rule"] ?? line["code"])?.cell,
    ]
  }
}

extension AuditFilter {
  fileprivate init(_ arguments: ParsedArguments) throws(UsageError) {
    self.init()
    since = try arguments.time("--since")
    until = try arguments.time("--until")
    uid = try arguments.integer("--uid", in: 0...Int64(UInt32.max))
    user = arguments.value("--user")
    members["decision"] = try arguments.choice("--decision", AuditEntry.Decision.self)?.rawValue
    members["event"] = try arguments.choice("--event", ShownEvent.self)?.rawValue
    for name in ["tenant", "repository", "artifact", "stage", "job"] {
      members[name] = arguments.value("--\(name)")
    }
  }
}

/// What `--event` takes: what is recorded, and what the log says of itself.
private enum ShownEvent: String, CaseIterable {
  case start, stop, request, push, effect, admin, file, recovered
}

extension ParsedArguments {
  /// A time, the beginning of a date, or an age; in milliseconds since 1970.
  fileprivate func time(_ option: String) throws(UsageError) -> Int64? {
    guard let text = value(option) else { return nil }
    if let time = milliseconds(timestamp: text) ?? milliseconds(timestamp: text + "T00:00:00Z") {
      return time
    }
    let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
    guard let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()), count >= 0,
      count < 1_000_000_000
    else {
      throw UsageError(
        "\(option): '\(text)' is no time: give 2026-01-31T09:30:00Z, a date, or an age such as 15m, 2h or 7d")
    }
    return WallClock.milliseconds - count * unit * 1000
  }
}
