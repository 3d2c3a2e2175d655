import StrictJSON
import SystemCalls
import TestSupport
import Testing
import WireProtocol

/// proto-spec is complete and well-formed.
@Suite struct SpecificationTests {
  private func documents(in folder: String) throws -> [(name: String, value: JSONValue)] {
    try Files.names(in: Products.file(folder)).filter { $0.hasSuffix(".json") }.sorted().map { name in
      (name, try JSONValue(parsing: Array(try Products.text("\(folder)/\(name)").utf8), maximumDepth: 64))
    }
  }

  @Test func vectorsHaveNamesOfTheirOwnAndKnownSteps() throws {
    let steps = ["send", "byteByByte", "finishSending", "reply", "replies", "final", "closed"]
    let parts = ["json", "text", "padTo", "hex", "raw"]
    var names = Set<String>()
    for (file, value) in try documents(in: "proto-spec/vectors") {
      for vector in try #require(value.arrayValue) {
        let name = try #require(vector["name"]?.stringValue)
        #expect(names.insert("\(file) \(name)").inserted, "\(name) is there twice")
        for step in try #require(vector["steps"]?.arrayValue) {
          #expect(step.objectValue?.keys.allSatisfy(steps.contains) == true, "\(name)")
          for part in step["send"]?.arrayValue ?? [] {
            #expect(part.objectValue?.keys.allSatisfy(parts.contains) == true, "\(name)")
          }
        }
      }
    }
    #expect(names.count > 100)
  }

  /// Every code that the sources name is in the table of errors.
  @Test func everyErrorCodeIsDocumented() throws {
    let table = try Products.text("proto-spec/protocol.md")
    let wire = try Products.text("Sources/WireProtocol/WireError.swift")
    let codes = words(after: "rawValue: \"", in: wire)
    #expect(codes.count > 20)
    for code in codes { #expect(table.contains("`\(code)`"), "\(code)") }
    let refusals = words(
      after: "Code(description: \"", in: try Products.text("Sources/Registry/Planning/Refusal.swift"))
    #expect(refusals.count > 15)
    for refusal in refusals {
      let code = refusal.reduce(into: "") { $0 += $1.isUppercase ? "_\($1.lowercased())" : "\($1)" }
      #expect(table.contains("`\(code)`"), "\(code)")
    }
  }

  @Test func theLimitsAreThoseOfTheSource() throws {
    let table = try Products.text("proto-spec/protocol.md")
    for limit in [
      ProtocolLimits.requestBytes, ProtocolLimits.replyBytes, ProtocolLimits.messageBytes,
      Int(ProtocolLimits.maximumID),
    ] {
      #expect(table.contains(grouped(limit)), "\(limit)")
    }
  }

  /// The schemas refer to nothing that is not there.
  @Test func schemaReferences() throws {
    let schemas = Dictionary(
      uniqueKeysWithValues: try documents(in: "proto-spec/schema").map { ($0.name, $0.value) })
    #expect(schemas.count == 6)
    for (name, schema) in schemas {
      for reference in references(schema) {
        let parts = reference.split(separator: "#", omittingEmptySubsequences: false)
        let document = schemas[parts[0].isEmpty ? name : String(parts[0])]
        let definition = parts[1].split(separator: "/").last.flatMap { document?["$defs"]?[String($0)] }
        #expect(definition != nil, "\(name): \(reference)")
      }
    }
  }

  private func references(_ value: JSONValue) -> [String] {
    switch value {
    case .object(let object):
      object.members.flatMap { $0.key == "$ref" ? [$0.value.stringValue ?? ""] : references($0.value) }
    case .array(let values): values.flatMap(references)
    default: []
    }
  }

  private func words(after prefix: String, in text: String) -> [String] {
    text.split(separator: prefix).dropFirst().compactMap { $0.split(separator: "\"").first.map(String.init) }
  }

  private func grouped(_ number: Int) -> String {
    let digits = Array(String(number))
    return digits.indices.map { index in
      (index > 0 && (digits.count - index) % 3 == 0 ? "," : "") + String(digits[index])
    }.joined()
  }
}
