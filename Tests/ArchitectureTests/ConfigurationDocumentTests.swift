import AuditLog
import Foundation
import SystemCalls
import TestSupport
import Testing

@testable import Worker

/// docs/configuration.md and the worker agree.
struct ConfigurationDocumentTests {
  /// The configurations that the documents show, with accounts that every system has.
  static func examples() throws -> [String] {
    try ["README.md", "docs/configuration.md"].flatMap { file in
      try Checkout.text(file).components(separatedBy: "```json5\n").dropFirst().map { part in
        let example = try #require(part.components(separatedBy: "\n```").first)
        return ["gitlab-runner", "ci-churn", "churn-team"].reduce(example) {
          $0.replacing("\"\($1)\"", with: "\"daemon\"")
        }
      }
    }
  }

  @Test func theWorkerReadsEveryExample() throws {
    let examples = try Self.examples()
    #expect(examples.count == 2)
    let directory = try TemporaryDirectory()
    for (index, example) in examples.enumerated() {
      let file = try directory.write("\(index).json5", example)
      let output = try Program.run(try Checkout.product("stagekeeperd"), ["--config", file, "--check"])
      // The keys that an example names are not here, and the check says so; all else has to be good.
      let lines = output.errorText.split(separator: "\n")
      let expected = [
        "keys of a repository can't be used", "can't use all files that the configuration names",
      ]
      #expect(lines.allSatisfy { line in expected.contains { line.contains($0) } }, "\(output.errorText)")
      #expect(output.exit == .exited(code: lines.isEmpty ? 0 : 78), "\(output.errorText)")
    }
  }

  @Test func misspeltKeysAreErrors() throws {
    let example = try #require(try Self.examples().last).replacing("tagsPerPush", with: "tagsPerPusch")
    let error = #expect(throws: ConfigurationError.self) { try Configuration(json5: Array(example.utf8)) }
    #expect(error?.message.contains("tagsPerPush\"") == true, "\(error?.message ?? "")")
  }

  // MARK: Numbers

  static func limits() throws -> [(key: String, standard: Int, range: ClosedRange<Int>)] {
    try numbers(in: "limits")
  }

  /// The rows of a section's table of numbers: key, default, range.
  static func numbers(in name: String) throws -> [(key: String, standard: Int, range: ClosedRange<Int>)] {
    let text = try Checkout.text("docs/configuration.md")
    let parts = text.components(separatedBy: "### `\(name)`\n")
    let section = try #require(parts.count == 2 ? parts[1].components(separatedBy: "\n#").first : nil)
    return section.matches(of: /\| `(\w+)` \|.*\| (\d+) \| (\d+)–(\d+) \|/).compactMap { match in
      guard let standard = Int(match.output.2), let low = Int(match.output.3), let high = Int(match.output.4)
      else { return nil }
      return (String(match.output.1), standard, low...high)
    }
  }

  @Test func everyLimitIsDocumentedWithItsDefault() throws {
    let documented = Dictionary(uniqueKeysWithValues: try Self.limits().map { ($0.key, $0.standard) })
    let real = Mirror(reflecting: Limits()).children.compactMap { child -> (String, Int)? in
      guard let label = child.label, let value = child.value as? Int else { return nil }
      return (label, value)
    }
    #expect(documented == Dictionary(uniqueKeysWithValues: real))
  }

  @Test("the limits that are marked are those that only a restart applies")
  func marks() throws {
    let text = try Checkout.text("docs/configuration.md")
    let marked = text.matches(of: /\n\| `(\w+)` \|[^|]*¹ \|/).map { String($0.output.1) }
    #expect(Set(marked) == Set(Limits.fixedAtStart.map(\.key)))
  }

  @Test func everyAuditSettingIsDocumentedWithItsDefault() throws {
    let documented = Dictionary(
      uniqueKeysWithValues: try Self.numbers(in: "audit").map { ($0.key, $0.standard) })
    let real = Mirror(reflecting: AuditSettings()).children.compactMap { child -> (String, Int)? in
      guard let label = child.label, let value = child.value as? Int else { return nil }
      return (label, value)
    }
    #expect(documented == Dictionary(uniqueKeysWithValues: real))
  }

  @Test(arguments: ["limits", "audit"])
  func rangesAreThoseOfTheDocument(_ section: String) throws {
    func isAccepted(_ key: String, _ value: Int) -> Bool {
      let text = "{ repositories: { x: { url: '/x' } }, \(section): { \(key): \(value) } }"
      return (try? Configuration(json5: Array(text.utf8))) != nil
    }
    for (key, _, range) in try Self.numbers(in: section) {
      #expect(isAccepted(key, range.lowerBound) && isAccepted(key, range.upperBound), "\(key)")
      #expect(!isAccepted(key, range.lowerBound - 1) && !isAccepted(key, range.upperBound + 1), "\(key)")
    }
  }

  // MARK: The other keys

  @Test func everyOtherKeyIsDocumented() throws {
    let example = try #require(try Self.examples().last)
    let configuration = try Configuration(json5: Array(example.utf8))
    let churn = try #require(configuration.repository("churn"))
    let fraud = try #require(configuration.repository("fraud"))
    try expectKeys("repositories.ID", of: churn, except: ["id"])
    try expectKeys("repositories.ID.ssh", of: try #require(churn.ssh))
    try expectKeys("repositories.ID.https", of: try #require(fraud.https))
    try expectKeys("repositories.ID.tagger", of: churn.tagger)
    try expectKeys("repositories.ID.signing", of: try #require(churn.signing))
    try expectKeys("repositories.ID.verification", of: try #require(churn.verification))
    try expectKeys("repositories.ID.containment", of: churn.containment)
    try expectKeys("grants[]", of: try #require(configuration.grants.first), except: ["index"])
  }

  /// The section's table has a row for each stored property, and no other.
  private func expectKeys(_ section: String, of value: Any, except: Set<String> = []) throws {
    let text = try Checkout.text("docs/configuration.md")
    let parts = text.components(separatedBy: "### `\(section)`\n")
    let table = try #require(
      parts.count == 2 ? parts[1].components(separatedBy: "\n#").first : nil, "\(section)")
    let documented = Set(table.matches(of: /\n\| `(\w+)` \|/).map { String($0.output.1) })
    let real = Set(Mirror(reflecting: value).children.compactMap(\.label)).subtracting(except)
    #expect(documented == real, "\(section)")
  }
}
