internal import SystemCalls

/// The log of a directory as a start finds it.
struct AuditOpening {
  private(set) var writer: AuditWriter
  private(set) var head = AuditHead.none
  /// When the newest file was begun, as its first line says; nil where there is none.
  private(set) var begun: String?
  /// The number of the oldest file; 1 where there is none.
  private(set) var oldest: UInt64 = 1
  /// What was cut off: how many bytes, and where the copy is.
  private(set) var cut: (bytes: Int, copy: String)?

  /// - Throws: ``AuditError/Code/damaged``, ``AuditError/Code/unsupported``, ``AuditError/Code/failed``.
  init(_ path: String, worker: String, faults: (any FileFaults)?) throws(AuditError) {
    let directory: DurableDirectory
    var numbers: [UInt64]
    do throws(SystemCallError) {
      directory = try DurableDirectory(path, faults: faults)
      numbers = try directory.names().compactMap { AuditFormat.file(name: $0) }.sorted()
    } catch {
      throw AuditError("open \"\(path)\"", error)
    }
    writer = AuditWriter(directory, worker: worker, file: nil, number: 0, length: 0, head: .none)
    oldest = numbers.first ?? 1
    while let number = numbers.popLast() {
      if try resume(directory, worker, number) { return }
      if numbers.isEmpty, number != 1 {
        throw Self.damaged(
          directory.path(of: AuditFormat.name(file: number)),
          "not one line is whole, and no older file is there")
      }
    }
  }

  /// Goes on with a file.
  ///
  /// - Returns: false where not one line of it is whole, so that it was only being begun: it is removed.
  private mutating func resume(
    _ directory: DurableDirectory, _ worker: String, _ number: UInt64
  ) throws(AuditError) -> Bool {
    let name = AuditFormat.name(file: number)
    let path = directory.path(of: name)
    let bytes: [UInt8]
    do throws(SystemCallError) {
      bytes = try directory.read(name, limit: AuditFormat.maximumFile)
    } catch {
      throw AuditError("open \"\(path)\"", error)
    }
    let scan = AuditScan(bytes, file: number)
    switch scan.flaw {
    case .damage(let reason): throw Self.damaged(path, reason)
    case .newerVersion(let version): throw Self.newer(path, version)
    case .tornTail, nil: break
    }
    do throws(SystemCallError) {
      if scan.end < bytes.count {
        try keepTail(Array(bytes[scan.end...]), of: name, at: scan.end, in: directory)
      }
      guard let head = scan.head else {
        try directory.remove(name)
        try directory.synchronize()
        return false
      }
      let file = try directory.open(name)
      if scan.end < bytes.count { try file.truncate(to: Int64(scan.end)) }
      // What a killed worker wrote may not be on disk yet, and what follows builds on it.
      try file.synchronize()
      self.head = head
      begun = scan.begun
      writer = AuditWriter(
        directory, worker: worker, file: file, number: number, length: Int64(scan.end), head: head)
      _ = try writer.keepRoom(beyond: 0)
      return true
    } catch {
      throw AuditError("open \"\(path)\"", error)
    }
  }

  private mutating func keepTail(
    _ bytes: [UInt8], of name: String, at offset: Int, in directory: DurableDirectory
  ) throws(SystemCallError) {
    let copyName = "\(name).torn-\(offset)"
    let copy = try directory.create(copyName)
    try copy.write(bytes, at: 0)
    try copy.synchronize()
    try directory.synchronize()
    cut = (bytes.count, copyName)
  }

  private static func damaged(_ path: String, _ reason: String) -> AuditError {
    AuditError(
      .damaged, "open \"\(path)\"",
      "\(reason); nothing was changed; run \"stagekeeper-admin audit verify\" on the directory and follow "
        + "docs/audit.md, \"Repair\"")
  }

  private static func newer(_ path: String, _ version: Int64) -> AuditError {
    AuditError(
      .unsupported, "open \"\(path)\"",
      "it was written in format version \(version) by a newer version of stagekeeperd, and this one writes "
        + "version \(AuditFormat.version); nothing was changed")
  }
}
