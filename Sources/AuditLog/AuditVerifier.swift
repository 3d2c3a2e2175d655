internal import StrictJSON
public import SystemCalls

/// Reads a log without changing it and says whether anything is missing, altered or out of place: for
/// `stagekeeper-admin audit verify`.
public struct AuditVerifier {
  /// Something that is not as it was written.
  public struct Finding: Sendable, Equatable, CustomStringConvertible {
    public let file: String
    /// In bytes from the start of the file; nil where the whole file is meant.
    public let offset: Int?
    public let message: String

    public var description: String { file + (offset.map { " at byte \($0)" } ?? "") + ": " + message }
  }

  public struct Report: Sendable {
    public fileprivate(set) var files: [String] = []
    public fileprivate(set) var lines: UInt64 = 0
    /// The number of the first line that is there; nil where none is.
    public fileprivate(set) var first: UInt64?
    public fileprivate(set) var head: AuditHead?
    public fileprivate(set) var findings: [Finding] = []
    /// More were found than are listed.
    public fileprivate(set) var isCutOff = false

    public var isIntact: Bool { findings.isEmpty }
  }

  /// As many are listed.
  static let maximumFindings = 100

  private var report = Report()
  /// What the next line has to follow; nil where nobody knows.
  private var due: (sequence: UInt64, previous: String?)?
  private var expected: [AuditHead]
  private var fileName = ""
  private var oldestFile: UInt64?

  private init(_ expected: [AuditHead]) { self.expected = expected }

  /// Reads all files of a directory. A worker may be writing there.
  ///
  /// - Parameters:
  ///   - head: the hash that the last line must have.
  ///   - expected: lines that must be there, each with its hash.
  /// - Throws: when the directory or a file can't be read.
  public static func verify(
    _ directory: String, head: String? = nil, expected: [AuditHead] = []
  ) throws(SystemCallError) -> Report {
    var verifier = AuditVerifier(expected)
    let numbers = try Files.names(in: directory).compactMap { AuditFormat.file(name: $0) }.sorted()
    for number in numbers {
      // Files that are old enough are removed by a worker that runs.
      do throws(SystemCallError) {
        try verifier.read(number, in: directory, isLast: number == numbers.last)
      } catch {
        if error.errno != .noSuchFile { throw error }
      }
    }
    verifier.checkFiles(numbers)
    verifier.checkExpected(head)
    return verifier.report
  }

  /// The same for files that were read already, in the order of their numbers.
  static func verify(_ files: [(number: UInt64, bytes: [UInt8])]) -> Report {
    var verifier = AuditVerifier([])
    for file in files {
      verifier.check(file.bytes, file: file.number, isLast: file.number == files.last?.number)
    }
    verifier.checkFiles(files.map(\.number))
    return verifier.report
  }

  private mutating func find(_ offset: Int?, _ message: String) {
    if report.findings.count < Self.maximumFindings {
      report.findings.append(Finding(file: fileName, offset: offset, message: message))
    } else {
      report.isCutOff = true
    }
  }

  // MARK: Lines

  private mutating func read(_ number: UInt64, in directory: String, isLast: Bool) throws(SystemCallError) {
    let path = "\(directory)/\(AuditFormat.name(file: number))"
    var bytes = try Files.read(path, limit: AuditFormat.maximumFile)
    if isLast, bytes.last != 0x0A {
      // The worker may have been writing just then.
      bytes = try Files.read(path, limit: AuditFormat.maximumFile)
    }
    check(bytes, file: number, isLast: isLast)
  }

  private mutating func check(_ bytes: [UInt8], file number: UInt64, isLast: Bool) {
    fileName = AuditFormat.name(file: number)
    report.files.append(fileName)
    let read = AuditLines(bytes)
    // A worker makes the next file before it has anything to write there.
    if read.elements.isEmpty, read.unfinished.isEmpty, !isLast { find(nil, "it is empty") }
    for (index, element) in read.elements.enumerated() {
      guard let line = element.line else {
        find(element.offset, "line \(due.map { "\($0.sequence) " } ?? "")was altered")
        due = due.map { ($0.sequence + 1, nil) }
        continue
      }
      check(line, isFirst: index == 0, file: number)
    }
    checkEnd(read.unfinished, isLast: isLast)
  }

  private mutating func checkEnd(_ unfinished: ArraySlice<UInt8>, isLast: Bool) {
    if unfinished.isEmpty { return }
    find(
      unfinished.startIndex,
      "the end is broken: \(unfinished.count) bytes of a line that is not whole"
        + (isLast ? "; after a crash the next start cuts them and keeps a copy" : ""))
  }

  private mutating func check(_ line: AuditLine, isFirst: Bool, file number: UInt64) {
    checkBeginning(line, isFirst: isFirst, file: number)
    if let due { check(line, due) } else { checkVeryFirst(line) }
    checkExpected(line)
    due = (line.sequence + 1, line.hash)
    report.lines += 1
    report.first = report.first ?? line.sequence
    report.head = line.head
  }

  private mutating func check(_ line: AuditLine, _ due: (sequence: UInt64, previous: String?)) {
    if line.sequence > due.sequence {
      let last = line.sequence - 1
      find(
        line.offset,
        due.sequence == last
          ? "line \(last) is missing before it" : "lines \(due.sequence) to \(last) are missing before it")
    } else if line.sequence < due.sequence {
      find(line.offset, "line \(line.sequence) stands where line \(due.sequence) is due")
    } else if let previous = due.previous, line.previous != previous {
      find(line.offset, "line \(line.sequence) does not follow the line before it: one of them was altered")
    }
  }

  /// The first line of what is there follows what was removed as too old, or nothing.
  private mutating func checkVeryFirst(_ line: AuditLine) {
    if line.sequence == 1, line.previous != AuditHead.none.hash {
      find(line.offset, "line 1 follows another line")
    }
  }

  private mutating func checkBeginning(_ line: AuditLine, isFirst: Bool, file number: UInt64) {
    if isFirst {
      guard line.beginsFile == number else {
        return find(line.offset, "the file does not begin with its own first line")
      }
      if let format = line.json["format"]?.integerValue, format != AuditFormat.version {
        find(line.offset, "it is of format version \(format), and this program reads \(AuditFormat.version)")
      }
      oldestFile = line.json["oldestFile"]?.integerValue.map { UInt64(clamping: $0) }
    } else if line.beginsFile != nil {
      find(line.offset, "the first line of a file stands inside one")
    }
  }

  // MARK: Files and heads

  private mutating func checkFiles(_ numbers: [UInt64]) {
    guard let first = numbers.first, let last = numbers.last else {
      fileName = "the log"
      return find(nil, "there is none: no file is called audit-….jsonl")
    }
    // A gap may be as wide as numbers go.
    for (one, next) in zip(numbers, numbers.dropFirst()) where next > one {
      for number in (one + 1..<next).prefix(Self.maximumFindings) {
        fileName = AuditFormat.name(file: number)
        find(nil, "the file is missing")
      }
    }
    if let oldestFile, first > oldestFile {
      fileName = AuditFormat.name(file: oldestFile)
      find(nil, "the file is missing; \(AuditFormat.name(file: first)) is the oldest that is there")
    }
    if report.lines == 0, report.findings.isEmpty {
      fileName = AuditFormat.name(file: last)
      find(nil, "there is not one line")
    }
  }

  private mutating func checkExpected(_ line: AuditLine) {
    for head in expected where head.sequence == line.sequence && head.hash != line.hash {
      find(line.offset, "line \(line.sequence) has the hash \(line.hash), expected was \(head.hash)")
    }
    expected.removeAll { $0.sequence == line.sequence }
  }

  private mutating func checkExpected(_ head: String?) {
    fileName = "the log"
    for missing in expected where missing.sequence > 0 {
      let place =
        (report.first.map { missing.sequence < $0 } ?? false)
        ? "it begins with line \(report.first ?? 0)" : "it ends with line \(report.head?.sequence ?? 0)"
      find(nil, "line \(missing.sequence) is expected and not there: \(place)")
    }
    if let head, report.head?.hash != head {
      find(nil, "the last line has the hash \(report.head?.hash ?? "of none"), expected was \(head)")
    }
  }
}
