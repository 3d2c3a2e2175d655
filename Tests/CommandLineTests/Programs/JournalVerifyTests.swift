import StagekeeperClient
import SystemCalls
import TestSupport
import Testing

/// `stagekeeper-admin journal verify` on good, torn and damaged files; it needs no worker.
@Suite struct JournalVerifyTests {
  private let directory: TemporaryDirectory
  private let sample: [UInt8]

  init() throws {
    directory = try TemporaryDirectory()
    sample = try Files.read(Products.file("Tests/JobQueueTests/Fixtures/journal-v1"), limit: 1 << 24)
  }

  private func file(_ name: String, _ bytes: [UInt8]) throws -> String {
    try Files.replace(directory.appending(name), with: bytes)
    return directory.appending(name)
  }

  private func verify(_ arguments: String...) throws -> Program.Output {
    try Program.run(Products.path("stagekeeper-admin"), ["journal", "verify"] + arguments)
  }

  private func journals(_ output: Program.Output) throws -> [JSONValue] {
    try JSONValue(parsing: output.standardOutput, maximumDepth: 16)["journals"]?.arrayValue ?? []
  }

  @Test func intact() throws {
    let path = try file("good", sample)
    let output = try verify(path)
    #expect(output.exit == .exited(code: 0), "\(output.errorText)")
    #expect(output.text.hasPrefix("\(path): segment "))
    #expect(output.text.hasSuffix("intact\n"))
    let json = try #require(try journals(try verify(path, "--json")).first)
    #expect(json["isIntact"] == true && json["hasTornTail"] == false)
    #expect(json["intactBytes"]?.integerValue == Int64(sample.count))
    #expect(json["records"]?.integerValue ?? 0 > 0)
    #expect(try Files.read(path, limit: 1 << 24) == sample)
  }

  @Test func tornTail() throws {
    let path = try file("torn", sample.dropLast(3))
    let output = try verify(path, "--json")
    #expect(output.exit == .exited(code: 0), "\(output.errorText)")
    let json = try #require(try journals(output).first)
    #expect(json["isIntact"] == true && json["hasTornTail"] == true)
    #expect(try Files.read(path, limit: 1 << 24).count == sample.count - 3)
  }

  @Test func damageIs65AndNamesThePlace() throws {
    var bytes = sample
    bytes[100] ^= 0x40
    let path = try file("damaged", bytes)
    let good = try file("good", sample)
    let output = try verify(good, path)
    #expect(output.exit == .exited(code: 65))
    #expect(output.text.contains("DAMAGED: "))
    #expect(output.errorText.contains("\(path) is damaged"))
    #expect(output.errorText.contains("docs/journal.md"))
    let json = try journals(try verify(good, path, "--json"))
    #expect(json.count == 2 && json[0]["damage"] == .null)
    #expect(json[1]["isIntact"] == false && json[1]["damage"]?.stringValue != nil)
    // Where docs/journal.md says to cut it, it is good again.
    let end = try #require(json[1]["intactBytes"]?.integerValue)
    let cut = try verify(try file("cut", Array(bytes.prefix(Int(end)))))
    #expect(cut.exit == .exited(code: 0), "\(cut.text)")
  }

  @Test func unreadableIs66() throws {
    let output = try verify(directory.appending("none"))
    #expect(output.exit == .exited(code: 66))
    #expect(output.errorText.contains("cannot read"))
    #expect(
      try Program.run(Products.path("stagekeeper-admin"), ["journal", "verify"]).exit == .exited(code: 64))
  }
}
