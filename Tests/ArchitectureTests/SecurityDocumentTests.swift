import Testing

/// Every test that docs/security.md names as holding a promise is there, and every promise has one.
struct SecurityDocumentTests {
  private static func promises() throws -> [(promise: String, tests: [String])] {
    let text = try Checkout.text("docs/security.md")
    let start = try #require(text.firstRange(of: "| promise | held by |\n|---|---|\n")).upperBound
    return text[start...].split(separator: "\n", omittingEmptySubsequences: false).prefix {
      $0.hasPrefix("| ")
    }
    .map { line in
      let cells = line.split(separator: "|").map { $0.trimmingPrefix(" ") }
      let tests = cells[1].split(separator: "`").map(String.init).filter { $0.contains(".") }
      return (String(cells[0]), tests)
    }
  }

  @Test func everyPromiseIsHeldByTestsThatExist() throws {
    let promises = try Self.promises()
    #expect(promises.count >= 20)
    let files = try Checkout.files(in: "Tests", ending: ".swift").map(Checkout.text)
    for (promise, tests) in promises {
      #expect(!tests.isEmpty, "nothing holds: \(promise)")
      for test in tests {
        let parts = test.split(separator: ".").map(String.init)
        let isThere = files.contains { text in
          text.contains("struct \(parts[0]) {") && text.contains("func \(parts[1])(")
        }
        #expect(isThere, "\(test) holds \"\(promise)\", and there is none")
      }
    }
  }
}
