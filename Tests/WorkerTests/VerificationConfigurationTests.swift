import Testing

@testable import Worker

struct VerificationConfigurationTests {
  private func read(_ verification: String) throws -> VerificationConfiguration? {
    let text = "{ repositories: { r: { url: \"/r\", verification: \(verification) } } }"
    return try Configuration(json5: Array(text.utf8)).repositories.first?.verification
  }

  private func problem(_ verification: String) -> String {
    do {
      _ = try read(verification)
      return "none"
    } catch {
      return "\(error)"
    }
  }

  @Test func files() throws {
    #expect(
      try read("{ allowedSignersFile: \"/a\", revokedKeysFile: \"/r\", caFile: \"/c\" }")
        == VerificationConfiguration(allowedSignersFile: "/a", revokedKeysFile: "/r", caFile: "/c"))
    #expect(try read("{ caFile: \"/c\" }") == VerificationConfiguration(caFile: "/c"))
  }

  @Test("what is wrong is named")
  func problems() {
    let place = "repositories.r.verification"
    #expect(problem("{}").contains("\(place).allowedSignersFile: is missing"))
    #expect(problem("{ revokedKeysFile: \"/r\" }").contains("\(place).allowedSignersFile: is missing"))
    #expect(problem("{ caFile: \"c\" }").contains("\(place).caFile: expected an absolute path"))
    #expect(problem("{ caFiles: \"/c\" }").contains("caFile"))
  }
}
