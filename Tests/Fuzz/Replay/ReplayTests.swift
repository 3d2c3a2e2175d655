import Foundation
import Testing

@testable import Worker

/// Every input of the corpora, among them those that once showed a defect.
@Suite struct ReplayTests {
  struct Input: CustomTestStringConvertible, Sendable {
    let target: FuzzTarget
    let path: String
    var testDescription: String { path }
  }

  static let corpora = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Corpora")

  static func inputs(of target: FuzzTarget) throws -> [Input] {
    try FileManager.default.contentsOfDirectory(atPath: corpora.appending(path: target.name).path()).sorted()
      .map { Input(target: target, path: "\(target.name)/\($0)") }
  }

  @Test(arguments: try FuzzTarget.all.flatMap(inputs))
  func holds(_ input: Input) async throws {
    try await input.target.run([UInt8](Data(contentsOf: Self.corpora.appending(path: input.path))))
  }

  @Test func eachCorpusHasATarget() throws {
    let folders = try FileManager.default.contentsOfDirectory(atPath: Self.corpora.path())
    #expect(Set(folders) == Set(FuzzTarget.all.map(\.name)))
    for target in FuzzTarget.all { #expect(try Self.inputs(of: target).count >= 10, "\(target.name)") }
  }

  /// So that changes to it are configurations too: what is refused at its first key shows nothing about the others.
  @Test func everyDocumentedKeyIsInAnAcceptedConfiguration() throws {
    let seed = Self.corpora.appending(path: "configuration/everything")
    let text = try String(contentsOf: seed, encoding: .utf8)
    _ = try Configuration(json5: [UInt8](text.utf8))
    let folder = Self.corpora.deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let page = try String(contentsOf: folder.appending(path: "docs/configuration.md"), encoding: .utf8)
    let cells = page.split(separator: "\n").filter { $0.hasPrefix("| `") }.map { $0.split(separator: "|")[0] }
    let keys = cells.flatMap { $0.matches(of: /`([A-Za-z]+)`/).map { String($0.1) } }
    #expect(keys.count >= 90)
    for key in keys { #expect(text.contains("\(key): "), "\(key)") }
  }

  /// Of an input that is nothing, and of noise.
  @Test(arguments: FuzzTarget.all.map(\.name)) func noise(_ name: String) async throws {
    let target = try #require(FuzzTarget.all.first { $0.name == name })
    for length in 0..<64 {
      try await target.run((0..<length).map { UInt8(truncatingIfNeeded: $0 &* length &* 37) })
    }
  }
}
