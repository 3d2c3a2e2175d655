@testable import AuditLog
import StrictJSON

extension FuzzTarget {
  /// A log that was written reads whole; one byte changed in it is found by the verifier, and a start never
  /// takes it for intact.
  ///
  /// The content is read as a file, and its lines, where they are JSON objects, are written as a log.
  static let audit = FuzzTarget("audit") { input in
    let choices = Choices(input)
    try checkAnything(choices.content)
    let log = log(of: choices.lines)
    try checkWhole(log)
    var changed = log
    let place = Int(choices.bits) * 7919 % changed.count
    changed[place] ^= 1 << (choices.bits & 7)
    try check(!verified(changed).isIntact, "the verifier doesn't see that byte \(place) was changed")
    let scan = AuditScan(changed, file: 1)
    try check(scan.flaw != nil && scan.end <= place, "a start doesn't see that byte \(place) was changed")
  }

  private static func verified(_ bytes: [UInt8]) -> AuditVerifier.Report {
    AuditVerifier.verify([(number: 1, bytes: bytes)])
  }

  private static func checkAnything(_ bytes: [UInt8]) throws {
    let scan = AuditScan(bytes, file: 1)
    try check((0...bytes.count).contains(scan.end), "it ends at \(scan.end) of \(bytes.count)")
    try check(scan.flaw != nil || scan.end == bytes.count, "something is left over, and no flaw told")
    _ = verified(bytes)
  }

  private static func checkWhole(_ log: [UInt8]) throws {
    let scan = AuditScan(log, file: 1)
    let report = verified(log)
    try check(
      scan.flaw == nil && scan.end == log.count, "a start doesn't read the log whole: \(scan.flaw as Any)")
    try check(report.isIntact, "the verifier finds \(report.findings)")
    try check(report.head == scan.head, "the verifier sees another last line")
  }

  /// A file's first line, and one for each line that is an object.
  private static func log(of lines: [[UInt8]]) -> [UInt8] {
    var (bytes, head) = ([UInt8](), AuditHead.none)
    let first: [(key: String, value: JSONValue)] = [
      ("event", "file"), ("file", 1), ("format", .integer(AuditFormat.version)),
    ]
    for members in [first] + lines.compactMap(members) {
      let line = AuditFormat.line(
        JSONObject(members), after: head, commit: head.sequence + 1, time: 1_700_000_000_000, worker: "w")
      bytes += line.bytes
      head = AuditHead(sequence: head.sequence + 1, hash: line.hash)
    }
    return bytes
  }

  /// Without those that each line has anyway, and without what makes it a file's first line.
  private static func members(_ line: [UInt8]) -> [(key: String, value: JSONValue)]? {
    let own: Set<String> = ["seq", "previous", "commit", "time", "worker", "event", "check"]
    let value = try? JSONValue(parsing: line, maximumDepth: AuditFormat.maximumDepth)
    return value?.objectValue?.members.filter { !own.contains($0.key) }
  }
}
