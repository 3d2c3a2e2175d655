public import SystemCalls
public import WireProtocol

/// Reads a journal file without changing it and says what is in it: for `stagekeeper-admin journal verify`.
public enum JournalVerifier {
  /// What a journal file holds.
  public struct Report: Equatable, Sendable, CustomStringConvertible {
    public let path: String
    /// In bytes.
    public let size: Int
    public let segment: UInt64
    /// Records that can be read, from the start up to the first that cannot.
    public let records: Int
    /// Where those end, in bytes from the start.
    public let intactEnd: Int
    /// Jobs per state after them.
    public let jobs: [JobStatus.State: Int]
    /// What follows ``intactEnd`` is an unfinished write: it was never acknowledged, and the next start
    /// cuts it.
    public let hasTornTail: Bool
    /// Why the worker refuses to start on this file; nil when it starts.
    public let damage: String?

    public var isIntact: Bool { damage == nil }

    public var description: String {
      let states = JobStatus.State.allCases.compactMap { name in jobs[name].map { "\($0) \(name.rawValue)" } }
      var lines = [
        "\(path): segment \(segment), \(records) records in \(intactEnd) of \(size) bytes",
        "jobs: " + (states.isEmpty ? "none" : states.joined(separator: ", ")),
      ]
      if hasTornTail {
        lines.append(
          "the last \(size - intactEnd) bytes are an unfinished write; the next start cuts them and keeps a copy"
        )
      }
      lines.append(damage.map { "DAMAGED: \($0)" } ?? "intact")
      return lines.joined(separator: "\n")
    }
  }

  /// Reads a file. A worker may have it open: what it is just writing shows as a torn tail.
  ///
  /// - Throws: when the file cannot be read.
  public static func verify(_ path: String) throws(SystemCallError) -> Report {
    let bytes = try Files.read(path, limit: JournalFormat.maximumSegment)
    let replay = JournalReplay(bytes, path: path)
    return Report(
      path: path, size: bytes.count, segment: replay.scan.segment, records: replay.scan.records,
      intactEnd: replay.scan.end, jobs: replay.table.counts.filter { $0.value > 0 },
      hasTornTail: replay.scan.flaw == .tornTail, damage: replay.refusal?.message)
  }
}
