internal import AuditLog
internal import CommandLineTool
internal import StagekeeperClient
internal import SystemCalls

extension AdminTool {
  static let auditVerify = CommandSpec(
    "audit verify",
    summary: "Read the audit log and say whether a line is missing, altered or out of place.",
    details: """
      Changes nothing. With DIR it needs no worker; without, the log must have the line that the worker wrote
      last. Lines cut off at the end, and a log that was written anew, show only against a head that was kept
      elsewhere: --head or --expect. Status 65: something is wrong; 66: the log cannot be read.
      """,
    operands: [AuditDirectory.operand],
    options: [
      OptionSpec("--head", value: "HASH", help: "The hash that the last line must have."),
      OptionSpec(
        "--expect", value: "SEQ:HASH,…",
        help: "Lines that must be there with these hashes, such as heads that were logged at rotations."),
    ]
  ) { invocation in
    let (head, expected) = try expectations(invocation.arguments)
    let directory = try await AuditDirectory(invocation)
    let report: AuditVerifier.Report
    do throws(SystemCallError) {
      report = try AuditVerifier.verify(
        directory.path, head: head, expected: expected + [directory.head].compactMap { $0 })
    } catch {
      throw Failure(status: 66, "cannot read the audit log: \(error)")
    }
    if invocation.wantsJSON {
      try invocation.console.print(json: report.json(directory.path))
    } else {
      try invocation.console.print(report.text(directory.path).escapedLinesForTerminal)
    }
    if !report.isIntact {
      throw Failure(
        status: 65, "the audit log in \(directory.path) is not as it was written",
        hint: "docs/audit.md, \"Repair\", says what to do.")
    }
  }

  private static func expectations(
    _ arguments: ParsedArguments
  ) throws(UsageError) -> (head: String?, expected: [AuditHead]) {
    let head = arguments.value("--head")
    if let head, !AuditHead.isHash(head) {
      throw UsageError("--head: '\(head)' is not a hash: 64 digits of 0-9 and a-f")
    }
    var expected: [AuditHead] = []
    for word in arguments.value("--expect")?.split(separator: ",", omittingEmptySubsequences: false) ?? [] {
      guard let line = AuditHead(String(word)), line.sequence > 0 else {
        throw UsageError("--expect: '\(word)' is not SEQ:HASH, a line's number and 64 digits of 0-9 and a-f")
      }
      expected.append(line)
    }
    return (head, expected)
  }
}

extension AuditVerifier.Report {
  fileprivate func text(_ directory: String) -> String {
    var lines = ["\(directory): \(self.lines) lines in \(files.count) \(files.count == 1 ? "file" : "files")"]
    if let first, let head {
      lines[0] += ", from \(first) to \(head.sequence)"
      lines.append("head: \(head)")
    }
    lines += findings.map { "WRONG: \($0)" }
    if isCutOff { lines.append("WRONG: and more") }
    return (lines + [isIntact ? "intact" : "not intact"]).joined(separator: "\n")
  }

  fileprivate func json(_ directory: String) -> JSONValue {
    let findings: [JSONValue] = findings.map { finding in
      [
        "file": .string(finding.file), "offset": finding.offset.map { .integer(Int64($0)) } ?? .null,
        "message": .string(finding.message),
      ]
    }
    return [
      "directory": .string(directory), "files": .array(files.map { .string($0) }),
      "lines": .integer(Int64(clamping: lines)),
      "firstSeq": first.map { .integer(Int64(clamping: $0)) } ?? .null,
      "seq": head.map { .integer(Int64(clamping: $0.sequence)) } ?? .null,
      "head": head.map { .string($0.hash) } ?? .null, "isIntact": .bool(isIntact),
      "findings": .array(findings), "isCutOff": .bool(isCutOff),
    ]
  }
}
