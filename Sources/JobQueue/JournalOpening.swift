internal import StrictJSON
internal import SystemCalls

extension Journal {
  /// Opens the journal of a state directory, or begins one, and replays it.
  ///
  /// Assumes that the caller writes nothing before this returns; ensures that every record that was ever
  /// acknowledged is in the table.
  static func open(
    _ path: String, faults: (any FileFaults)?
  ) throws(JobStoreError) -> (journal: Journal, replay: (table: JobTable, carried: [CarriedLines])) {
    do throws(JournalOpeningError) {
      let directory = try io { () throws(SystemCallError) in try DurableDirectory(path, faults: faults) }
      guard let lock = try io({ () throws(SystemCallError) in try directory.lock("lock") }) else {
        throw .refused(
          JobStoreError(.inUse, "open \"\(directory.path)\"", "another worker uses this state directory"))
      }
      let names = try io { () throws(SystemCallError) in try directory.names() }
      let segments = names.compactMap { JournalFormat.segment(name: $0) }.sorted()
      guard let last = segments.last else { return try begin(directory, lock) }
      let (segment, replay) = try resume(directory, segment: last)
      try removeLeftOvers(directory, names, keeping: last)
      return (Journal(directory: directory, lock: lock, segment: segment), (replay.table, replay.carried))
    } catch {
      throw error.jobStoreError(directory: path)
    }
  }

  private static func begin(
    _ directory: DurableDirectory, _ lock: consuming FileDescriptor
  ) throws(JournalOpeningError) -> (Journal, (table: JobTable, carried: [CarriedLines])) {
    let table = JobTable()
    let segment = try io { () throws(SystemCallError) in
      guard let segment = try writeDraft(table, segment: 1, in: directory) else {
        throw SystemCallError(.noSpace, "begin a journal in \"\(directory.path)\"")
      }
      try publish(segment, in: directory)
      return segment
    }
    return (Journal(directory: directory, lock: lock, segment: segment), (table, []))
  }

  /// Replays a segment; cuts a torn tail, of which it keeps a copy.
  private static func resume(
    _ directory: DurableDirectory, segment number: UInt64
  ) throws(JournalOpeningError) -> (JournalSegment, JournalReplay) {
    let name = JournalFormat.name(segment: number)
    let path = directory.path(of: name)
    let bytes = try io { () throws(SystemCallError) in
      try directory.read(name, limit: JournalFormat.maximumSegment)
    }
    let replay = JournalReplay(bytes, path: path)
    if let refusal = replay.refusal { throw .refused(refusal) }
    if replay.scan.segment != number {
      throw .refused(
        JobStoreError(.damaged, "open \"\(path)\"", "the file is that of segment \(replay.scan.segment)"))
    }
    let end = replay.scan.end
    let segment = try io { () throws(SystemCallError) in
      let file = try directory.open(name)
      if replay.scan.flaw == .tornTail {
        let written = bytes.lastIndex { $0 != 0 } ?? end
        try keepTornTail(Array(bytes[end...max(end, written)]), as: "\(name).torn-\(end)", in: directory)
        try file.truncate(to: Int64(end))
      }
      // What a killed worker wrote may not be on disk yet, and what follows builds on it.
      try file.synchronize()
      return JournalSegment(
        file, number: number, length: Int64(end), records: UInt64(replay.scan.records))
    }
    return (segment, replay)
  }

  private static func keepTornTail(
    _ bytes: [UInt8], as name: String, in directory: DurableDirectory
  ) throws(SystemCallError) {
    let copy = try directory.create(name)
    try copy.write(bytes, at: 0)
    try copy.synchronize()
    try directory.synchronize()
  }

  /// Removes unfinished drafts and segments that the last one has replaced.
  private static func removeLeftOvers(
    _ directory: DurableDirectory, _ names: [String], keeping last: UInt64
  ) throws(JournalOpeningError) {
    let leftOvers = names.filter { name in
      if let segment = JournalFormat.segment(name: name) { return segment < last }
      return name.hasSuffix(".new") && JournalFormat.segment(name: String(name.dropLast(4))) != nil
    }
    for name in leftOvers { try io { () throws(SystemCallError) in try directory.remove(name) } }
    // A crash may have come between the renaming of the segment and the syncing of its name.
    try io { () throws(SystemCallError) in try directory.synchronize() }
  }

  private static func io<Value: ~Copyable>(
    _ body: () throws(SystemCallError) -> Value
  ) throws(JournalOpeningError) -> Value {
    do throws(SystemCallError) {
      return try body()
    } catch {
      throw .failed(error)
    }
  }
}

/// Why the journal was not opened.
enum JournalOpeningError: Error {
  case refused(JobStoreError)
  case failed(SystemCallError)

  func jobStoreError(directory: String) -> JobStoreError {
    switch self {
    case .refused(let error): error
    case .failed(let error):
      JobStoreError(.failed, "open \"\(directory)\"", "\(error)", underlying: error)
    }
  }
}
