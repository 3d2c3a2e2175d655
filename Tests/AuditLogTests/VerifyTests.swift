import AuditLog
import StrictJSON
import SystemCalls
import TestSupport
import Testing

/// Whatever is done to a log is found: by reading it, or by the head that was kept elsewhere.
struct VerifyTests {
  /// A log of several files, and its head.
  private func make() async throws -> (LogFixture, AuditHead) {
    let fixture = try LogFixture()
    var settings = AuditSettings()
    settings.fileBytes = 1500
    let log = try fixture.open(settings)
    for number in 0..<16 { try await log.record([.sample(number)]) }
    await log.close()
    let report = try fixture.verify()
    #expect(report.isIntact && report.files.count > 2, "\(report.findings)")
    return (fixture, try #require(report.head))
  }

  @Test("any changed byte, in any file")
  func bytes() async throws {
    let (fixture, _) = try await make()
    var generator = SeededGenerator(seed: 7)
    for name in try fixture.files() {
      let whole = try fixture.read(name)
      // As many as a test has time for, and each where a line begins and ends.
      let places = whole.indices.filter { index in
        index < 30 || index >= whole.count - 40 || Int.random(in: 0..<40, using: &generator) == 0
      }
      for place in places {
        var bytes = whole
        bytes[place] ^= UInt8.random(in: 1...255, using: &generator)
        try fixture.write(name, bytes)
        #expect(try !fixture.verify().isIntact, "\(name) byte \(place)")
      }
      try fixture.write(name, whole)
    }
    #expect(try fixture.verify().isIntact)
  }

  @Test("dropped, doubled, exchanged and moved lines, without any head")
  func lines() async throws {
    let (fixture, head) = try await make()
    for name in try fixture.files() where try !fixture.read(name).isEmpty {
      let whole = try fixture.read(name)
      let lines = whole.split(separator: 0x0A, omittingEmptySubsequences: true).map { Array($0) + [0x0A] }
      // The next file may have been made already.
      let isLast = try name == fixture.files().last { try !fixture.read($0).isEmpty }
      func expectFound(_ lines: [[UInt8]], _ what: String, needsHead: Bool = false) throws {
        try fixture.write(name, Array(lines.joined()))
        #expect(try !fixture.verify(head: needsHead ? head.hash : nil).isIntact, "\(name): \(what)")
      }
      for index in lines.indices {
        var dropped = lines
        dropped.remove(at: index)
        // Nothing but the head shows that there once was another line at the end.
        try expectFound(dropped, "without line \(index)", needsHead: isLast && index == lines.count - 1)
        var doubled = lines
        doubled.insert(lines[index], at: index)
        try expectFound(doubled, "line \(index) twice")
        if index > 0 {
          var exchanged = lines
          exchanged.swapAt(index, index - 1)
          try expectFound(exchanged, "line \(index) before \(index - 1)")
        }
      }
      try fixture.write(name, whole)
    }
  }

  @Test("every place where the end can be cut")
  func cuts() async throws {
    let (fixture, head) = try await make()
    let name = try #require(try fixture.files().last { try !fixture.read($0).isEmpty })
    let whole = try fixture.read(name)
    let first = AuditHead(sequence: 1, hash: try #require(try firstHash(fixture)))
    let lastLine = whole.dropLast().lastIndex(of: 0x0A) ?? 0
    for end in whole.indices.dropFirst() where end % 23 == 0 || end > lastLine {
      try fixture.write(name, Array(whole[..<end]))
      let isLineEnd = whole[end - 1] == 0x0A
      #expect(try fixture.verify().isIntact == isLineEnd, "cut at \(end)")
      #expect(try !fixture.verify(head: head.hash).isIntact, "cut at \(end)")
      #expect(try !fixture.verify(expected: [head]).isIntact, "cut at \(end)")
    }
    try fixture.write(name, whole)
    #expect(try fixture.verify(head: head.hash, expected: [first, head]).isIntact)
  }

  private func firstHash(_ fixture: LogFixture) throws -> String? {
    let line = try fixture.read("audit-0000000001.jsonl").split(separator: 0x0A).first
    return line.map { SHA256.hexadecimal($0) }
  }

  @Test("missing, renamed, exchanged and empty files")
  func files() async throws {
    let (fixture, head) = try await make()
    let names = try fixture.files().filter { try !fixture.read($0).isEmpty }
    for (index, name) in names.enumerated() {
      let whole = try fixture.read(name)
      try Files.remove("\(fixture.path)/\(name)")
      let isLast = index == names.count - 1
      #expect(try !fixture.verify(expected: isLast ? [head] : []).isIntact, "without \(name)")
      if !isLast {
        try fixture.write(name, [])
        #expect(try !fixture.verify().isIntact, "\(name) is empty")
        let other = try fixture.read(names[index + 1])
        try fixture.write(name, other)
        try fixture.write(names[index + 1], whole)
        #expect(try !fixture.verify().isIntact, "\(name) and the next exchanged")
        try fixture.write(names[index + 1], other)
      }
      try fixture.write(name, whole)
    }
    #expect(try fixture.verify(head: head.hash).isIntact)
    // All of it.
    for name in names { try Files.remove("\(fixture.path)/\(name)") }
    #expect(try !fixture.verify().isIntact)
  }

  @Test("a log that was written anew from some line on is right in itself, and found by a head")
  func rewritten() async throws {
    let (fixture, head) = try await make()
    let other = try LogFixture()
    var settings = AuditSettings()
    settings.fileBytes = 1500
    let log = try other.open(settings)
    for number in 0..<16 { try await log.record([.sample(number == 7 ? 999 : number)]) }
    await log.close()
    #expect(try other.verify().isIntact)
    #expect(try !other.verify(head: head.hash).isIntact)
    #expect(try !other.verify(expected: [head]).isIntact)
    #expect(try fixture.verify(expected: [head]).isIntact)
  }

  @Test("the sample of format 1 reads for ever")
  func sample() throws {
    let path = "\(BuiltProgram.sources)/Tests/AuditLogTests/Fixtures/audit-v1"
    let head = "1d29730c0bb3d0d39fe899e39defb03721f2a60dbe73644730e3a4d0da00f1cb"
    let report = try AuditVerifier.verify(path, head: head)
    #expect(report.isIntact, "\(report.findings) \(report.head?.description ?? "")")
    var filter = AuditFilter()
    filter.members["decision"] = "denied"
    var reader = AuditReader(path, filter)
    var denied: [JSONValue] = []
    try reader.read { denied.append($0) }
    #expect(denied.first?["peer"]?["uid"] == 4001)
    #expect(denied.first?["code"] == "not_allowed")
  }
}
