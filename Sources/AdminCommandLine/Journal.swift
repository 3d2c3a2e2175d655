internal import CommandLineTool
internal import JobQueue
internal import StagekeeperClient
internal import SystemCalls

extension AdminTool {
  static let journalVerify = CommandSpec(
    "journal verify",
    summary: "Read journal files and say what is in them and whether a worker starts on them.",
    details: "Needs no worker and changes nothing. Status 65: a file is damaged; 66: one cannot be read.",
    operands: [
      OperandSpec("FILE", repeated: true, help: "A file journal-... in journal/ of the state directory.")
    ]
  ) { invocation in
    let checks = invocation.arguments.operands.map(JournalCheck.init)
    if invocation.wantsJSON {
      try invocation.console.print(json: ["journals": .array(checks.map(\.json))])
    } else {
      let texts = checks.map(\.text.escapedLinesForTerminal)
      try invocation.console.print(texts.joined(separator: "\n\n"))
    }
    if let failure = checks.lazy.compactMap(\.failure).first { throw failure }
  }
}

/// What reading one journal file came to.
private struct JournalCheck {
  let path: String
  let outcome: Result<JournalVerifier.Report, SystemCallError>

  init(_ path: String) {
    self.path = path
    outcome = Result { () throws(SystemCallError) in try JournalVerifier.verify(path) }
  }

  /// How the command ends because of this file; nil where a worker starts on it.
  var failure: Failure? {
    switch outcome {
    case .success(let report):
      report.isIntact
        ? nil
        : Failure(status: 65, "\(path) is damaged", hint: "docs/journal.md, \"Repair\", says what to do.")
    case .failure(let error): Failure(status: 66, "cannot read \(path): \(error)")
    }
  }

  var text: String {
    switch outcome {
    case .success(let report): report.description
    case .failure(let error): "\(path): cannot be read: \(error)"
    }
  }

  var json: JSONValue {
    switch outcome {
    case .success(let report): report.json
    case .failure(let error): ["path": .string(path), "error": .string("\(error)")]
    }
  }
}

extension JournalVerifier.Report {
  fileprivate var json: JSONValue {
    var states = JSONObject()
    for name in JobStatus.State.allCases { states[name.rawValue] = jobs[name].map { .integer(Int64($0)) } }
    return [
      "path": .string(path), "sizeBytes": .integer(Int64(size)),
      "segment": .integer(Int64(clamping: segment)),
      "records": .integer(Int64(records)), "intactBytes": .integer(Int64(intactEnd)),
      "jobs": .object(states), "isIntact": .bool(isIntact), "hasTornTail": .bool(hasTornTail),
      "damage": damage.map { .string($0) } ?? .null,
    ]
  }
}
