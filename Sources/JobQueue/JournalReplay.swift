internal import StrictJSON

/// A segment's bytes, read and applied to an empty table.
struct JournalReplay {
  let scan: SegmentScan
  let table: JobTable
  /// What the records carry, in their order.
  let carried: [CarriedLines]
  /// Why the worker must not start on this segment; nil when it may.
  let refusal: JobStoreError?

  init(_ bytes: [UInt8], path: String) {
    var table = JobTable()
    var carried: [CarriedLines] = []
    var contradiction: (offset: Int, reason: String)?
    scan = SegmentScan(bytes) { record, payload in
      if contradiction != nil { return }
      do {
        let json = try JSONValue(parsing: payload, maximumDepth: JobRecord.maximumDepth)
        let entry = try JournalEntry(json: json)
        try table.apply(entry.record)
        if let lines = entry.carried { carried.append(lines) }
      } catch {
        contradiction = (record.offset, "\(error)")
      }
    }
    self.table = table
    self.carried = carried
    refusal = Self.refusal(scan, contradiction: contradiction, path: path)
  }

  private static func refusal(
    _ scan: SegmentScan, contradiction: (offset: Int, reason: String)?, path: String
  ) -> JobStoreError? {
    let remedy =
      "nothing was changed; run \"stagekeeper-admin journal verify \(path)\" and follow docs/journal.md, "
      + "\"Repair\""
    func error(_ code: JobStoreError.Code, _ message: String) -> JobStoreError {
      JobStoreError(code, "replay \"\(path)\"", "\(message); \(remedy)")
    }
    if let contradiction {
      return error(
        .damaged, "the record at byte \(contradiction.offset) makes no sense: \(contradiction.reason)")
    }
    switch scan.flaw {
    case nil, .tornTail: return nil
    case .noHeader: return error(.damaged, "there is no journal header at byte 0")
    case .newerVersion(let version):
      return JobStoreError(
        .unsupported, "replay \"\(path)\"",
        "byte \(scan.end) was written in format version \(version) by a newer version of stagekeeperd, and "
          + "this one reads version \(JournalFormat.version); nothing was changed")
    case .damage(let next):
      return error(
        .damaged,
        "bytes \(scan.end) to \(next) cannot be read, though they were on disk once: \(scan.records) records "
          + "before them are intact")
    }
  }
}
