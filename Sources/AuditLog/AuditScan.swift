internal import StrictJSON

/// A line as it was read.
struct AuditLine {
  /// In bytes from the start of the file.
  let offset: Int
  let sequence: UInt64
  let previous: String
  let commit: UInt64
  let hash: String
  /// All of the object.
  let json: JSONValue

  var head: AuditHead { AuditHead(sequence: sequence, hash: hash) }

  /// - Returns: nil where this is no line of the log, or altered.
  init?(_ bytes: ArraySlice<UInt8>, offset: Int) {
    let (hash, isChecked) = AuditFormat.judge(bytes)
    guard isChecked, bytes.count <= AuditFormat.maximumLine,
      let json = try? JSONValue(parsing: Array(bytes), maximumDepth: AuditFormat.maximumDepth),
      let sequence = json["seq"]?.integerValue, sequence > 0,
      let previous = json["previous"]?.stringValue, AuditHead.isHash(previous),
      let commit = json["commit"]?.integerValue, (1...sequence).contains(commit)
    else { return nil }
    self.offset = offset
    self.sequence = UInt64(sequence)
    self.previous = previous
    self.commit = UInt64(commit)
    self.hash = hash
    self.json = json
  }

  /// The number of the file that begins with this line; nil where none does.
  var beginsFile: UInt64? {
    guard json["event"] == "file", let number = json["file"]?.integerValue, number > 0 else { return nil }
    return UInt64(number)
  }
}

/// The lines of a file's bytes, each readable or not, and what follows the last line feed.
struct AuditLines {
  struct Element {
    let offset: Int
    let bytes: ArraySlice<UInt8>
    /// Nil where it can't be read or does not match its check.
    let line: AuditLine?
  }

  private(set) var elements: [Element] = []
  /// Bytes behind the last line feed: a line that was not finished.
  private(set) var unfinished: ArraySlice<UInt8> = []

  init(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while let end = rest.firstIndex(of: 0x0A) {
      let line = rest[..<end]
      elements.append(
        Element(offset: rest.startIndex, bytes: line, line: AuditLine(line, offset: rest.startIndex)))
      rest = rest[(end + 1)...]
    }
    unfinished = rest
  }
}

/// The newest file as a start finds it: how far it is intact, and what follows.
struct AuditScan {
  enum Flaw: Equatable {
    /// An unfinished write: what follows was never acknowledged.
    case tornTail
    /// A line was durable once and is not there or not as it was.
    case damage(String)
    case newerVersion(Int64)
  }

  /// The last intact line; nil where there is none.
  private(set) var head: AuditHead?
  /// Where the intact lines end, in bytes from the start.
  private(set) var end = 0
  private(set) var flaw: Flaw?
  /// When the file was begun, as its first line says.
  private(set) var begun: String?
  private(set) var lines = 0

  /// - Parameter number: the file's, as its name says.
  init(_ bytes: [UInt8], file number: UInt64) {
    let read = AuditLines(bytes)
    for (index, element) in read.elements.enumerated() {
      guard let line = element.line, isExpected(line, file: number) else {
        if flaw == nil { flaw = judge(read.elements[index...]) }
        return
      }
      if lines == 0 { begun = line.json["time"]?.stringValue }
      head = line.head
      end = element.offset + element.bytes.count + 1
      lines += 1
    }
    if !read.unfinished.isEmpty { flaw = .tornTail }
  }

  private mutating func isExpected(_ line: AuditLine, file number: UInt64) -> Bool {
    if let head {
      return line.sequence == head.sequence + 1 && line.previous == head.hash
    }
    if line.beginsFile != nil, let format = line.json["format"]?.integerValue, format > AuditFormat.version {
      flaw = .newerVersion(format)
      return false
    }
    return line.beginsFile == number
  }

  /// Whether what can't be read was durable once. It was when a line of a later commit is there.
  private func judge(_ rest: ArraySlice<AuditLines.Element>) -> Flaw {
    let readable = rest.compactMap(\.line)
    let later: AuditLine?
    if let head {
      later = readable.first { $0.commit > head.sequence + 1 }
    } else {
      // The file's first line can't be read. It was durable before any line whose commit begins behind it.
      let others = readable.filter { $0.beginsFile == nil }
      later = others.first { $0.commit >= others[0].sequence }
    }
    guard let later else { return .tornTail }
    return .damage(
      "what follows byte \(end) is not as it was written, though line \(later.sequence) after it is there")
  }
}
